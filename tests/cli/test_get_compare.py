"""Several engines on the same servers: every figure its engine's own, and one honest end."""

import itertools
import re
import signal

import pytest

from harness import (ENGINES, SANITIZED, refused_port, replying, resetting, run, silent, trickling)

POEM = b"one\ntwo\nthree\n"


def test_all_engines_give_the_same(server, poem, fetch):
    port = server("-d0", poem(POEM)).port
    with refused_port() as refused:
        result = fetch("-e", "all", port, refused, port)
    assert (result.status, result.out) == (1, POEM * 2), "only the first one prints"
    assert [run["engine"] for run in result.report] == ENGINES
    for run_ in result.report:
        assert (run_["servers"], run_["fetched"], run_["failed"], run_["bytes"]) == (
            3, 2, 1, 2 * len(POEM))
        assert [task["outcome"] for task in run_["tasks"]] == ["ok", "connect", "ok"]


def test_each_figure_is_the_engines_own(server, poem, fetch):
    port = server("-d", "100ms", poem(POEM)).port
    for run_ in fetch("-e", "sequential,select,sequential", "-n", "3", port).report:
        assert 0 < run_["cpu_user_s"] + run_["cpu_system_s"] < run_["elapsed_s"]
        assert run_["context_switches"] >= 3 and run_["wakeups"] >= 3
        assert 1000 < run_["max_rss_kib"]


@pytest.mark.skipif(SANITIZED, reason="sanitizers keep what is freed")
def test_no_engine_has_the_memory_of_those_before(fetch):
    with refused_port() as refused:
        report = fetch("-q", "-e", "select,select,select", "-n", "20000", "-j", "50",
                       "--print", "none", refused).report
    peaks = [run_["max_rss_kib"] for run_ in report]
    assert max(peaks) - min(peaks) < 2048, peaks


def rows(err):
    """{engine: cells} of the table."""
    lines = err.splitlines()
    first = next(at for at, line in enumerate(lines) if line.startswith("engine "))
    table = itertools.takewhile(lambda line: not line.startswith("The slowest"), lines[first + 1:])
    return {cells[0]: cells[1:] for cells in (re.split(r"\s{2,}", line) for line in table)}


def test_the_ratio_is_that_to_one_floor(server, poem):
    ports = server("-d", "50ms", poem(POEM), poem(POEM, "b"), listeners=2).ports
    err = run("poetry-get", "-e", "sequential,select", *ports).err
    floor = float(re.search(r"^The slowest task takes (\d+\.\d{3}) s, the floor", err, re.M)[1])
    assert floor >= 0.15
    for elapsed, ratio, *_ in rows(err).values():
        assert abs(float(ratio) - float(elapsed.split()[0]) / floor) < 0.03


@pytest.mark.parametrize("bad", [1, 2])
def test_a_failure_under_one_engine_is_a_failure(peer, fetch, bad):
    def handle(sock, number, done):
        (resetting if number == bad else replying(POEM))(sock, number, done)

    result = fetch("-e", "sequential,select", peer(handle).port)
    assert result.status == 1
    assert [run_["fetched"] for run_ in result.report] == [int(bad != 1), int(bad != 2)]


def test_nothing_fetched_by_any_engine(fetch):
    with refused_port() as refused:
        assert fetch("-e", "sequential,select", refused).status == 3


def test_an_engine_that_cannot_run_is_shown_and_the_others_go_on(server, poem, tmp_path):
    port = server("-d0", poem(POEM)).port
    report = tmp_path / "report"
    for form in ("text", "json"):
        with open("/dev/full", "wb") as full:
            result = run("poetry-get", "-e", "select,sequential", "--report", form,
                         "--report-file", report, port, stdout=full)
        assert result.status == 1
        assert re.search("^poetry-get: engine select: .*No space left on device$", result.err, re.M)
        text = report.read_text()
        if form == "text":
            assert rows(text)["select"][-1] == "did not run"
            assert rows(text)["sequential"][-1] == "0"
        else:
            assert re.search(r'"engine": "select",\s+"error": ".*No space left', text)


def test_later_engines_do_the_work_of_printing_for_nothing(server, poem, tmp_path):
    port, out = server("-d0", poem(POEM)).port, tmp_path / "out"
    result = run("poetry-get", "-e", "sequential,select", "--print", "live", port)
    assert result.out == b"[1] one\n[1] two\n[1] three\n"
    assert run("poetry-get", "-e", "sequential,select", "-o", out, port).status == 0
    assert out.read_bytes() == POEM


def test_each_engine_writes_the_files_anew(peer, tmp_path):
    def handle(sock, number, done):
        replying(b"%d\n" % number)(sock, number, done)

    port, out = peer(handle).port, tmp_path / "out"
    assert run("poetry-get", "-e", "sequential,select", "-O", out, port).status == 0
    path, = out.iterdir()
    assert path.read_bytes() == b"2\n"


def test_a_signal_ends_the_comparison(getting, peer, tmp_path):
    report = tmp_path / "report"
    running = getting("-e", "sequential,select", "--report", "json", "--report-file", report,
                      peer(trickling).port)
    running.err.wait_for("Task 1: got")
    assert running.stop(signal.SIGINT) == 130
    text = report.read_text()
    assert '"interrupted"' in text and text.startswith("[{") and '"engine": "select"' not in text


def test_nothing_is_left_behind(getting, peer):
    waiting = peer(silent)
    running = getting("-e", "all", waiting.port)
    running.err.wait_for("Engine sequential")
    while not waiting.accepted:
        waiting.done.wait(0.01)
    with open(f"/proc/{running.pid}/task/{running.pid}/children") as children:
        engines = [int(pid) for pid in children.read().split()]
    assert len(engines) == len(ENGINES)
    running.send(signal.SIGKILL)
    running.wait()
    running.err.text()  # at its end, no process holds the pipe any more
