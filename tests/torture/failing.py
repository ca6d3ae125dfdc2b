"""A tool of which one system call or allocation fails, and what may fail in which way.

The library fail_once is loaded in front of the tool. From the tool's main() on, seccomp has each
call of the kinds that matter ask here first: it goes on, or fails without having happened. Calls
are counted over all threads and children, so that a failure is one failure.
"""

import array
import contextlib
import errno
import fcntl
import mmap
import os
import re
import select
import shutil
import socket
import stat
import struct
import subprocess
import threading
import time
from pathlib import Path
from typing import NamedTuple

from harness import BIN, tool

LIBRARY = BIN.parent / "tests/libfail_once.so"
WAIT = int(os.environ.get("TORTURE_WAIT", 20))  # seconds for a tool to end; with a failure it may first run into a limit of a few
SITES_AT, SITES = 1 << 17, 1 << 20  # in fail_once's memory
NO_ROOM = ("EMFILE", "ENFILE", "ENOMEM")
DISK = ("EIO", "ENOSPC")
SYNCS = ("fsync", "fdatasync")
# What a call may fail with, by what its descriptor is where that matters.
ERRORS = {
    "accept4": ("EMFILE", "ENFILE", "ENOMEM", "ECONNABORTED", "EINTR", "EAGAIN", "EPERM"),
    "bind": ("EACCES", "EADDRINUSE"),
    "clone": ("EAGAIN", "ENOMEM"), "clone3": ("EAGAIN", "ENOMEM"),
    "close": {"file": ("EIO",)},  # of what was written
    "connect": ("EAGAIN", "EACCES", "EADDRNOTAVAIL", "ENETUNREACH", "ENOBUFS"),
    "dup": ("EMFILE",), "dup2": ("EMFILE",), "dup3": ("EMFILE",),
    "epoll_create1": NO_ROOM,
    "epoll_ctl": {"added": ("ENOMEM", "ENOSPC")},
    "epoll_wait": ("EINTR",), "epoll_pwait": ("EINTR",), "epoll_pwait2": ("EINTR", "ENOSYS"),
    "eventfd2": NO_ROOM,
    "fallocate": {"file": ("ENOSPC",)}, "fchmod": ("EPERM",),
    "fdatasync": DISK, "fsync": DISK,
    "ftruncate": ("EIO", "ENOSPC"),
    "fork": ("EAGAIN", "ENOMEM"),
    "getdents64": ("EIO",),
    "getpeername": ("ENOTCONN", "ENOBUFS"), "getsockname": ("ENOBUFS",), "getsockopt": ("ENOBUFS",),
    "getrandom": ("EINTR", "ENOSYS"),
    "inotify_add_watch": ("ENOSPC", "ENOMEM", "EACCES"), "inotify_init1": NO_ROOM,
    "io_uring_enter": ("EINTR", "EAGAIN", "EBUSY"),
    "io_uring_register": ("ENOMEM", "EINVAL"),
    "io_uring_setup": ("ENOMEM", "EPERM", "ENOSYS", "EMFILE"),
    "link": ("EIO", "EACCES", "ENOSPC"), "linkat": ("EIO", "EACCES", "ENOSPC"),
    "listen": ("EADDRINUSE",),
    "memfd_create": NO_ROOM,
    "mkdir": ("EACCES", "ENOSPC"), "mkdirat": ("EACCES", "ENOSPC"),
    "mmap": ("ENOMEM",),
    "newfstatat": ("EACCES", "EIO", "ENOMEM"),
    "open": (*NO_ROOM, "EACCES", "EIO"), "openat": (*NO_ROOM, "EACCES", "EIO"),
    "pidfd_open": ("EMFILE",),
    "pipe": ("EMFILE", "ENFILE"), "pipe2": ("EMFILE", "ENFILE"),
    "poll": ("EINTR", "ENOMEM"), "ppoll": ("EINTR", "ENOMEM"),
    "pread64": ("EIO",), "pwrite64": DISK,
    "pselect6": ("EINTR", "ENOMEM"), "select": ("EINTR", "ENOMEM"),
    "read": {"file": ("EIO",), "pipe": ("EINTR",), "socket": ("EINTR", "EAGAIN", "ECONNRESET"),
             "event": ("EAGAIN",)},
    "recvfrom": ("EINTR", "EAGAIN", "ECONNRESET", "ENOMEM"), "recvmsg": ("EINTR", "EAGAIN", "ENOMEM"),
    "rename": (*DISK, "EACCES"), "renameat": (*DISK, "EACCES"), "renameat2": (*DISK, "EACCES"),
    "sendmsg": ("EINTR", "EAGAIN", "ENOBUFS"), "sendto": ("EINTR", "EAGAIN", "ENOBUFS"),
    "setsockopt": ("ENOMEM", "ENOPROTOOPT"),
    "signalfd4": NO_ROOM,
    "socket": NO_ROOM, "socketpair": ("EMFILE", "ENFILE"),
    "timerfd_create": NO_ROOM,
    "unlink": ("EACCES", "EIO"), "unlinkat": ("EACCES", "EIO"),
    "wait4": {"waiting": ("EINTR",)},
    "write": {"file": DISK, "pipe": ("EINTR", "EIO"), "socket": ("EINTR", "EAGAIN", "ECONNRESET")},
    "writev": {"file": DISK, "pipe": ("EINTR", "EIO"), "socket": ("EINTR", "EAGAIN", "ECONNRESET")},
}
WITH_PATH = {"openat": 1, "newfstatat": 1, "inotify_add_watch": 1, "unlinkat": 1, "mkdirat": 1,
             "renameat": 1, "renameat2": 1, "rename": 0, "open": 0, "unlink": 0, "mkdir": 0, "link": 0}
