"""One run of a client that fetches, ours or another, and what it tells of itself."""

import json
from typing import Callable, NamedTuple

from processes import LOAD, Failed, run_to_end
from servers import BIN, PEERS, PYTHON, bench_program, why_missing, why_unsupported


class Fetched(NamedTuple):
    elapsed_s: float
    cpu_s: float
    bytes: int
    a_second: float  # poems


class Client(NamedTuple):
    """A competitor: `fetch(port, count, parallel)` runs it to its end."""
    name: str
    fetch: Callable
    missing: str = ""


def fetched(told, cpu_s, count):
    if told["failed"]:
        raise Failed(f"{told['failed']} of {count} fetches failed")
    return Fetched(told["elapsed_s"], told.get("cpu_s", cpu_s), told["bytes"],
                   count / told["elapsed_s"])


def by_program(*command):
    """Runs a program that prints its figures as JSON."""
    def fetch(port, count, parallel, *more):
        out, cpu_s = run_to_end([*command, port, count, parallel, *more], LOAD)
        return fetched(json.loads(out), cpu_s, count)

    return fetch


def floor():
    return Client("floor", by_program(bench_program("fetch-floor")))


def ours(engine, directory):
    """poetry-get, whose processor time includes its start."""
    def fetch(port, count, parallel):
        report = directory / "report.json"
        _, cpu_s = run_to_end(
            [BIN / "poetry-get", "-e", engine, "-q", "--print", "none", "--report", "json",
             "--report-file", report, "-n", count, "-j", parallel, port], LOAD)
        told = json.loads(report.read_text())
        del told["tasks"]
        return fetched(told, cpu_s, count)

    return Client(engine, fetch, why_unsupported("poetry-get", "-e", engine, "1"))


def frameworks():
    def peer(name, package, interpreter, script):
        return Client(name, by_program(*interpreter, PEERS / script), why_missing(package))

    return [peer("asyncio", "asyncio", [PYTHON, "-B"], "fetch_asyncio.py"),
            peer("asyncio protocols", "asyncio", [PYTHON, "-B"], "fetch_protocols.py"),
            peer("twisted", "twisted", [PYTHON, "-B"], "fetch_twisted.py"),
            peer("twisted factory", "twisted", [PYTHON, "-B"], "fetch_factory.py"),
            peer("node", "node", ["node"], "fetch_node.js")]
