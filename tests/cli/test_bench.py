"""The bench runs and writes what it promises; how fast anything was is no matter here."""

import json
import subprocess

import pytest

from harness import BIN, ROOT, WAIT

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
    for engine in ("epoll", "floor"):
        only, = runs["20"][engine]
        assert only["first_line_s"] >= 1, "a line came before it was due"
        assert only["bytes_a_client"] >= 0
    assert figures["machine"]["kernel"] in text
    for bar in figures["bars"]:
        assert bar["measure"] in text
        assert (bar["value"] is None) == bool(bar["why_not"])


def test_a_measure_that_there_is_not_is_a_usage_error(needs_programs):
    done = bench("nonsense")
    assert done.returncode == 2
    assert "no such measure: nonsense" in done.stderr
    assert "clients" in done.stderr
