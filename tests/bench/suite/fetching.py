"""One run of a client that fetches, ours or another, and what it tells of itself."""

import json
import time
from typing import Callable, NamedTuple

from processes import LOAD, Failed, run_to_end
from servers import BIN, PEERS, PYTHON, bench_program, why_missing, why_unsupported


class Fetched(NamedTuple):
    elapsed_s: float
    cpu_s: float
    a_second: float  # poems
    bytes: int = 0  # where the client tells them


class Client(NamedTuple):
    """A competitor: `fetch(port, count, parallel)` runs it to its end."""
    name: str
    fetch: Callable
    missing: str = ""


def fetched(told, cpu_s, count):
    if told["failed"]:
        raise Failed(f"{told['failed']} of {count} fetches failed")
    return Fetched(told["elapsed_s"], told.get("cpu_s", cpu_s),
                   count / told["elapsed_s"], told["bytes"])


def by_program(*command):
    """Runs a program that prints its figures as JSON."""
    def fetch(port, count, parallel, *more):
        out, cpu_s = run_to_end([*command, port, count, parallel, *more], LOAD)
        return fetched(json.loads(out), cpu_s, count)

    return fetch


def floor():
    return Client("floor", by_program(bench_program("fetch-floor")))


def ours(engine):
    """poetry-get, whose times include its start. It fails unless all is ok, and then has all bytes."""
    def fetch(port, count, parallel):
        started = time.monotonic()
        _, cpu_s = run_to_end([BIN / "poetry-get", "-e", engine, "-q", "--print", "none",
                               "--report", "none", "-n", count, "-j", parallel, port], LOAD)
        elapsed = time.monotonic() - started
        return Fetched(elapsed, cpu_s, count / elapsed)

    return Client(engine, fetch, why_unsupported("poetry-get", "-e", engine, "1"))


def frameworks():
    def peer(name, package, interpreter, script):
        return Client(name, by_program(*interpreter, PEERS / script), why_missing(package))

    return [peer("asyncio", "asyncio", [PYTHON, "-B"], "fetch_asyncio.py"),
            peer("asyncio protocols", "asyncio", [PYTHON, "-B"], "fetch_protocols.py"),
            peer("twisted", "twisted", [PYTHON, "-B"], "fetch_twisted.py"),
            peer("twisted factory", "twisted", [PYTHON, "-B"], "fetch_factory.py"),
            peer("node", "node", ["node"], "fetch_node.js")]
