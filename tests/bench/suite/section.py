"""What a measure gets and hands over: tables, bars to be judged by, every figure of every run."""

from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Tuple

from ratios import Bar, Spread
from scale import Scale


class Setting(NamedTuple):
    """What a measure gets."""
    scale: Scale
    directory: Path  # for its files, and empty
    say: Callable  # tells the user how far it is
    only: Tuple[str, ...] = ()  # the names of competitors; none is all


class Table(NamedTuple):
    heading: str
    columns: List[str]  # the first holds names, the others numbers
    rows: List[List[str]]


class Section(NamedTuple):
    title: str
    about: str
    tables: List[Table]
    bars: List[Bar]
    raw: Dict[str, Any]
    skipped: List[str]


def number(value):
    """To three places that mean something: 0.0123, 1.23, 12.3, 123, 12300."""
    if value != value:  # no number
        return "-"
    if value == 0:
        return "0"
    places = 3
    for limit in (1, 10, 100):
        places -= abs(value) >= limit
    return f"{value:.{max(places, 0)}f}"


def spread_text(spread):
    if spread.least == spread.most:
        return number(spread.median)
    return f"{number(spread.median)} ({number(spread.least)}..{number(spread.most)})"


def median_text(values):
    return spread_text(Spread.of(values))


def able(competitors, setting):
    """Those that can run, and why the others cannot: (list, {name: reason})."""
    asked = [each for each in competitors if not setting.only or each.name in setting.only]
    return ([each for each in asked if not each.missing],
            {each.name: each.missing for each in asked if each.missing})


def skipped_lines(missing):
    return [f"{name}: {why}" for name, why in missing.items()]


def raw_results(results):
    return {name: [each._asdict() for each in runs] for name, runs in results.items()}
