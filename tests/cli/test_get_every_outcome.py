"""One list of 40 servers with every outcome: the same outcomes, bytes and status by every engine."""

import json
import re
import signal
from typing import NamedTuple

import pytest

from harness import ENGINES, ROOT, SANITIZED

POEM = b"one\ntwo\nthree\n"
PATIENCE = "3s" if SANITIZED else "1s"
LONGEST = "8s" if SANITIZED else "3s"
LIMIT = 2000


class Task(NamedTuple):
    serve: str  # the settings of its port; or the whole address, where that is no server of ours
    outcome: str
    bytes: int  # None where it depends on the moment
    attempts: int = 1
    text: bytes = POEM


# Those that take their time come first, and the last goes on until it is ended.
TASKS = [
    Task("delay=50ms,repeat=forever", "timeout", None),
    Task("fault=never-reply", "idle-timeout", 0, 2),
    Task("fault=stall-after=6B", "idle-timeout", 6, 2),
    Task("fault=blackhole", "connect-timeout", 0, 2),
    Task("fault=refuse", "connect", 0, 2),
    Task("fault=refuse", "connect", 0, 2),
    Task("no-such-host.invalid:10000", "resolve", 0, 2),
    Task("neither.invalid:1", "resolve", 0, 2),
    Task("fault=reset-after=11B", "reset", 11, 2),
    Task("fault=reset-after=0B", "reset", 0, 2),
    Task("fault=#1:reset-after=11B", "ok", len(POEM), 2),
    Task("fault=#1:close-after=2lines", "ok", len(POEM), 2),
    Task("fault=close-after=9B", "truncated", 9, 2),
    Task("fault=close-after=0B", "truncated", 0, 2),
    Task("fault=corrupt=3", "truncated", len(POEM), 2),
    Task("fault=#2:corrupt=3", "ok", len(POEM)),
    Task("", "limit", LIMIT, text=b"x" * LIMIT),
    Task("", "limit", LIMIT, text=b"x" * (LIMIT + 1)),
    Task("", "limit", LIMIT, text=b"y" * 100_000),
    Task("", "output", None),
    Task("", "unexpected", 6, 2, text=b"wrong\n"),
    Task("", "ok", 0, text=b""),
    Task("chunk=7", "ok", 100, text=b"x" * 100),
    Task("delay=30ms", "ok", len(POEM)),
    Task("fault=slice=1", "ok", len(POEM)),
    Task("fault=latency=20ms", "ok", len(POEM)),
    Task("fault=accept-delay=20ms", "ok", len(POEM)),
    Task("repeat=3", "ok", 3 * len(POEM)),
    Task("first-delay=20ms,jitter=10ms", "ok", len(POEM)),
    *[Task("", "ok", len(POEM))] * 10,
    Task("delay=50ms,repeat=forever", "timeout", None),
]


@pytest.fixture
def addresses(server, poem):
    """The servers of TASKS, and of the catalog that tells what each poem should be."""
    served = ["--serve", "0=catalog"]
    for number, task in enumerate(TASKS):
        if ".invalid:" not in task.serve:
            path = poem(task.text, f"{number}.txt")
            served += ["--serve", ",".join(filter(None, [f"0=poem:{path}", task.serve]))]
    ports = iter(server("-d0", *served, listeners=len(served) // 2).ports)
    catalog = next(ports)
    return catalog, [task.serve if ".invalid:" in task.serve else f"127.0.0.1:{next(ports)}"
                     for task in TASKS]


@pytest.fixture
def arguments(addresses, tmp_path):
    """What poetry-get is called with, by any engine."""
    catalog, servers = addresses
    out = tmp_path / "out"
    for number, task in enumerate(TASKS, 1):
        if task.outcome == "output":
            (out / f"{number:03}-{number - 1}.txt.part").mkdir(parents=True)  # in the way
    listed = tmp_path / "servers"
    listed.write_text("".join(f"{server}\n" for server in servers))
    # Four at once: the last begins when all that take their time but one are over.
    return ["--from", listed, "--catalog", catalog, "-O", out, "-j", "4", "--retries", "1",
            "--retry-delay", "10ms", "--max-bytes", LIMIT, "--expect", r"\A(?!wrong)", "--connect-timeout", PATIENCE,
            "--idle-timeout", PATIENCE, "--timeout", LONGEST]


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
def test_every_outcome(fetch, arguments, tmp_path, engine):
    result = fetch("-e", engine, *arguments)
    check(result.report["tasks"], TASKS)
    fetched = [task for task in TASKS if task.outcome == "ok"]
    assert (result.status, result.report["fetched"], result.report["failed"]) == (
        1, len(fetched), 40 - len(fetched))
    left = files(tmp_path / "out")
    for number, task in enumerate(TASKS, 1):
        part, text = left.get(f"{number:03}", (True, b""))
        assert part == (task.outcome != "ok")
        assert task.bytes is None or len(text) == task.bytes


@pytest.mark.parametrize("engine", ENGINES)
def test_every_outcome_and_a_signal(getting, arguments, tmp_path, engine):
    report = tmp_path / "report.json"
    running = getting("-e", engine, "-v", "--report", "json", "--report-file", report, *arguments)
    running.err.wait_for(r"^Task \d+ (finished|failed)", 39)
    running.err.wait_for("^Task 40: got")
    assert running.stop(signal.SIGINT) == 130
    check(json.loads(report.read_text())["tasks"],
          [*TASKS[:-1], TASKS[-1]._replace(outcome="interrupted")])
    assert files(tmp_path / "out")["040"][0] is True


def test_the_list_has_every_outcome():
    page = (ROOT / "man/poetry-get.1").read_text()
    told = re.search(r"(?s)The outcome of a task is one of:.*?\.El", page)[0]
    assert {task.outcome for task in TASKS} | {"interrupted"} == set(
        re.findall(r"^\.It Cm (\S+)", told, re.M))
