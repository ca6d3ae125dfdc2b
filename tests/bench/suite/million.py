"""As many clients as memory is there for, up to a million, over as many workers as they take."""

import contextlib
import os
import re
import signal
import time
from pathlib import Path

import load
import servers
from processes import ANY, PATIENCE, Failed, becomes_true, raise_descriptor_limit
from ratios import Bar, Spread
from section import Section, Table, number

ABOUT = """One server holds all of them over its workers at a slow pace; the load is in processes of
its own, with the limit of descriptors that the server's have, and shares all processors with it.
Memory of the kernel is that of both ends. A line is late against a schedule that begins before its
client's connect(2). Then the poem is read again, a worker is killed, and the server drains."""

BYTES_A_CLIENT = 14 << 10  # of kernel and processes, over both ends, with room
FULLEST = 0.93  # of its descriptors are a worker's share, as the kernel spreads by a hash
OWN_DESCRIPTORS = 64


def fits():
    return memory_left() * 1024 // BYTES_A_CLIENT


def meminfo():
    """Of proc(5), in KiB."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}


def memory_left():
    return meminfo()["MemAvailable"]


def kernel_bytes():
    now = meminfo()
    return 1024 * sum(now[each] for each in ("Slab", "KernelStack", "PageTables", "Percpu"))


def how_many(wanted):
    """(clients, processes of each kind, why there are fewer than are wanted)."""
    clients, why = wanted, ""
    if fits() < wanted:
        clients = fits() // 1000 * 1000
        why = f"{memory_left() >> 20} GiB of memory: {clients} clients in place of {wanted}"
    room = FULLEST * (raise_descriptor_limit() - OWN_DESCRIPTORS)
    processes = 2
    while clients / processes * (1 + 1 / processes) > room:  # also once the clients of one come back
        processes += 1
    return clients, processes, why


class Log:
    """What the server has said."""

    def __init__(self, path):
        self.path = path

    def count(self, pattern):
        return len(re.findall(pattern, self.path.read_text()))

    def worker(self):
        """The process of one."""
        return int(re.search(r"worker=1 pid=(\d+) started", self.path.read_text())[1])

    def seconds_until(self, pattern, times):
        started = time.monotonic()
        becomes_true(lambda: self.count(pattern) >= times, f"the log has not got: {pattern}")
        return time.monotonic() - started


class Million:
    """The server, its load, and the rows that tell of them."""

    def __init__(self, scale, log, server, its):
        self.scale, self.log, self.server, self.its = scale, log, server, its
        self.rows, self.lost = [], 0

    def tell(self, what, value):
        self.rows.append([what, value if isinstance(value, str) else number(value)])

    def measure(self, window, meanwhile=None):
        held = load.measure(self.its, [self.server], window, meanwhile)
        self.lost += held.lost
        return held

    def connect(self):
        user, kernel = load.memory([self.server]), kernel_bytes()
        cpu = load.processor_time([self.server])
        clients = self.its.clients
        self.tell("connected, and served the first line: s", self.its.seconds("wait"))
        cpu = load.processor_time([self.server]) - cpu
        self.tell("CPU of the server, a client and its first line: µs", 1e6 * cpu / clients)
        user = (load.memory([self.server]) - user) / clients
        self.tell("user memory of the server a client: B", user)
        self.tell("memory of the kernel a client, both ends: B", (kernel_bytes() - kernel) / clients)

    def hold(self):
        cpu = load.processor_time(self.its.processes)
        held = self.measure(2 * self.scale.million_delay)
        cpu = load.processor_time(self.its.processes) - cpu
        self.tell("lines measured", str(held.lines))
        self.tell("CPU of the server a line: µs", held.cpu_us)
        self.tell("CPU of the load a line: µs", 1e6 * cpu / max(held.lines, 1))
        self.tell_lateness("held", held)
        self.tell("drift a line: µs", held.drift_us)

    def tell_lateness(self, when, held):
        self.tell(f"lateness, {when}, p50 / p99 / most: ms",
                  " / ".join(map(number, (held.p50_ms, held.p99_ms, held.max_ms))))

    def reload(self):
        took = []

        def ask():
            time.sleep(1)
            os.kill(self.server.pid, signal.SIGHUP)
            took.append(self.log.seconds_until("read poems and configuration again", 1))

        held = self.measure(min(10, 2 * self.scale.million_delay), ask)
        self.tell("reload, until all workers have read again: s", took[0])
        self.tell_lateness("while that is done", held)

    def kill_worker(self):
        os.kill(self.log.worker(), signal.SIGKILL)
        self.tell("a worker killed, until it is replaced: s",
                  self.log.seconds_until(r"worker=1 pid=\d+ started", 2))
        self.tell("until all of its clients have a line from another: s", self.its.seconds("wait"))
        lost = re.search(r"connections lost: (\d+)", self.log.path.read_text())
        self.tell("its clients", lost[1] if lost else "-")

    def drain(self):
        started = time.monotonic()
        self.its.tell("leave")
        os.kill(self.server.pid, signal.SIGTERM)
        status = self.server.wait(timeout=PATIENCE + self.scale.million_drain)
        took = time.monotonic() - started
        time.sleep(1)  # for what the loads have not read
        self.its.tell("count")
        held = sum(int(answer.split()[1]) for answer in self.its.answers())
        self.tell(f"drained, with --drain-timeout {self.scale.million_drain:g}s: s", took)
        self.tell("clients that saw no end", str(held))
        self.tell("exit status", str(status))
        return took


def hold_them(setting, server, clients, processes):
    pace = servers.Pace(servers.free_ports(), delay=setting.scale.million_delay,
                        directory=setting.directory, at_once=True)
    log = Log(setting.directory / "log")
    shares = [load.Share(clients // processes + (i < clients % processes), pace.port)
              for i in range(processes)]
    with contextlib.ExitStack() as stack:
        process = stack.enter_context(servers.serving(server.command(pace), pace.port, ANY))
        its = stack.enter_context(load.load(pace, shares, setting.scale.million_rate, ANY))
        million = Million(setting.scale, log, process, its)
        for step in (million.connect, million.hold, million.reload, million.kill_worker):
            step()
            setting.say("  " + ": ".join(million.rows[-1]))
        return million, million.drain()


def run(setting):
    clients, processes, why = how_many(setting.scale.million)
    log = setting.directory / "log"
    server = servers.ours("epoll", "--workers", str(processes), "--drain-timeout",
                          f"{setting.scale.million_drain:f}",
                          "--log-level", "info", "--log-file", str(log))
    try:
        million, drained = hold_them(setting, server, clients, processes)
    except Failed as failure:
        return Section("A million clients", ABOUT, [], [], {}, [f"{server.name}: {failure}"])
    rows = [["clients", str(clients)], ["workers, and processes of the load", str(processes)],
            *million.rows]
    table = Table(f"{clients} clients, a line in {setting.scale.million_delay:g} s each",
                  ["", "figure"], rows)
    bars = [Bar(f"clients lost of {clients} that are held", Spread.of([million.lost]), 0, unit=""),
            Bar(f"a drain of {clients} clients", Spread.of([drained]), setting.scale.million_drain,
                unit="s", slack=5)]
    return Section("A million clients", ABOUT, [table], bars, {"rows": rows},
                   [why] if why else [])
