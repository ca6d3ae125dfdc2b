"""Processes that are measured: pinned to processors, bounded in time, ended with their block."""

import contextlib
import ctypes
import os
import resource
import signal
import subprocess
import time
from pathlib import Path

LONGEST_LIFE = 1200  # seconds; a server may stay for all rounds of a measure
LONGEST_RUN = 180  # seconds; far beyond what any program takes that ends by itself
PATIENCE = 60  # seconds, for anything that should happen soon

PROCESSORS = sorted(os.sched_getaffinity(0))
# The server has one processor to itself, and the load has the others, where there are two.
SERVER = set(PROCESSORS[:1])
LOAD = set(PROCESSORS[1:]) or SERVER
ANY = set(PROCESSORS)

PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None, use_errno=True)


def raise_descriptor_limit():
    """For this process and those that it starts; returns the limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def _prepare(processors, longest):
    """In the child, before it becomes the program: it dies with us, or else in its time."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.alarm(longest)
    os.sched_setaffinity(0, processors)


@contextlib.contextmanager
def running(command, processors, longest=LONGEST_LIFE, **options):
    """A process of its own group, which is killed as a whole at the end of the block."""
    options.setdefault("stdin", subprocess.DEVNULL)
    options.setdefault("stdout", subprocess.DEVNULL)
    process = subprocess.Popen(
        [str(word) for word in command], start_new_session=True,
        preexec_fn=lambda: _prepare(processors, longest), **options)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()


class Failed(Exception):
    """A program did not do what it was run for."""


def run_to_end(command, processors, **options):
    """Runs a program; returns its standard output, and the processor seconds that it took."""
    with running(command, processors, LONGEST_RUN, stdout=subprocess.PIPE, **options) as process:
        out = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise Failed(f"{Path(command[0]).name}: exit status {process.returncode}")
        return out, usage.ru_utime + usage.ru_stime


def words(path):
    """What a file of proc(5) says; nothing if its process or thread is gone."""
    try:
        return path.read_text().split()
    except OSError:
        return []


def family(pid):
    """The process and all that descend from it."""
    found = [pid]
    for each in found:
        for children in Path(f"/proc/{each}/task").glob("*/children"):
            found += map(int, words(children))
    return found


def processor_seconds(pid):
    """What the kernel has accounted to a process, its threads and its descendants.

    Those that run are exact, by /proc/PID/task/TID/schedstat; those that have ended count in
    clock ticks, with the process that waited for them.
    """
    nanoseconds = ticks = 0
    for each in family(pid):
        folder = Path(f"/proc/{each}")
        for task in folder.glob("task/*/schedstat"):
            nanoseconds += int((words(task) or [0])[0])
        after_name = " ".join(words(folder / "stat")).rpartition(")")[2].split()
        ticks += sum(map(int, after_name[13:15]))  # cutime, cstime
    return nanoseconds / 1e9 + ticks / os.sysconf("SC_CLK_TCK")


def user_bytes(pid):
    """Anonymous memory in use by a process and its descendants (RssAnon, proc(5))."""
    total = 0
    for each in family(pid):
        status = words(Path(f"/proc/{each}/status"))
        if "RssAnon:" in status:  # a process that has ended has no memory
            total += int(status[status.index("RssAnon:") + 1]) * 1024
    return total


def becomes_true(condition, failure, fails=lambda: False, pause=0.01):
    """Waits for it, unless it `fails` before, or takes too long."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if fails() or time.monotonic() > deadline:
            raise Failed(failure)
        time.sleep(pause)
