"""One run of a scenario, and what holds of each however it ends."""

import contextlib
import errno
import os
import re
import signal
from pathlib import Path
from typing import NamedTuple

from failing import WAIT, Victim
from harness import POEMS, Server, becomes_true
from sync_process import SyncProcess

POEM, OTHER = POEMS / "ecstasy.txt", POEMS / "eternity.txt"
# Where one call of these fails, only one connection may suffer.
OF_A_CONNECTION = {"accept4", "connect", "getpeername", "getsockname", "getsockopt", "recvfrom",
                   "sendto", "recvmsg", "sendmsg", "socket"}
CRASH = re.compile(r"terminate called|\*\*\* (?!LOG)|Sanitizer|runtime error:|[Aa]ssertion|corrupt|double free|"
                   r"pure virtual|[Ss]egmentation|Aborted|SIGSEGV|SIGABRT|signal (6|11)\b")
LOST = {"EIO", "ENOSPC"}  # after these, what should be on disk may not be


class Wrong(Exception):
    """An outcome that must not be."""


class Rig(NamedTuple):
    """What all runs share: a folder, and servers that do not fail."""

    folder: Path
    ports: dict


class Run:
    """One run of a scenario: a folder of its own, and its tools."""

    def __init__(self, rig, folder, failure):
        self.ports, self.folder, self.failure = rig.ports, folder, failure
        self.library = rig.folder / "library.db"
        self.victims, self.others = [], []
        self.may_be_killed = False  # by a signal of the scenario's own, in its end

    def start(self, name, *args, **options):
        """A tool; the first has the failure."""
        first = not self.victims
        victim = Victim(name, args, self.failure if first else None, watched=first, cwd=self.folder,
                        **options)
        (self.others if self.victims else self.victims).append(victim)
        return victim

    def possible(self):
        """(the kinds of calls and their errors, the first allocation of each place)."""
        asked = [(each.call, each.errors()) for each in self.victims[0].asked]
        return asked, self.victims[0].sites()

    def met(self):
        """What it was that failed."""
        if not self.victims:
            return ""
        if self.failure.call == "malloc":
            return self.victims[0].who_allocated()
        met = self.victims[0].met
        return f"  < {met.kind} {met.what}" if met else ""

    def said(self):
        return "\n".join(f"  | {line}" for victim in (*self.victims, *self.others)
                         for line in victim.err.text().splitlines()[-25:])

    def look_for_crashes(self):
        for victim in self.victims:
            if (victim.process.returncode or 0) < 0 and not self.may_be_killed:
                raise Wrong(f"died of signal {-victim.process.returncode}")
            if found := CRASH.search(victim.err.text()):
                raise Wrong(f"said {found[0]!r}")

    def must_be_told(self):
        """What was written to a file may not be lost without a word."""
        failure, met = self.failure, self.victims[0].met
        if (failure.error in LOST and met and met.kind == "file" and self.is_kept(met.what) and
                failure.call in ("fsync", "fdatasync", "ftruncate", "write", "pwrite64", "rename", "close")
                and not self.tells(self.victims[0])):
            raise Wrong(f"went on, and said nothing: {met.what}")

    def is_kept(self, path):
        """Whether it is a file of ours whose loss would be for good. SQLite goes on from its log, and is
        lost where that is not synced."""
        if re.search(r"/(library\.db|state)(-\w+)?( \(deleted\))?$", path):
            return self.failure.call in ("fsync", "fdatasync") and path.endswith(("-wal", "-journal"))
        return path.startswith(str(self.folder)) or not path.startswith("/")

    def tells(self, victim):
        """Whether its messages speak of the failure."""
        said = victim.err.text()
        return bool(re.search(r"\b(warn|warning|error|critical)\b|failed|cannot|poetry-\w+: ", said) and
                    (os.strerror(getattr(errno, self.failure.error)) in said or
                     re.search(r"memory|bad_alloc|[Ii]/O|disk", said)))

    def end(self):
        for victim in (*self.victims, *self.others):
            victim.end()


def ended(victim):
    """Its exit status, at the end."""
    try:
        return victim.wait()
    except TimeoutError:
        raise Wrong(f"did not end within {WAIT} s") from None


def must(condition, text):
    if not condition:
        raise Wrong(text)


def fill_library(folder, port):
    """One with a poem, for poetry-sync to read."""
    sync = SyncProcess("serve", f"sqlite:{folder}/library.db")
    try:
        record = sync.add("poem", f"127.0.0.1:{port}")["id"]
        job = sync.press("poem", record)
        must(becomes_true(lambda: sync.get(f"/api/jobs/{job}")["state"] == "done"), "no library")
        sync.send(signal.SIGTERM)  # so that nothing is left in a log of SQLite's
        sync.wait()
    finally:
        sync.end()


@contextlib.contextmanager
def servers(folder):
    """Those that never fail, for poetry-get and poetry-sync to fetch from."""
    server = Server("--log-level", "off", "--drain-timeout", "0",
                    "-s", f"0=poem:{POEM},delay=0", "-s", f"0=poem:{OTHER},delay=10ms",
                    "-s", "0=catalog", listeners=3)
    try:
        ports = dict(zip(("quick", "slow", "catalog"), server.ports))
        fill_library(folder, ports["quick"])
        yield ports
    finally:
        server.end()


def told(run, victim, status):
    """The outcome of a tool that failed: whether it said why."""
    must(status in (1, 3), f"exit status {status}")
    met = victim.met
    if not (met and met.call == "write" and met.kind == "pipe"):  # the message itself
        must(victim.err.text().strip(), f"exit status {status}, and not a word")
    return "told"
