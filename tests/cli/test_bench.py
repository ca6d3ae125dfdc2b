"""The bench runs and writes what it promises; how fast anything was is no matter here."""

import json
import subprocess
import sys

import pytest

from harness import BIN, ROOT, WAIT

sys.path.insert(0, str(ROOT / "tests/bench/suite"))
from ratios import Bar, Spread, ratio  # noqa: E402

BENCH = ["/usr/bin/python3", "-B", ROOT / "tests/bench/suite"]


def bench(*args):
    return subprocess.run([*BENCH, *map(str, args)], capture_output=True, text=True, check=False,
                          timeout=4 * WAIT)


@pytest.fixture
def needs_programs():
    if not (BIN / "bench-hold").exists():
        pytest.skip(f"no programs of the bench in {BIN}")


def test_a_fraction_of_a_measure_ends_in_a_table_and_in_json(tmp_path, needs_programs):
    stem = tmp_path / "results"
    done = bench("--quick", "--clients", 20, "--window", 1, "--only", "epoll,floor",
                 "--output", stem, "clients")
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "results.md").read_text()
    assert done.stdout == text + "\n"
    assert "### 20 clients" in text
    figures = json.loads((tmp_path / "results.json").read_text())
    runs, = figures["runs"].values()
    assert set(runs["20"]) == {"epoll", "floor"}, done.stderr
    for engine in ("epoll", "floor"):
        only, = runs["20"][engine]
        assert only["first_line_s"] >= 1, "a line came before it was due"
        assert only["bytes_a_client"] >= 0
    assert figures["machine"]["kernel"] in text
    for bar in figures["bars"]:
        assert bar["measure"] in text
        assert (bar["value"] is None) == bool(bar["why_not"])


def test_the_page_is_measured_with_its_bars(tmp_path, needs_programs):
    stem = tmp_path / "results"
    done = bench("--quick", "--window", 1, "--output", stem, "page")
    assert done.returncode == 0, done.stderr
    figures = json.loads((tmp_path / "results.json").read_text())
    runs, = figures["runs"].values()
    held, = runs["held"]
    assert held["lost"] == 0 and 0 < held["p50_ms"] <= held["p99_ms"] <= held["max_ms"]
    assert len(figures["bars"]) == 6


def test_many_clients_are_held_reloaded_under_killed_and_drained(tmp_path, needs_programs):
    done = bench("--quick", "--clients", 90, "--output", tmp_path / "results", "million")
    assert done.returncode == 0, done.stderr
    figures = json.loads((tmp_path / "results.json").read_text())
    runs, = figures["runs"].values()
    rows = dict(runs["rows"])
    assert rows["clients"] == "90" and rows["exit status"] == "0"
    assert 90 <= int(rows["lines measured"]) <= 270
    assert 0 < int(rows["its clients"]) < 90
    lost, _ = figures["bars"]
    assert lost["value"]["median"] == 0


class Run:
    def __init__(self, cost):
        self.cost = cost


def test_a_ratio_is_taken_within_each_round_and_its_median_is_judged():
    results = {"ours": [Run(2), Run(30), Run(2)], "theirs": [Run(2), Run(10), Run(4)]}
    assert ratio(results, "ours", "theirs", "cost") == Spread(1, 0.5, 3)


@pytest.mark.parametrize("bar, is_met", [
    (Bar("cost", Spread(1.14, 1, 2), 1.0), True),
    (Bar("cost", Spread(1.16, 1, 2), 1.0), False),
    (Bar("rate", Spread(0.86, 0, 1), 1.0, at_least=True), True),
    (Bar("rate", Spread(0.84, 0, 1), 1.0, at_least=True), False),
    (Bar("drift", Spread(9, 0, 20), 0.0, slack=10), True),
    (Bar("drift", Spread(11, 0, 20), 0.0, slack=10), False),
])
def test_a_bar_is_met_within_its_slack(bar, is_met):
    assert bar.is_met == is_met


def test_a_measure_that_there_is_not_is_a_usage_error(needs_programs):
    done = bench("nonsense")
    assert done.returncode == 2
    assert "no such measure: nonsense" in done.stderr
    assert "clients" in done.stderr
