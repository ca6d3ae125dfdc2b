"""Every call fails once: each scenario is run again and again, and each time another system call or
allocation of its tool fails. What must hold each time: the tool ends in time, and either tells of
it, or goes on and all is right. See --help."""

import argparse
import collections
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cli"))

from failing import Failure, can_inject  # noqa: E402
from running import Rig, Run, Wrong, servers  # noqa: E402
from scenarios import ALWAYS, SCENARIOS  # noqa: E402

SAMPLE = 600  # single failures, in half a minute on two processors
MOST = 1500  # of one kind and error in one scenario; beyond, a spread
SKIPPED = 77


def attempt(task):
    """(outcome, what went wrong or what was met) of one run; outcome: told, went on, not met, wrong."""
    name, failure, rig, trace = task
    folder = Path(tempfile.mkdtemp(prefix="torture-", dir=rig.folder))
    run, why = Run(rig, folder, failure), ""
    try:
        outcome = SCENARIOS[name](run)
        for victim in run.victims:
            victim.end()
        run.look_for_crashes()
        if failure is None:
            if outcome != "went on":
                raise Wrong(f"{outcome} without a failure")
        elif not any(victim.happened() for victim in run.victims):
            return task, "not met", ""
        elif outcome == "went on":
            run.must_be_told()
    except Exception as error:  # pylint: disable=broad-except
        outcome = "wrong"
        why = str(error) if isinstance(error, Wrong) else f"{type(error).__name__}: {error}"
    finally:
        run.end()
        shutil.rmtree(folder, ignore_errors=True)
    if failure is None:
        return task, outcome, run.possible() if outcome != "wrong" else f"{why}\n{run.said()}"
    if outcome == "wrong" or trace:
        why = f"{why}\n{run.met()}\n{run.said()}"
    return task, outcome, why


def failures_of(possible, chance):
    """Each failure that a run without one has shown to be possible."""
    asked, allocations = possible
    made = [Failure("malloc", "ENOMEM", number) for number in allocations]
    numbers = collections.Counter()
    for call, errors in asked:
        numbers[call] += 1
        made += [Failure(call, error, numbers[call]) for error in errors]
    by_kind = collections.defaultdict(list)
    for failure in made:
        by_kind[failure.call, failure.error].append(failure)
    return [each for all_of in by_kind.values()
            for each in (all_of if len(all_of) <= MOST else chance.sample(all_of, MOST))]


def sampled(by_scenario, chance):
    """One of each kind of each scenario in turn, until there are enough."""
    queues = []
    for name, failures in by_scenario.items():
        by_kind = collections.defaultdict(list)
        for failure in failures:
            by_kind[failure.call].append(failure)
        for kind in by_kind.values():
            chance.shuffle(kind)
            queues.append((name, kind))
    chance.shuffle(queues)
    chosen = []
    while len(chosen) < SAMPLE and any(kind for _, kind in queues):
        chosen += [(name, kind.pop()) for name, kind in queues if kind]
    return chosen[:SAMPLE]


class Table:
    """How many failures of each kind there were, and how each ended."""

    OUTCOMES = ("told", "went on", "not met", "wrong")

    def __init__(self):
        self.counts = collections.defaultdict(collections.Counter)

    def add(self, name, failure, outcome):
        self.counts[name, failure.call][outcome] += 1

    def print(self):
        print(f"{'scenario':<22}{'call':<20}" + "".join(f"{each:>9}" for each in self.OUTCOMES))
        sums, last = collections.Counter(), ""
        for (name, call), counts in sorted(self.counts.items()):
            print(f"{name if name != last else '':<22}{call:<20}" +
                  "".join(f"{counts[each] or '-':>9}" for each in self.OUTCOMES))
            sums, last = sums + counts, name
        print(f"{'all':<42}" + "".join(f"{sums[each]:>9}" for each in self.OUTCOMES))
        return sums


