"""Measures the tools side by side with what people would use instead; `./dev bench` runs it.

Prints a Markdown report, and writes it and all figures as JSON: the whole full run to
tests/bench/RESULTS, any other to build/bench. Each measure is one file of this folder.
"""

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path

import burst
import clients
import fetches
import fleet
import growth
import machine
import million
import page
import poems
import processes
import report
import servers
import stream
import tasks
from scale import FULL, QUICK
from section import Setting

MEASURES = {"clients": clients, "fleet": fleet, "burst": burst, "stream": stream, "poems": poems,
            "tasks": tasks, "fetches": fetches, "page": page, "million": million,
            "growth": growth}
SUITE = Path(__file__).resolve().parent
PROGRAMS = ("hold", "paced-floor", "poem-floor", "fetch-floor", "streams")


def arguments():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="enough to see that nothing is wrong")
    parser.add_argument("--pairs", type=int, help="rounds of each comparison")
    parser.add_argument("--clients", type=int, help="clients that `clients` and `million` hold")
    parser.add_argument("--window", type=float, help="seconds that held clients are measured for")
    parser.add_argument("--only", default="", help="the competitors, by name: epoll,floor")
    parser.add_argument("--output", type=Path, help="where to write, without .md and .json")
    parser.add_argument("measures", nargs="*", metavar="MEASURE", help=", ".join(MEASURES))
    asked = parser.parse_args()
    unknown = [name for name in asked.measures if name not in MEASURES]
    if unknown:
        scripts = sorted(path.stem for path in SUITE.parent.glob("*.py"))
        parser.error(f"no such measure: {unknown[0]} (there are: {', '.join(MEASURES)}; "
                     f"scripts: {', '.join(scripts)})")
    return asked


def scale_of(asked):
    scale = QUICK if asked.quick else FULL
    if asked.pairs:
        scale = scale._replace(pairs=asked.pairs)
    if asked.clients:
        scale = scale._replace(clients=(asked.clients,), million=asked.clients)
    if asked.window:
        scale = scale._replace(window=asked.window)
    return scale


def output_of(asked):
    """A whole full run is the one that is kept with the sources."""
    if asked.output:
        return asked.output
    if scale_of(asked) != FULL or asked.measures or asked.only:
        return servers.ROOT / "build/bench" / ("quick" if asked.quick else "part")
    return servers.ROOT / "tests/bench/RESULTS"


def say(text):
    print(text, file=sys.stderr, flush=True)


def measured(names, scale, only):
    """The sections of these measures, of which each gets an empty folder."""
    sections = []
    for name in names:
        say(f"{name}:")
        with tempfile.TemporaryDirectory() as directory:
            sections.append(MEASURES[name].run(Setting(scale, Path(directory), say, only)))
    return sections


def write(stem, text, figures):
    stem.parent.mkdir(parents=True, exist_ok=True)
    for suffix, content in ((".md", text), (".json", figures)):
        path = stem.with_name(stem.name + suffix)
        path.write_text(content)
        say(f"written: {path}")


def main():
    for number in (signal.SIGINT, signal.SIGTERM):  # every block is left, and ends what it started
        signal.signal(number, lambda which, _: sys.exit(128 + which))
    asked, started = arguments(), time.monotonic()
    absent = [name for name in PROGRAMS if not servers.bench_program(name).exists()]
    if absent:
        sys.exit(f"bench: no bench-{absent[0]} in {servers.BIN}: build the preset 'bench'")
    processes.raise_descriptor_limit()
    where, scale = machine.described(), scale_of(asked)
    only = tuple(filter(None, asked.only.split(",")))
    sections = measured(asked.measures or MEASURES, scale, only)
    command = " ".join(["./dev bench", *sys.argv[1:]])
    how = (f"`{command}`: {scale.pairs} rounds of each comparison, in "
           f"{time.monotonic() - started:.0f} s.")
    text = report.markdown(where, how, sections)
    write(output_of(asked), text, report.as_json(where, how, sections))
    print(text)


if __name__ == "__main__":
    main()
