"""Several competitors in turn, and what their figures say of each other."""

import statistics
from typing import NamedTuple, Optional

from processes import Failed

SLACK = 0.15  # for noise, of every bar


class Spread(NamedTuple):
    """Median, least and most of some runs."""
    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values):
        values = list(values)
        return cls(statistics.median(values), min(values), max(values))


class Bar(NamedTuple):
    """What has to be shown: a value (often a ratio) that is at most, or at least, so much."""
    measure: str
    value: Optional[Spread]  # none where it could not be measured
    bar: float
    at_least: bool = False
    unit: str = ""
    slack: float = 0  # absolute; without it, SLACK of the bar
    why_not: str = ""  # it could not be measured

    @property
    def is_met(self):
        slack = self.slack or SLACK * self.bar
        if self.at_least:
            return self.value.median >= self.bar - slack
        return self.value.median <= self.bar + slack


def in_turn(competitors, measure, setting, missing):
    """{name: [result of each round]}: A B C A B C, so that what disturbs one disturbs all.

    Who fails in a round is left out from then on, and `missing` gets the reason.
    """
    results = {each.name: [] for each in competitors}
    for turn in range(setting.scale.pairs):
        for each in competitors:
            if each.name in missing:
                continue
            setting.say(f"  round {turn + 1} of {setting.scale.pairs}: {each.name}")
            try:
                results[each.name].append(measure(each))
            except Failed as failure:
                missing[each.name] = str(failure)
                setting.say(f"  {each.name}: {failure}")
    return {name: runs for name, runs in results.items() if name not in missing}


def yardstick(results, preferred):
    """The competitor that the others are compared with: the preferred one if it took part."""
    return preferred if preferred in results else next(iter(results), None)


def values(results, figure):
    return [getattr(each, figure) for each in results]


def ratio(results, name, against, figure):
    """The spread of the ratios of each round."""
    pairs = zip(values(results[name], figure), values(results[against], figure))
    return Spread.of(one / other for one, other in pairs)


def bar_of_ratio(results, name, against, figure, what, bar, at_least=False, missing=None):
    """A bar's row; `missing` tells of competitors that could not run."""
    measure = f"{what}: {name} against {against}"
    for each in (name, against):
        if each not in results:
            why = (missing or {}).get(each, "not in this run")
            return Bar(measure, None, bar, at_least, why_not=why)
    return Bar(measure, ratio(results, name, against, figure), bar, at_least)
