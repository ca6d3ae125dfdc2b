"""Holds clients at paced servers by bench-hold: how late lines arrive, and what they cost."""

import array
import contextlib
import json
import subprocess
from typing import NamedTuple

from processes import LOAD, Failed, processor_seconds, running, user_bytes
from servers import bench_program, serving

CONNECTS_A_SECOND = 4000  # slow enough for every server here to accept at once


class Held(NamedTuple):
    """What was seen of one server while it held its clients."""
    lines: int
    cpu_us: float  # a line, of the server
    bytes_a_client: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    drift_us: float  # a line
    first_line_s: float  # from the first connect until every client had a line


class Share(NamedTuple):
    """What one process of the load holds; each connects from an address of its own, which has
    28,000 ephemeral ports."""
    clients: int
    first_port: int
    ports: int = 1


@contextlib.contextmanager
def load(pace, loads, rate, window):
    """The processes of the load, and the file of samples of each."""
    with contextlib.ExitStack() as stack:
        started = []
        for number, share in enumerate(loads):
            samples = pace.directory / f"samples-{number}"
            command = [bench_program("hold"), share.first_port, share.ports, share.clients,
                       rate // len(loads), f"{pace.delay:f}", f"{window:f}",
                       f"127.0.0.{2 + number}", samples]
            process = stack.enter_context(running(
                command, LOAD, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            started.append((process, samples))
        yield started


def answer_of(process):
    line = process.stdout.readline()
    if not line:
        raise Failed("bench-hold: ended before its time")
    return line


def percentile(ordered, share):
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


def processor_time(servers):
    return sum(processor_seconds(each.pid) for each in servers)


def memory(servers):
    return sum(user_bytes(each.pid) for each in servers)


def hold(servers, pace, loads, rate=CONNECTS_A_SECOND, window=4.0):
    """Holds clients at servers (processes that serve) for a window of seconds, or, if it is 0,
    until each has got a line. No other window is shorter than it takes every client to get one,
    even if the next line is later than the one before the window."""
    if window:
        window = max(window, 1.5 * pace.delay)
    memory_before = memory(servers)
    with load(pace, loads, rate, window) as started:
        first_line_s = max(float(answer_of(process).split()[1]) for process, _ in started)
        cpu = processor_time(servers)
        for process, _ in started:
            process.stdin.write("go\n")
            process.stdin.flush()
        reports = [json.loads(answer_of(process)) for process, _ in started]
        cpu = processor_time(servers) - cpu
        bytes_in_use = memory(servers) - memory_before
        late = array.array("i")
        for _, samples in started:
            late.frombytes(samples.read_bytes())
    if window and not late:
        raise Failed("no lines arrived")
    clients = sum(share.clients for share in loads)
    return held(sorted(late), reports, cpu, bytes_in_use / clients, first_line_s)


def held(late, reports, cpu, bytes_a_client, first_line_s):
    """The figures of one run, from the lateness of every line in ascending order."""
    slope_over = sum(report["slope_over"] for report in reports)
    slope_under = sum(report["slope_under"] for report in reports)
    return Held(
        lines=len(late),
        cpu_us=1e6 * cpu / max(len(late), 1),
        bytes_a_client=bytes_a_client,
        p50_ms=percentile(late, 0.5) / 1000,
        p99_ms=percentile(late, 0.99) / 1000,
        max_ms=percentile(late, 1) / 1000,
        drift_us=slope_over / max(slope_under, 1) / 1000,
        first_line_s=first_line_s)


def hold_at(server, pace, clients, **options):
    """One server with so many clients, which go round its ports."""
    with serving(server.command(pace), pace.port) as process:
        return hold([process], pace, [Share(clients, pace.port, pace.ports)], **options)
