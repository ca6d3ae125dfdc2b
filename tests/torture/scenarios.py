"""What the tools are asked to do while a call fails, and how it may end."""

import contextlib
import errno
import os
import re
import signal
import socket
from pathlib import Path
from typing import NamedTuple

from failing import WAIT, Victim
from harness import ENGINES, POEMS, SERVER_ENGINES, Server

POEM, OTHER = POEMS / "ecstasy.txt", POEMS / "eternity.txt"
# Where one call of these fails, only one connection may suffer.
OF_A_CONNECTION = {"accept4", "connect", "getpeername", "getsockname", "getsockopt", "recvfrom",
                   "sendto", "recvmsg", "sendmsg", "socket"}
CRASH = re.compile(r"terminate called|\*\*\*|Sanitizer|runtime error:|[Aa]ssertion|corrupt|double free|"
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

    def __init__(self, rig, folder, failure, trace):
        self.ports, self.folder, self.failure, self.trace = rig.ports, folder, failure, trace
        self.victims, self.others = [], []

    def start(self, name, *args, **options):
        """A tool; the first has the failure."""
        failure = self.failure if not self.victims else None
        victim = Victim(name, args, failure, self.trace, cwd=self.folder, **options)
        (self.others if self.victims else self.victims).append(victim)
        return victim

    def possible(self):
        """(the kinds of calls and their errors, the number of allocations)."""
        asked = [(each.call, each.errors()) for each in self.victims[0].asked]
        return asked, self.victims[0].allocations()

    def met(self):
        met = self.victims[0].met
        return f"{met.kind} {met.what}" if met else ""

    def said(self):
        return "\n".join(f"  | {line}" for victim in (*self.victims, *self.others)
                         for line in victim.err.text().splitlines()[-25:])

    def look_for_crashes(self):
        for victim in self.victims:
            if (victim.process.returncode or 0) < 0:
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


@contextlib.contextmanager
def servers(folder):
    """Those that never fail, for poetry-get and poetry-sync to fetch from."""
    server = Server("--log-level", "off", "--drain-timeout", "0",
                    "-s", f"0=poem:{POEM},delay=0", "-s", f"0=poem:{OTHER},delay=10ms",
                    "-s", "0=catalog", listeners=3)
    try:
        yield dict(zip(("quick", "slow", "catalog"), server.ports))
    finally:
        server.end()


# ---- poetry-get ----

LIMITS = ("--connect-timeout", "3s", "--idle-timeout", "3s", "--timeout", "5s")


def told(run, victim, status):
    """The outcome of a tool that failed: whether it said why."""
    must(status in (1, 3), f"exit status {status}")
    met = victim.met
    if not (met and met.call == "write" and met.kind == "pipe"):  # the message itself
        must(victim.err.text().strip(), f"exit status {status}, and not a word")
    return "told"


def is_made_of(text, poems):
    """Whether it is a beginning of each poem, in their order."""
    ends = {0}
    for poem in poems:
        ends = {end + len(poem[:length]) for end in ends for length in range(len(poem) + 1)
                if text[end:end + length] == poem[:length]}
    return len(text) in ends


def fetching(engine):
    def fetch(run):
        poems = [POEM.read_bytes(), OTHER.read_bytes()]
        victim = run.start("poetry-get", "-e", engine, *LIMITS, run.ports["quick"], run.ports["slow"])
        status = ended(victim)
        victim.end()
        out = victim.out.bytes
        if status == 0:
            must(out == b"".join(poems), f"exit status 0, and printed {out!r}")
            return "went on"
        must(is_made_of(out, poems), f"printed {out!r}")
        must(status == 1 or run.failure.call not in OF_A_CONNECTION, "one call, and both tasks failed")
        return told(run, victim, status)

    return fetch


# ---- poetry-server ----

def connected(port):
    sock = socket.create_connection(("127.0.0.1", port), WAIT)
    sock.settimeout(WAIT)
    return sock


def received(sock):
    """All that comes; and whether it ended in order."""
    text = b""
    with sock:
        try:
            while piece := sock.recv(1 << 16):
                text += piece
        except TimeoutError:
            raise Wrong("a client was neither served nor dropped") from None
        except OSError:
            return text, False
    return text, True


def listening(run, victim, count=1):
    """The ports, once it serves; None where it could not start, and told why."""
    found = victim.out.wait_for(r"^listening \S+:(\d+) ", count)
    if len(found) == count:
        return [int(port) for port in found]
    status = ended(victim)
    victim.end()
    must(status == 1, f"does not serve: exit status {status}")
    told(run, victim, status)
    return None


class Clients:
    """What came of those that were served; at most one of them may suffer, and not unsaid."""

    def __init__(self, run, victim):
        self.run, self.victim, self.suffered = run, victim, 0

    def got(self, text, in_order, whole, number):
        if text == whole and in_order:
            return
        must(whole.startswith(text), f"client {number} got {text!r}")
        self.suffered += 1

    def judge(self, status):
        self.victim.end()
        said = self.victim.err.text()
        must(self.suffered <= 1, f"{self.suffered} clients suffered of one failure")
        must(status in (0, 1), f"exit status {status}")
        if status == 1:
            return told(self.run, self.victim, status)
        if self.suffered:
            must(re.search(r" (warn|warning|error) |reason=(?!finished)", said), "a client suffered, and no word of it")
            return "told"
        return "told" if re.search(r" (warn|warning|error) ", said) else "went on"


def stopped(victim, number=signal.SIGTERM):
    with contextlib.suppress(ProcessLookupError):
        victim.process.send_signal(number)
    return ended(victim)


def serving(*options):
    def serve(run):
        whole = OTHER.read_bytes()
        victim = run.start("poetry-server", "--port", "0", "-d", "10ms", *options, OTHER)
        ports = listening(run, victim)
        if not ports:
            return "told"
        clients = Clients(run, victim)
        try:
            together = [connected(ports[0]), connected(ports[0])]
            for number, sock in enumerate(together, 1):
                clients.got(*received(sock), whole, number)
            clients.got(*received(connected(ports[0])), whole, 3)
        except ConnectionRefusedError:
            raise Wrong(f"serves no more: exit status {victim.process.poll()}") from None
        return clients.judge(stopped(victim))

    return serve


SCENARIOS = {
    **{f"fetch-{engine}": fetching(engine) for engine in ENGINES},
    **{f"serve-{engine}": serving("-e", engine) for engine in SERVER_ENGINES},
}
# (scenario, failure) that once went wrong: part of every sample.
ALWAYS = []
