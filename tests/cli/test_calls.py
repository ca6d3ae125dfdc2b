"""--calls and --calls-of: what the engines ask of the kernel, as strace sees it."""

import json
import os
import re

import pytest

from harness import ENGINES, SANITIZED, can_trace, refused_port, run

watching = pytest.mark.skipif(SANITIZED or not can_trace(),
                              reason="strace is missing or not permitted, or a sanitizer traces")
LINES = [b"one\n", b"two lines\n", b"three\n"]


@pytest.fixture
def servers(server, poem):
    return server("-d", "100ms", poem(b"".join(LINES)), poem(b"".join(LINES), "b"),
                  listeners=2).ports


def calls_of(report):
    return {call["name"]: call for call in report["calls"]}


@watching
def test_each_engine_waits_as_it_says(servers, fetch):
    result = fetch("-e", ",".join([*ENGINES, "spin"]), "--calls", *servers)
    assert result.status == 0
    counts = {run["engine"]: calls_of(run) for run in result.report}
    waits = {"sequential": "recvfrom", "threads": "recvfrom", "select": "select|pselect6",
             "poll": "p?poll", "epoll": "epoll_p?wait2?", "asio": "epoll_p?wait2?",
             "uring": "io_uring_enter"}
    for engine in ENGINES:
        waited = sum(call["waited"] for name, call in counts[engine].items()
                     if re.fullmatch(waits[engine], name))
        assert 2 <= waited <= 14, engine
    total = 2 * len(b"".join(LINES))
    for engine in {*ENGINES, "spin"} - {"uring"}:
        assert counts[engine]["recvfrom"]["bytes"] == total, engine
    assert counts["spin"]["recvfrom"]["nothing"] > 100 > counts["select"]["recvfrom"]["nothing"]
    assert all(run["watched_s"] > 0.2 for run in result.report)


@watching
def test_the_table_stands_behind_the_comparison(servers):
    result = run("poetry-get", "-q", "-e", "select,epoll", "--calls", *servers)
    assert result.status == 0 and result.out == b"".join(LINES * 2)
    comparison, table = re.split(r"^engine +call .*\n", result.err, flags=re.M)
    assert "The slowest task takes" in comparison
    first = [line.split()[0] for line in table.splitlines() if not line.startswith(" ")]
    assert first[:2] == ["select", "epoll"]
    assert re.search(r"strace watched, which took [0-9.]+ to [0-9.]+ times as long", table)


@watching
@pytest.mark.parametrize("engine", ENGINES)
def test_one_task_is_listed_in_time(servers, engine):
    result = run("poetry-get", "-q", "--print", "none", "-e", engine, "--calls-of", "2", *servers)
    assert result.status == 0, result.err
    listed = result.err.split(f"{engine}, task 2, ")[1].splitlines()[1:]
    times = [float(line.split()[0]) for line in listed]
    assert times == sorted(times)
    arrivals = sum("* arrival" in line for line in listed)
    assert 1 <= arrivals <= 3, "late ones come together"
    if engine == "uring":
        return  # the ring receives by itself
    received = [int(found[1]) for found in (re.search(r"recvfrom +(\d+) byte", line) for line in listed)
                if found]
    assert sum(received) == len(b"".join(LINES)) and len(received) >= arrivals
    assert "connect " in listed[1] and " close " in f"{listed[-1]} "


@watching
def test_tasks_of_one_server_are_told_apart(server, poem):
    port = server("-d", "100ms", poem(b"one\n")).port
    for task in (1, 2):
        result = run("poetry-get", "-q", "--print", "none", "-n", "2", "--calls-of", task, port)
        assert result.err.count("connect ") == 2, "in the table, and in the list"


@watching
def test_failures_are_listed_as_well():
    with refused_port() as port:
        result = run("poetry-get", "-q", "--calls-of", "1", port)
    assert result.status == 3
    assert re.search(r"^ .* connect .*(ECONNREFUSED|EINPROGRESS)", result.err, re.M)


def test_a_task_that_is_not_there_is_an_error(servers):
    result = run("poetry-get", "--calls-of", "3", *servers)
    assert result.status == 2 and "there is no such task: 3" in result.err


@pytest.mark.parametrize("text", ["0", "x", ""])
def test_what_is_no_task_is_an_error(text):
    assert run("poetry-get", f"--calls-of={text}", "1").status == 2


def test_without_strace_it_says_what_helps(servers, tmp_path):
    result = run("poetry-get", "--calls", *servers, env=dict(os.environ, PATH=str(tmp_path)))
    assert result.status == 1 and not result.out
    assert result.err.splitlines() == [
        "poetry-get: --calls: strace cannot watch here: install it, and see that ptrace(2) is permitted"]


@watching
def test_json_has_them_of_one_engine(servers, fetch):
    result = fetch("-e", "poll", "-q", "--print", "none", "--calls", *servers)
    calls = calls_of(result.report)
    assert calls["recvfrom"]["bytes"] == 2 * len(b"".join(LINES)) and result.report["watched_s"] > 0.2


@watching
def test_json_has_no_calls_unless_they_are_asked_for(servers):
    result = run("poetry-get", "-q", "--print", "none", "--report", "json", *servers)
    assert "calls" not in json.loads(result.err)