BY_DESCRIPTOR = {"close", "fallocate", "read", "write", "writev",
                 "fsync", "fdatasync", "ftruncate", "pread64", "pwrite64", "recvfrom", "sendto", "sendmsg",
    "recvmsg", "accept4", "connect", "getsockopt", "setsockopt", "getsockname", "getpeername", "listen"}
# struct seccomp_notif and seccomp_notif_resp of linux/seccomp.h
RECEIVE, ANSWER = 0xC0502100, 0xC0182101
GO_ON = 1
EPOLL_CTL_ADD = 1


class Failure(NamedTuple):
    """The Nth call of a kind (from 1) fails with an error; `malloc` is any allocation."""

    call: str
    error: str
    number: int

    @classmethod
    def parse(cls, text):
        call, error, number = text.split(":")
        if call != "malloc" and call not in ERRORS or not hasattr(errno, error):
            raise ValueError(text)
        return cls(call, error, int(number))

    def __str__(self):
        return f"{self.call}:{self.error}:{self.number}"


class Asked(NamedTuple):
    """A call that was made: of what kind, what its descriptor was, and what it was about."""

    call: str
    kind: str
    what: str

    blocks: bool = False

    def errors(self):
        errors = ERRORS[self.call]
        found = errors.get(self.kind, ()) if isinstance(errors, dict) else errors
        # What blocks never says that it would, but for a limit that has passed.
        return [each for each in found if each != "EAGAIN" or not self.blocks]


def kind_of(pid, fd):
    """("file", "pipe", "socket" or "event", its name) of another process's descriptor."""
    path = f"/proc/{pid}/fd/{fd}"
    try:
        mode, name = os.stat(path).st_mode, os.readlink(path)
    except OSError:
        return "none", ""
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        return ("folder" if stat.S_ISDIR(mode) else "file"), name
    return ("socket" if stat.S_ISSOCK(mode) else "pipe" if stat.S_ISFIFO(mode) else
            "event" if name.startswith("anon_inode:") else "device"), name


def flags_of(pid, fd):
    """As open(2) has them."""
    try:
        info = Path(f"/proc/{pid}/fdinfo/{fd}").read_text()
    except OSError:
        return 0
    return int(re.search(r"^flags:\s+(\d+)", info, re.M)[1], 8)


def text_at(pid, address):
    """The path that another process's pointer leads to."""
    try:
        with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
            memory.seek(address)
            return memory.read(256).split(b"\0")[0].decode(errors="replace")
    except (OSError, ValueError, OverflowError):
        return "?"


