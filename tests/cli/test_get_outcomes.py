"""What poetry-get says of servers that misbehave, and that one never spoils the others."""

import re
import signal

import pytest

from harness import (ENGINES, SANITIZED, half_then_reset, refused_port, replying, resetting, run,
                     silent, trickling, unanswering_port)

POEM = b"one\ntwo\nthree\n"
pytestmark = pytest.mark.parametrize("engine", ENGINES)
PATIENCE = "5s" if SANITIZED else "1s"


def outcome(result):
    task, = result.report["tasks"]
    return task["outcome"]


def failure(result):
    line, = [line for line in result.err.splitlines() if line.startswith("Task 1 failed: ")]
    return line


def test_a_refused_connection(fetch, engine):
    with refused_port() as port:
        result = fetch("-e", engine, port)
    assert (result.status, outcome(result), result.out) == (3, "connect", b"")
    assert failure(result) == f"Task 1 failed: 127.0.0.1:{port}: connect: Connection refused"
    assert result.report["failed"] == 1
    assert "Connection refused" in result.report["tasks"][0]["error"]


def test_a_name_that_does_not_resolve(fetch, engine):
    result = fetch("-e", engine, "no-such-host.invalid:10000")
    assert (result.status, outcome(result)) == (3, "resolve")
    assert "no-such-host.invalid:10000" in failure(result)


def test_a_server_that_never_answers_the_handshake(fetch, engine):
    with unanswering_port() as port:
        result = fetch("-e", engine, "--connect-timeout", "200ms", port)
    assert outcome(result) == "connect-timeout" and f"127.0.0.1:{port}" in failure(result)
    assert result.report["elapsed_s"] >= 0.2


def test_a_silent_server(fetch, peer, engine):
    result = fetch("-e", engine, "--idle-timeout", "200ms", peer(silent).port)
    assert outcome(result) == "idle-timeout"
    assert result.report["tasks"][0]["longest_gap_s"] >= 0.2


def test_a_slow_server_is_not_idle(fetch, server, poem, engine):
    port = server("-d", "300ms", poem(b"x\n" * 5)).port
    assert outcome(fetch("-e", engine, "--idle-timeout", "1.2s", port)) == "ok"


def test_a_poem_without_an_end_meets_the_timeout(fetch, peer, engine):
    result = fetch("-e", engine, "--timeout", "300ms", "--print", "none", peer(trickling).port)
    assert outcome(result) == "timeout" and result.report["elapsed_s"] >= 0.3


def test_a_reset(fetch, peer, engine):
    def asked(sock, number, done):
        sock.recv(1)  # so that the client is past its connect
        half_then_reset(sock, number, done)

    result = fetch("-e", engine, "--send", "?", peer(asked).port)
    assert (result.status, outcome(result)) == (3, "reset")
    assert result.report["tasks"][0]["bytes"] == len(b"half a line")


def test_a_reset_right_after_the_handshake_is_no_failure_to_connect(fetch, peer, engine):
    result = fetch("-e", engine, "-q", "-n", "100", peer(resetting).port)
    assert {task["outcome"] for task in result.report["tasks"]} == {"reset"}


def test_a_limit_of_bytes(fetch, peer, engine):
    result = fetch("-e", engine, "--max-bytes", "25B", peer(trickling).port)
    assert outcome(result) == "limit"
    assert result.report["tasks"][0]["bytes"] == 25


def test_one_bad_server_never_spoils_the_others(fetch, server, peer, poem, engine):
    good = server("-d", "50ms", poem(POEM)).port
    with refused_port() as refused, unanswering_port() as unanswering:
        result = fetch("-e", engine, "--connect-timeout", PATIENCE, "--idle-timeout", PATIENCE,
                       "--timeout", "2s" if PATIENCE == "1s" else "10s",
                       refused, "no-such-host.invalid:1", good, unanswering, peer(silent).port,
                       peer(resetting).port, peer(trickling).port, good)
    assert result.status == 1
    assert [task["outcome"] for task in result.report["tasks"]] == [
        "connect", "resolve", "ok", "connect-timeout", "idle-timeout", "reset", "timeout", "ok"]
    assert result.out.count(POEM) == 2
    assert (result.report["fetched"], result.report["failed"]) == (2, 6)


def test_the_text_report_counts_the_fetched(server, poem, engine):
    good = server("-d0", poem(POEM)).port
    with refused_port() as refused:
        result = run("poetry-get", "-e", engine, good, refused, good)
    assert re.fullmatch(r"Got 2 of 3 poems in \d+\.\d{3} s", result.err.splitlines()[-1])


@pytest.mark.parametrize("broken", [resetting, half_then_reset])
def test_retries_wait_twice_as_long_each_time(fetch, peer, engine, broken):
    def third_time_lucky(sock, number, done):
        (broken if number < 3 else replying(POEM))(sock, number, done)

    result = fetch("-e", engine, "--retries", "3", "--retry-delay", "100ms",
                   peer(third_time_lucky).port)
    task, = result.report["tasks"]
    assert (result.status, task["attempts"], task["outcome"], task["bytes"]) == (
        0, 3, "ok", len(POEM))
    assert result.out == POEM
    assert task["ended_s"] - task["started_s"] >= 0.3


def test_retries_end(fetch, engine):
    with refused_port() as port:
        result = fetch("-e", engine, "--retries", "2", "--retry-delay", "10ms", port)
    task, = result.report["tasks"]
    assert (result.status, task["attempts"], task["outcome"]) == (3, 3, "connect")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_reports_what_there_is(getting, server, peer, poem, tmp_path, engine, number):
    whole, out = server("-d0", poem(POEM)).port, tmp_path / "out"
    running = getting("-e", engine, "-O", out, whole, peer(trickling).port)
    running.err.wait_for("Task 1 finished")
    running.err.wait_for("Task 2: got")
    assert running.stop(number) == 130
    assert re.search(r"^Got 1 of 2 poems in", running.err.text(), re.M)
    kept = {path.name.replace(str(whole), "WHOLE") for path in out.iterdir()}
    assert "001-127.0.0.1-WHOLE.txt" in kept
    assert len([name for name in kept if name.endswith(".txt.part")]) == 1 and len(kept) == 2


def test_an_interrupted_task_says_so(getting, peer, tmp_path, engine):
    report = tmp_path / "report.json"
    running = getting("-e", engine, "--report", "json", "--report-file", report,
                      peer(trickling).port)
    running.err.wait_for("Task 1: got")
    assert running.stop(signal.SIGINT) == 130
    assert '"interrupted"' in report.read_text()


def test_the_seed_decides_what_is_random_in_the_delays(engine):
    def delays(*args):
        with refused_port() as port:
            result = run("poetry-get", "-v", "-e", engine, "-n", "2", "--retries", "3",
                         "--retry-delay", "10ms", *args, port)
        return (re.search(r"^Seed (\d+)$", result.err, re.M)[1],
                sorted(re.findall(r"Task \d starts over in (\S+):", result.err)))

    seed, first = delays()
    assert len(set(first)) > 3 and delays("--seed", seed) == (seed, first)
    assert delays("--seed", int(seed) ^ 1)[1] != first
