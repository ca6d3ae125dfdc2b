"""One list of 40 servers with every outcome: the same outcomes, bytes and status by every engine."""

import hashlib
import json
import re
import signal
from typing import NamedTuple

import pytest

from harness import (ENGINES, ROOT, SANITIZED, half_then_reset, read_line, refused_port, replying,
                     silent, trickling, unanswering_port)

POEM = b"one\ntwo\nthree\n"
PATIENCE = "5s" if SANITIZED else "1s"
LONGEST = "12s" if SANITIZED else "3s"
LIMIT = 2000


class Task(NamedTuple):
    server: str
    outcome: str
    bytes: int  # None where it depends on the moment
    attempts: int = 1
    catalogued: bytes = b""


def asked(handle):
    """Acts once the client has sent its line, and so knows that it is connected."""
    def act(sock, number, done):
        if read_line(sock):
            handle(sock, number, done)
    return act


def truncated(sock, number, done):
    sock.sendall(POEM[:9])


def half_then_silent(sock, number, done):
    sock.sendall(POEM[:6])
    silent(sock, number, done)


def once_broken(sock, number, done):
    (half_then_reset if number % 2 else replying(POEM))(sock, number, done)


@pytest.fixture
def tasks(peer, server, poem):
    """40 servers; those that take their time come first, and the last goes on until it is ended."""
    def at(handle):
        return f"127.0.0.1:{peer(asked(handle)).port}"

    good = f"127.0.0.1:{server('-d0', poem(POEM)).port}"
    slow = f"localhost:{server('-d', '30ms', poem(POEM, 'slow')).port}"
    empty = f"127.0.0.1:{server('-d0', poem(b'', 'empty')).port}"
    long = f"127.0.0.1:{server('-d0', poem(b'x' * 100, 'long')).port}"
    with refused_port() as refused, unanswering_port() as unanswering:
        listed = [
            Task(at(trickling), "timeout", None),
            Task(at(silent), "idle-timeout", 0, 2),
            Task(at(half_then_silent), "idle-timeout", 6, 2),
            Task(f"127.0.0.1:{unanswering}", "connect-timeout", 0, 2),
            Task(f"127.0.0.1:{refused}", "connect", 0, 2),
            Task(f"localhost:{refused}", "connect", 0, 2),
            Task("no-such-host.invalid:10000", "resolve", 0, 2),
            Task("neither.invalid:1", "resolve", 0, 2),
            Task(at(half_then_reset), "reset", 11, 2),
            Task(at(half_then_reset), "reset", 11, 2),
            Task(at(once_broken), "ok", len(POEM), 2),
            Task(at(truncated), "truncated", 9, 2, POEM),
            Task(at(replying(POEM.upper())), "truncated", len(POEM), 2, POEM),
            Task(at(replying(POEM)), "ok", len(POEM), 1, POEM),
            Task(at(replying(b"x" * LIMIT)), "ok", LIMIT),
            Task(at(replying(b"x" * (LIMIT + 1))), "limit", LIMIT),
            Task(at(replying(b"y" * 100_000)), "limit", LIMIT),
            Task(good, "output", None),
            Task(empty, "ok", 0), Task(long, "ok", 100), Task(slow, "ok", len(POEM)),
        ]
        listed += [Task(good, "ok", len(POEM))] * (39 - len(listed))
        yield [*listed, Task(at(trickling), "timeout", None)]


@pytest.fixture
def arguments(tasks, peer, tmp_path):
    """What poetry-get is called with, by any engine."""
    entries = []
    for task in tasks:
        host, port = task.server.rsplit(":", 1)
        if task.catalogued:
            entries.append({"host": host, "port": int(port), "service": "poem", "name": "poem",
                            "bytes": len(task.catalogued), "lines": 3, "delay": 0,
                            "sha256": hashlib.sha256(task.catalogued).hexdigest()})
    out = tmp_path / "out"
    for number, task in enumerate(tasks, 1):
        if task.outcome == "output":
            name = task.server.replace(":", "-")
            (out / f"{number:03}-{name}.txt.part").mkdir(parents=True)  # in the way
    listed = tmp_path / "servers"
    listed.write_text("".join(f"{task.server}\n" for task in tasks))
    # Four at once: the last begins when all that take their time but one are over.
    return ["--from", listed, "--catalog", peer(replying(json.dumps(entries).encode())).port,
            "-O", out, "-j", "4", "--send", r"?\n", "--hold", "--retries", "1", "--retry-delay",
            "10ms", "--max-bytes", LIMIT, "--connect-timeout", PATIENCE, "--idle-timeout",
            PATIENCE, "--timeout", LONGEST]


def check(found, tasks):
    assert len(tasks) == len(found) == 40
    assert [(mine["outcome"], mine["attempts"], None if task.bytes is None else mine["bytes"])
            for mine, task in zip(found, tasks)] == [
        (task.outcome, task.attempts, task.bytes) for task in tasks]
    assert [mine["error"] == "" for mine in found] == [task.outcome == "ok" for task in tasks]


def files(out):
    """What the tasks left, by number: whole files and parts."""
    return {path.name[:3]: (path.name.endswith(".part"), path.read_bytes())
            for path in out.iterdir() if path.is_file()}


@pytest.mark.parametrize("engine", ENGINES)
def test_every_outcome(fetch, tasks, arguments, tmp_path, engine):
    result = fetch("-e", engine, *arguments)
    check(result.report["tasks"], tasks)
    fetched = [task for task in tasks if task.outcome == "ok"]
    assert (result.status, result.report["fetched"], result.report["failed"]) == (
        1, len(fetched), 40 - len(fetched))
    left = files(tmp_path / "out")
    for number, task in enumerate(tasks, 1):
        part, text = left.get(f"{number:03}", (True, b""))
        assert part == (task.outcome != "ok")
        assert task.bytes is None or len(text) == task.bytes


@pytest.mark.parametrize("engine", ENGINES)
def test_every_outcome_and_a_signal(getting, tasks, arguments, tmp_path, engine):
    report = tmp_path / "report.json"
    running = getting("-e", engine, "-v", "--report", "json", "--report-file", report, *arguments)
    running.err.wait_for(r"^Task \d+ (finished|failed)", 39)
    running.err.wait_for("^Task 40: got")
    assert running.stop(signal.SIGINT) == 130
    check(json.loads(report.read_text())["tasks"],
          [*tasks[:-1], tasks[-1]._replace(outcome="interrupted")])
    assert files(tmp_path / "out")["040"][0] is True


def test_the_list_has_every_outcome(tasks):
    page = (ROOT / "man/poetry-get.1").read_text()
    told = re.search(r"(?s)The outcome of a task is one of:.*?\.El", page)[0]
    assert {task.outcome for task in tasks} | {"interrupted"} == set(
        re.findall(r"^\.It Cm (\S+)", told, re.M))
