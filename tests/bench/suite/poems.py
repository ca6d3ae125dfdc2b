"""Servers of poems without a delay: many short ones, and one long one to one client."""

from typing import NamedTuple

import fetching
import servers
from processes import processor_seconds
from ratios import bar_of_ratio, in_turn, ratio, values, yardstick
from section import (Section, Table, able, median_text, raw_results, skipped_lines, spread_text)

ABOUT = """Poems of 3 KB, fetched by the raw epoll client with 64 connections at a time on the
other processor. The floor accepts, sends once and closes, and would lose the end of a poem if a
client had sent anything; the others read what the client sends before they close."""

POEM = (b"x" * 59 + b"\n") * 50
PARALLEL = 64
OURS = ("epoll", "asio", "uring")


class Served(NamedTuple):
    a_second: float
    cpu_us: float  # a poem, of the server


def ours(engine):
    return servers.Server(engine, lambda port, poem: [
        servers.BIN / "poetry-server", "-e", engine, "-p", port, "--delay", "0", "--log-level",
        "error", poem], servers.why_unsupported("poetry-server", "-e", engine))


def floor():
    return servers.Server("floor", lambda port, poem: [
        servers.bench_program("poem-floor"), port, poem])


def frameworks():
    def peer(name, interpreter, script):
        return servers.Server(
            name, lambda port, poem: [*interpreter, servers.PEERS / script, port, poem],
            servers.why_missing(name))

    return [peer("asyncio", [servers.PYTHON, "-B"], "poem_asyncio.py"),
            peer("twisted", [servers.PYTHON, "-B"], "poem_twisted.py"),
            peer("node", ["node"], "poem_node.js")]


def run(setting):
    count = setting.scale.poems
    port = servers.free_ports()
    poem = setting.directory / "poem.txt"
    poem.write_bytes(POEM)
    competitors, missing = able([floor(), *map(ours, OURS), *frameworks()], setting)

    def measure(server):
        with servers.serving(server.command(port, poem), port) as process:
            before = processor_seconds(process.pid)
            fetched = fetching.floor().fetch(port, count, PARALLEL)
            cpu = processor_seconds(process.pid) - before
        return Served(fetched.a_second, 1e6 * cpu / count)

    results = in_turn(competitors, measure, setting, missing)
    against = yardstick(results, "floor")
    rows = [[name, median_text(values(runs, "a_second")), median_text(values(runs, "cpu_us")),
             spread_text(ratio(results, name, against, "a_second"))]
            for name, runs in results.items()]
    bars = [bar_of_ratio(results, name, against, "a_second", "3 KB poems a second", bar,
                         at_least=True, missing=missing)
            for name in OURS for against, bar in (("floor", 0.95), ("twisted", 1.7))]
    table = Table(f"{count} poems", ["server", "a second", "server CPU µs each",
                                     f"a second against {against}"], rows)
    return Section("Short poems served", ABOUT, [table], bars, raw_results(results),
                   skipped_lines(missing))
