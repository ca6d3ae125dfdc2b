"""Holds clients at paced servers by bench-hold: how late lines arrive, and what they cost."""

import array
import contextlib
import json
import subprocess
from typing import NamedTuple

from processes import LOAD, Failed, processor_seconds, running, user_bytes
from servers import bench_program, serving

ENDED = "bench-hold: ended before its time"
CONNECTS_A_SECOND = 4000  # slow enough for every server here to accept at once


class Held(NamedTuple):
    """What was seen of one server while it held its clients."""
    lines: int
    cpu_us: float  # a line, of the server
    p50_ms: float
    p99_ms: float
    max_ms: float
    drift_us: float  # a line
    lost: int  # connections
    bytes_a_client: float = 0
    first_line_s: float = 0  # from the first connect until every client had a line


class Share(NamedTuple):
    """What one process of the load holds."""
    clients: int
    first_port: int
    ports: int = 1


class Load:
    """Processes that hold clients together; each has an address of its own to connect from."""

    def __init__(self, pace, shares, rate, processors, stack):
        self.clients = sum(share.clients for share in shares)
        self.processes, self.samples = [], []
        for number, share in enumerate(shares):
            self.samples.append(pace.directory / f"samples-{number}")
            command = [bench_program("hold"), share.first_port, share.ports, share.clients,
                       max(rate // len(shares), 1) if rate else 0, f"{pace.delay:f}",
                       f"{pace.first_delay:f}", f"127.0.{1 + number}.1", self.samples[-1]]
            self.processes.append(stack.enter_context(running(
                command, processors, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)))

    def tell(self, word):
        for process in self.processes:
            try:
                process.stdin.write(word + "\n")
                process.stdin.flush()
            except BrokenPipeError:
                raise Failed(ENDED) from None

    def answers(self):
        return [answer_of(process) for process in self.processes]

    def seconds(self, word=""):
        """How long what this asks for, or what has been asked for, took the last of them."""
        if word:
            self.tell(word)
        return max(float(answer.split()[1]) for answer in self.answers())

    def reports(self):
        """What each has measured."""
        return [json.loads(answer) for answer in self.answers()]

    def late(self):
        """The lateness of all lines that were measured in microseconds, in order."""
        late = array.array("i")
        for path in self.samples:
            late.frombytes(path.read_bytes())
        return sorted(late)


@contextlib.contextmanager
def load(pace, shares, rate, processors=LOAD):
    with contextlib.ExitStack() as stack:
        yield Load(pace, shares, rate, processors, stack)


def answer_of(process):
    line = process.stdout.readline()
    if not line:
        raise Failed(ENDED)
    return line


def percentile(ordered, share):
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


def processor_time(servers):
    return sum(processor_seconds(each.pid) for each in servers)


def memory(servers):
    return sum(user_bytes(each.pid) for each in servers)


def hold(servers, pace, shares, rate=CONNECTS_A_SECOND, window=4.0):
    """Holds clients at servers (processes that serve) for a window of seconds, or, if it is 0,
    until each has got a line. No other window is shorter than it takes every client to get one,
    even if the next line is later than the one before the window."""
    if window:
        window = max(window, 1.5 * pace.delay)
    memory_before = memory(servers)
    with load(pace, shares, rate) as its:
        first_line_s = its.seconds("wait")
        result = measure(its, servers, window)
        bytes_in_use = memory(servers) - memory_before
    if window and not result.lines:
        raise Failed("no lines arrived")
    if result.lost:
        raise Failed(f"{result.lost} clients lost their connection")
    return result._replace(bytes_a_client=bytes_in_use / its.clients, first_line_s=first_line_s)


def measure(its, servers, window, meanwhile=None):
    """What a load that is there sees of its servers for a window of seconds."""
    cpu = processor_time(servers)
    its.tell(f"measure {window:f}")
    if meanwhile:
        meanwhile()
    reports = its.reports()
    cpu = processor_time(servers) - cpu
    return held(its.late(), reports, cpu)


def held(late, reports, cpu):
    """The figures of one run, from the lateness of every line in ascending order."""
    slope_over = sum(report["slope_over"] for report in reports)
    slope_under = sum(report["slope_under"] for report in reports)
    return Held(
        lines=len(late),
        cpu_us=1e6 * cpu / max(len(late), 1),
        p50_ms=percentile(late, 0.5) / 1000,
        p99_ms=percentile(late, 0.99) / 1000,
        max_ms=percentile(late, 1) / 1000,
        drift_us=slope_over / max(slope_under, 1) / 1000,
        lost=sum(report["lost"] for report in reports))


def hold_at(server, pace, clients, **options):
    """One server with so many clients, which go round its ports."""
    with serving(server.command(pace), pace.port) as process:
        return hold([process], pace, [Share(clients, pace.port, pace.ports)], **options)