class Victim:
    """A tool that runs with a failure; or with none, and then all that it asks is noted, or nothing."""

    def __init__(self, name, args, failure=None, watched=True, **options):
        self.failure = failure
        self.asked, self.counts, self.met = [], {}, None
        self.own_closes = 2
        self.unsynced = set()  # what was written to since it was synced, where a sync is to fail
        self.over = threading.Event()
        ours, its = socket.socketpair()
        memory = self.stacks = os.memfd_create("torture")
        os.ftruncate(memory, SITES_AT + SITES)
        self.memory = mmap.mmap(memory, SITES_AT + SITES)
        allocation = failure.number if failure and failure.call == "malloc" else 0
        self.memory[8:24] = struct.pack("QQ", allocation, failure is None)
        calls = [*ERRORS] if failure is None else [] if allocation else [failure.call]
        if failure and failure.call in SYNCS:
            calls.append("pwrite64")
        environment = dict(os.environ, TZ="UTC0")
        if watched:
            environment.update(LD_PRELOAD=str(LIBRARY), TORTURE_SOCKET=str(its.fileno()),
                               TORTURE_MEMORY=str(memory), TORTURE_CALLS=",".join(calls))
        options.setdefault("start_new_session", True)  # whose processes it can end, and no others
        with its:
            self.process = subprocess.Popen(
                [tool(name), *map(str, args)], env=environment, pass_fds=[its.fileno(), memory],
                stdin=options.pop("stdin", subprocess.DEVNULL), stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, bufsize=0, **options)
        self.out, self.err = Pipe(self.process.stdout), Pipe(self.process.stderr)
        self.thread = threading.Thread(target=self.answer, args=(ours, calls), daemon=True)
        self.thread.start()

    def answer(self, ours, calls):
        with ours:
            if not calls:
                return
            ours.settimeout(WAIT)
            try:
                numbers, descriptors, _, _ = socket.recv_fds(ours, 4096, 1)
            except OSError:
                return
            if not descriptors:
                return
        self.names = dict(zip(array.array("I", numbers), calls))
        listener = descriptors[0]
        poller = select.poll()
        poller.register(listener, select.POLLIN)
        try:
            while not self.over.is_set():
                for _, events in poller.poll(50):
                    if events & select.POLLIN:
                        self.answer_one(listener)
                    elif events:
                        return
        finally:
            os.close(listener)

    def answer_one(self, listener):
        request = bytearray(80)
        try:
            fcntl.ioctl(listener, RECEIVE, request)
        except OSError:
            return  # killed in the meantime
        key, pid, _, number = struct.unpack_from("=QIIi", request)
        arguments = struct.unpack_from("=6Q", request, 32)
        error = self.judge(self.names.get(number), pid, arguments)
        answer = struct.pack("=QqiI", key, 0, -error, 0 if error else GO_ON)
        with contextlib.suppress(OSError):
            fcntl.ioctl(listener, ANSWER, answer)

    def judge(self, call, pid, arguments):
        """The errno that the call fails with; 0: it goes on."""
        if call == "close" and self.own_closes:
            self.own_closes -= 1
            return 0
        number = self.counts[call] = self.counts.get(call, 0) + 1
        if self.failure is None or (call, number) == (self.failure.call, self.failure.number):
            asked = self.describe(call, pid, arguments)
            self.asked.append(asked)
            # In another order of threads, it may be one that cannot fail so.
            if self.failure is not None and self.failure.error in asked.errors():
                # Such a file has nothing to lose, as SQLite's log when it is closed.
                is_synced = call in SYNCS and asked.what not in self.unsynced
                self.met = asked._replace(kind="synced") if is_synced else asked
                return getattr(errno, self.failure.error)
        if self.failure is not None and self.failure.call in SYNCS:
            note = self.unsynced.add if call == "pwrite64" else self.unsynced.discard
            note(kind_of(pid, arguments[0] & 0xFFFFFFFF)[1])
        return 0

    @staticmethod
    def describe(call, pid, arguments):
        if call == "epoll_ctl":  # Boost.Asio minds no failure of its timer's
            kind, name = kind_of(pid, arguments[2] & 0xFFFFFFFF)
            added = arguments[1] == EPOLL_CTL_ADD and name != "anon_inode:[timerfd]"
            return Asked(call, "added" if added else kind, name)
        if call == "wait4":
            return Asked(call, "" if arguments[2] & os.WNOHANG else "waiting", "")
        if call in WITH_PATH:
            return Asked(call, "file", text_at(pid, arguments[WITH_PATH[call]]))
        if call in BY_DESCRIPTOR:
            fd = arguments[0] & 0xFFFFFFFF
            flags = arguments[3] if call in ("recvfrom", "sendto") else (
                arguments[2] if call in ("recvmsg", "sendmsg") else 0)
            opened, (kind, name) = flags_of(pid, fd), kind_of(pid, fd)
            if kind == "pipe" and fd > 2:
                kind = "own pipe"  # which never fails
            if call == "close" and opened & os.O_ACCMODE == os.O_RDONLY:
                kind = "read"
            return Asked(call, kind, name, not (opened & os.O_NONBLOCK or flags & socket.MSG_DONTWAIT))
        return Asked(call, "", "")

    def allocations(self):
        return struct.unpack("Q", self.memory[:8])[0]

    def sites(self):
        """The number of the first allocation at each place, where a place is a whole stack."""
        found = array.array("Q", self.memory[SITES_AT:])
        return sorted(number for number in found[1::2] if number)

    def happened(self):
        """Whether the failure was met."""
        if self.failure.call == "malloc":
            return self.allocations() >= self.failure.number
        return self.met is not None

    def wait(self, seconds=WAIT):
        """The exit status; TimeoutError where it does not end."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise TimeoutError from None
        return self.process.returncode

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.over.set()
        self.thread.join(WAIT)
        for pipe in (self.out, self.err):
            pipe.close()
        if self.stacks >= 0:
            self.stack = os.pread(self.stacks, 1 << 16, 4096).decode(errors="replace")
            os.close(self.stacks)
            self.stacks = -1

    def who_allocated(self):
        """The tool's functions that asked for the allocation that failed, the innermost first."""
        places = re.findall(rf"^{BIN}/([\w-]+)\(\+(0x[0-9a-f]+)\)", self.stack, re.M)
        if not places or not shutil.which("addr2line"):
            return self.stack
        asked = ["addr2line", "-Cfpsie", BIN / places[0][0],
                 *(hex(int(where, 16) - 1) for _, where in places)]
        said = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
        own = [line for line in said.splitlines() if re.search(r" at \w+\.[ch]pp:", line) and
               "/usr/" not in line and not re.search(r"(std|boost|__gnu_cxx)::", line.partition(" at ")[0][:30])]
        return "\n".join(f"  < {line.replace('(inlined by) ', '').strip()}" for line in own[:12])