def arguments():
    parser = argparse.ArgumentParser(prog="./dev torture", description=__doc__)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help="all, unless some are named")
    parser.add_argument("--sample", action="store_true",
                        help=f"{SAMPLE} failures, chosen by the seed, and those of --kept")
    parser.add_argument("--kept", action="store_true",
                        help="what once went wrong; as with --sample, what does so is tried twice more, "
                             "and right if both are")
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100000)
    parser.add_argument("--only", type=Failure.parse, metavar="CALL:ERROR:N",
                        help="this failure alone, and what the tool printed")
    parser.add_argument("--tries", type=int, default=1, help="so many times, of --only")
    parser.add_argument("--calls", default="", help="these kinds alone, comma-separated; -KIND: all others")
    parser.add_argument("--list", action="store_true", help="the scenarios' names")
    parser.add_argument("--jobs", type=int, default=2 * len(os.sched_getaffinity(0)))
    asked = parser.parse_args()
    for name in asked.scenarios:
        if not [each for each in SCENARIOS if each.startswith(name)]:
            parser.error(f"no scenario {name!r}: see --list")
    return asked


def chosen_names(asked):
    """Those of exactly such a name, or else those that begin so."""
    chosen = {each for word in asked.scenarios or [""] for each in
              ([word] if word in SCENARIOS else filter(lambda name: name.startswith(word), SCENARIOS))}
    return [name for name in SCENARIOS if name in chosen]


def planned(pool, rig, asked, chance):
    """The failures to inject; counted by a run of each scenario without one."""
    by_scenario, wrong = {}, []
    for (name, *_), outcome, found in pool.imap(
            attempt, [(name, None, rig, False) for name in chosen_names(asked)]):
        if outcome == "wrong":
            wrong.append(f"torture: {name} is wrong without a failure: {found}")
        else:
            by_scenario[name] = failures_of(found, chance)
    if wrong:  # once nothing runs any more that would be left behind
        sys.exit("\n".join(wrong))
    if asked.calls:
        kinds = asked.calls.lstrip("-").split(",")
        others = asked.calls.startswith("-")
        by_scenario = {name: [each for each in failures if (each.call in kinds) != others]
                       for name, failures in by_scenario.items()}
    always = [(name, Failure.parse(text)) for name, text in ALWAYS if name in by_scenario]
    if asked.sample:
        return always + sampled(by_scenario, chance)
    everything = [(name, each) for name, failures in by_scenario.items() for each in failures]
    return list(dict.fromkeys(everything + always))


def torture(asked, rig):
    chance = random.Random(asked.seed)
    with multiprocessing.Pool(asked.jobs) as pool:
        if asked.only:  # of several threads the order varies, and with it what has a number
            tasks = [(name, asked.only) for name in chosen_names(asked)] * asked.tries
        else:
            print(f"torture: seed {asked.seed}", flush=True)
            kept = [(name, Failure.parse(text)) for name, text in ALWAYS]
            tasks = kept if asked.kept else planned(pool, rig, asked, chance)
            print(f"torture: {len(tasks)} single failures", flush=True)
        tried_again = asked.kept or asked.sample
        table, wrong, again, repeated = Table(), [], [], 0
        trace = asked.only is not None
        said = time.monotonic()
        for done, ((name, failure, *_), outcome, found) in enumerate(pool.imap_unordered(
                attempt, [(*each, rig, trace) for each in tasks], chunksize=1), 1):
            if time.monotonic() > said + 30:
                said = time.monotonic()
                print(f"torture: {done} of {len(tasks)}", file=sys.stderr, flush=True)
            table.add(name, failure, outcome)
            if outcome == "wrong":
                wrong.append(f"./dev torture {name} --only '{failure}'")
                print(f"WRONG: {found}\n  again: {wrong[-1]}", flush=True)
            elif trace:
                print(f"{name} {failure}: {outcome}: {found}")
            if outcome == "wrong" and tried_again:  # in another order of threads it may be another call
                again += [(name, failure, rig, False)] * 2
        for (name, failure, *_), outcome, _ in pool.imap_unordered(attempt, again):
            repeated += outcome == "wrong"
            print(f"once more: {name} {failure}: {outcome}")
    sums = table.print()
    if wrong:
        print("wrong, and to be run again by:", *wrong, sep="\n  ")
    return 1 if (repeated if tried_again else sums["wrong"]) else 0


def main():
    asked = arguments()
    if asked.list:
        print(*SCENARIOS, sep="\n")
        return 0
    if why := can_inject():
        print(f"torture: skipped: {why}")
        return SKIPPED
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="torture-") as folder, servers(Path(folder)) as places:
        status = torture(asked, Rig(Path(folder), places))
    print(f"torture: {time.monotonic() - started:.0f} s")
    return status


if __name__ == "__main__":
    sys.exit(main())
