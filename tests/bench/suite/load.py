"""Holds clients at paced servers by bench-hold: how late lines arrive, and what they cost."""

import array
import contextlib
import json
import subprocess
from typing import NamedTuple

from processes import LOAD, Failed, processor_seconds, running, user_bytes
from servers import bench_program, serving

# Of one process: within its descriptors, and of the 28,000 ephemeral ports of a source address.
MOST_CLIENTS = 15000
MOST_ALONE = 19000
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


def shares(clients, ports):
    """(clients, first port, ports) for each process of the load."""
    if clients <= MOST_ALONE:
        return [(clients, 0, ports)]
    processes = -(-clients // MOST_CLIENTS)
    return [(clients // processes, 0, ports)] * processes


@contextlib.contextmanager
def load(pace, plans, rate, window):
    """The processes of the load, and the file of samples of each."""
    with contextlib.ExitStack() as stack:
        started = []
        for number, (clients, first, ports) in enumerate(plans):
            samples = pace.directory / f"samples-{number}"
            command = [bench_program("hold"), pace.port + first, ports, clients,
                       rate // len(plans), f"{pace.delay:f}", f"{window:f}",
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


def hold(servers, pace, plans, rate=CONNECTS_A_SECOND, window=4.0):
    """Holds clients at servers (processes that serve) for a window of seconds, or, if it is 0,
    until each has got a line. No other window is shorter than it takes every client to get one."""
    if window:
        window = max(window, pace.delay)

    def processor_time():
        return sum(processor_seconds(each.pid) for each in servers)

    def memory():
        return sum(user_bytes(each.pid) for each in servers)

    memory_before = memory()
    with load(pace, plans, rate, window) as started:
        first_line_s = max(float(answer_of(process).split()[1]) for process, _ in started)
        cpu = processor_time()
        for process, _ in started:
            process.stdin.write("go\n")
            process.stdin.flush()
        reports = [json.loads(answer_of(process)) for process, _ in started]
        cpu = processor_time() - cpu
        memory_after = memory()
        late = array.array("i")
        for _, samples in started:
            late.frombytes(samples.read_bytes())
    if window and not late:
        raise Failed("no lines arrived")
    ordered = sorted(late)
    lines = len(ordered)
    slope_under = sum(report["slope_under"] for report in reports)
    return Held(
        lines=lines,
        cpu_us=1e6 * cpu / max(lines, 1),
        bytes_a_client=(memory_after - memory_before) / sum(plan[0] for plan in plans),
        p50_ms=percentile(ordered, 0.5) / 1000,
        p99_ms=percentile(ordered, 0.99) / 1000,
        max_ms=percentile(ordered, 1) / 1000,
        drift_us=sum(report["slope_over"] for report in reports) / max(slope_under, 1) / 1000,
        first_line_s=first_line_s)


def hold_at(server, pace, clients, **options):
    """One server with so many clients."""
    with serving(server.command(pace), pace.port) as process:
        return hold([process], pace, shares(clients, pace.ports), **options)
