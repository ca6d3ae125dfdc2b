"""The page's server, poetry-sync: streams of events, its memory, how it stops, its list of records."""

import contextlib
import http.client
import json
import re
import signal
import subprocess
import time
from typing import NamedTuple

import servers
from processes import (LOAD, Failed, becomes_true, processor_seconds, run_to_end, running,
                       user_bytes)
from ratios import Bar, Spread, bar_of_ratio, in_turn, ratio, values, yardstick
from section import Section, Table, able, median_text, raw_results, skipped_lines, spread_text
from stream import nginx

ABOUT = """Each update is a record that is added through the API, committed to the disk, read back
and written to every stream; its latency is from the transaction's own time to the moment that the
load has read it. wrk asks for the list of ten records with 32 connections, and nginx serves a file
of the same bytes."""

UPDATES = 10  # a second
RECORDS = 10  # in the list that wrk asks for
MIB = 1 << 20


class Held(NamedTuple):
    user_mib: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    cpu_us: float  # of the server, an event
    lost: int


class Listed(NamedTuple):
    a_second: float


def sync(directory, port):
    """poetry-sync without jobs, on a new database."""
    return [servers.BIN / "poetry-sync", "serve", "--listen", port, "--control", 0, "--log-level",
            "error", "--database", f"sqlite:{directory / 'library'}-{time.monotonic_ns()}"]


def add(connection, number):
    body = json.dumps({"type": "poem", "address": f"127.0.0.1:{number}"})
    connection.request("POST", "/api/records", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    if answer.status != 201:
        raise Failed(f"poetry-sync: POST /api/records: {answer.status}")


def updated(port, seconds):
    """Adds records at the rate, and counts them."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    start = time.monotonic()
    for count in range(round(seconds * UPDATES)):
        time.sleep(max(0, start + count / UPDATES - time.monotonic()))
        add(connection, 1 + count)
    return round(seconds * UPDATES)


@contextlib.contextmanager
def streaming(port, count, seconds, **options):
    """The load, once all its streams are open."""
    command = [servers.bench_program("streams"), port, count, seconds]
    with running(command, LOAD, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **options) as load:
        if load.stdout.readline() != b"ready\n":
            raise Failed("bench-streams: did not get ready")
        yield load


def hold(setting, port):
    count, window = setting.scale.streams, setting.scale.window
    with servers.serving(sync(setting.directory, port), port) as server:
        idle = user_bytes(server.pid) / MIB
        with streaming(port, count, window + 2) as load:
            before = processor_seconds(server.pid)
            updates = updated(port, window)
            memory = user_bytes(server.pid) / MIB
            told = json.loads(load.stdout.readline())
            cpu = processor_seconds(server.pid) - before
    return idle, Held(memory, told["p50_ms"], told["p99_ms"], told["max_ms"],
                      1e6 * cpu / max(told["events"], 1), updates * count - told["events"])


def stop(setting, port):
    """Seconds from SIGTERM to the end, with streams open."""
    with servers.serving(sync(setting.directory, port), port) as server:
        # The load complains of streams that end.
        with streaming(port, setting.scale.stopped, 60, stderr=subprocess.DEVNULL):
            began = time.monotonic()
            server.send_signal(signal.SIGTERM)
            becomes_true(lambda: server.poll() is not None, "poetry-sync: did not stop", pause=0.001)
            return time.monotonic() - began


def listed(server, port, path):
    command = ["wrk", "-t1", "-c32", "-d2s", f"http://127.0.0.1:{port}{path}"]
    out = run_to_end(command, LOAD)[0].decode()
    if "Non-2xx" in out or "Socket errors" in out:
        raise Failed(f"{server}: {out}")
    return Listed(float(re.search(r"Requests/sec:\s*([\d.]+)", out)[1]))


def compare_lists(setting, port, missing):
    """What wrk gets of each in a second: {name: [Listed]}."""
    file = setting.directory / "records"

    def ours(_port, _file):
        return sync(setting.directory, port)

    def measure(each):
        with servers.serving(each.command(port, file), port):
            if each.name == "nginx":
                return listed(each.name, port, "/records")
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            for number in range(RECORDS):
                add(connection, 1 + number)
            connection.request("GET", "/api/records")
            file.write_bytes(connection.getresponse().read())
            return listed(each.name, port, "/api/records")

    why = servers.why_missing("wrk")
    competitors, left_out = able([servers.Server("poetry-sync", ours, why),
                                  nginx(setting.directory)], setting)
    missing.update(left_out)
    return in_turn(competitors, measure, setting, missing)


def run(setting):
    port = servers.free_ports()
    missing, rounds = {}, range(setting.scale.pairs)
    results = compare_lists(setting, port, missing)
    idle, held, stops = [], [], []
    for turn in rounds:
        setting.say(f"  round {turn + 1} of {setting.scale.pairs}: {setting.scale.streams} streams")
        before, figures = hold(setting, port)
        idle.append(before)
        held.append(figures)
        stops.append(stop(setting, port))
    against = yardstick(results, "nginx")
    tables = [
        Table(f"{setting.scale.streams} streams, {UPDATES} updates a second",
              ["figure", "value"],
              [["user memory, MiB", median_text(values(held, "user_mib"))],
               ["latency p50, ms", median_text(values(held, "p50_ms"))],
               ["latency p99, ms", median_text(values(held, "p99_ms"))],
               ["latency at most, ms", median_text(values(held, "max_ms"))],
               ["server CPU µs an event", median_text(values(held, "cpu_us"))],
               ["events that did not come", median_text(values(held, "lost"))],
               ["user memory without a stream, MiB", median_text(idle)],
               [f"stop with {setting.scale.stopped} streams, s", median_text(stops)]]),
        Table("GET /api/records", ["server", "a second", f"against {against}"],
              [[name, median_text(values(runs, "a_second")),
                spread_text(ratio(results, name, against, "a_second"))]
               for name, runs in results.items()])]
    bars = [
        Bar("user memory of poetry-sync with its streams", Spread.of(values(held, "user_mib")), 64,
            unit=" MiB"),
        Bar("p99 of an update's latency", Spread.of(values(held, "p99_ms")), 100, unit=" ms"),
        Bar("events that did not come", Spread.of(values(held, "lost")), 0, slack=0.5),
        Bar("user memory of poetry-sync without a stream", Spread.of(idle), 15, unit=" MiB"),
        Bar("stop with open streams", Spread.of(stops), 1, unit=" s"),
        bar_of_ratio(results, "poetry-sync", "nginx", "a_second", "GET /api/records a second", 0.5,
                     at_least=True, missing=missing)]
    raw = {**raw_results(results), "held": [each._asdict() for each in held], "idle_mib": idle,
           "stop_s": stops}
    return Section("A page's server", ABOUT, tables, bars, raw, skipped_lines(missing))