class Pipe:
    """What a tool prints, collected by a thread."""

    def __init__(self, pipe):
        self.pipe, self.bytes, self.changed, self.ended = pipe, b"", threading.Condition(), False
        self.thread = threading.Thread(target=self.collect, daemon=True)
        self.thread.start()

    def collect(self):
        while piece := self.pipe.read(1 << 16):
            with self.changed:
                self.bytes += piece
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def wait_for(self, pattern, count=1, seconds=WAIT):
        """The matches, once there are so many, or fewer where the pipe has ended before."""
        def found():
            return re.findall(pattern, self.bytes.decode(errors="replace"), re.M)

        with self.changed:
            self.changed.wait_for(lambda: len(found()) >= count or self.ended, seconds)
            return found()

    def text(self):
        """All of it, once the tool has ended; what a child left behind holds open is not waited for."""
        self.thread.join(1)
        return self.bytes.decode(errors="replace")

    def close(self):
        self.thread.join(1)
        if not self.thread.is_alive():
            self.pipe.close()


def can_inject():
    """Whether this kernel and container let a call be failed from outside; "" or why not."""
    if not LIBRARY.exists():
        return f"no {LIBRARY}: build first"
    victim = Victim("poetry-get", ["--version"])
    try:
        victim.wait()
    finally:
        victim.end()
    return "" if victim.asked else f"seccomp cannot ask here: {victim.err.text().strip()}"
