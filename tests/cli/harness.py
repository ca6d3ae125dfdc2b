"""Runs the tools as a user would and waits for what they do.

Nothing here sleeps for a fixed time: a wait ends with the event it waits for,
or fails after WAIT seconds. Every process is bounded and ended by its pid.
"""

import contextlib
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path
from typing import NamedTuple, Optional

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("POETRY_BIN", ROOT / "build/dev/bin")).resolve()
SANITIZED = os.environ.get("POETRY_SANITIZED") == "1"
WAIT = 100 if SANITIZED else 30  # seconds; far beyond what a loaded machine needs
POEMS = ROOT / "poems"
LISTENING = re.compile(r"listening (\S+):(\d+) (\S+) (.+)")


DEMO = ROOT / "apps/poetry-demo"  # a script, which needs no build
WITH_TOOLS = dict(os.environ, PATH=f"{BIN}:{DEMO}:{os.environ['PATH']}")


def tool(name):
    return str((DEMO if name == "poetry-demo" else BIN) / name)


def allows_uring():
    """Whether io_uring was built into the tools, and this kernel allows it."""
    asked = [tool("poetry-get"), "--engine", "uring", "--print-config"]
    return subprocess.run(asked, capture_output=True, timeout=WAIT).returncode == 0


def engines_of(name):
    """Those that the tool was built with and this kernel allows."""
    said = subprocess.run([tool(name), "--version"], capture_output=True, text=True, timeout=WAIT)
    names = re.search(r"^Engines: (.*)$", said.stdout, re.M)[1].split()
    return [each for each in names if each != "uring" or allows_uring()]


# spin, which takes a processor from all tests beside it, has tests of its own and the conformance's.
ENGINES = [each for each in engines_of("poetry-get") if each != "spin"]
SERVER_ENGINES = [each for each in engines_of("poetry-server") if each != "spin"]


def can_trace():
    return shutil.which("strace") and not subprocess.run(
        ["strace", "-qq", "-o", os.devnull, "true"], capture_output=True, timeout=WAIT).returncode


# Opened as root, since an ordinary user may not be able to enter the folder of the tools.
AS_USER = """
import os, resource, sys
user, processes = map(int, sys.argv[1:3])
tool = os.open(sys.argv[3], os.O_RDONLY | os.O_CLOEXEC)
if processes:
    resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))
os.setgroups([])
os.setgid(user)
os.setuid(user)
os.chdir("/")
os.execve(tool, sys.argv[3:], os.environ)
"""


def as_user(user, processes=0):
    """A prefix that has root run a tool as somebody else, who may have so many processes."""
    return [sys.executable, "-c", AS_USER, str(user), str(processes)]


class Result(NamedTuple):
    status: int
    out: bytes
    err: str
    report: Optional[object] = None


def run(name, *args, stdin=b"", stdout=subprocess.PIPE, prefix=(), timeout=WAIT, **options):
    """Runs a tool to its end."""
    process = subprocess.Popen(
        [*prefix, tool(name), *map(str, args)],
        stdin=subprocess.PIPE, stdout=stdout, stderr=subprocess.PIPE, **options)
    try:
        out, err = process.communicate(stdin, timeout=timeout)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    return Result(process.returncode, out or b"", err.decode())


def fails(result, offender):
    """Whether poetry-server failed with one line that names the offender, perhaps one more that says
    what helps, and printed nothing."""
    assert (result.status, result.out) == (1, b""), result
    line, *remedy = result.err.splitlines()
    assert len(remedy) <= 1 and all(each.startswith("      ") for each in remedy)
    assert line.startswith("poetry-server: ") and str(offender) in line


# Not the test's own child: that would begin with the peak of this process.
PEAK = """
import resource, subprocess, sys
status = subprocess.call(sys.argv[2:])
with open(sys.argv[1], "w") as file:
    print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=file)
sys.exit(status if status >= 0 else 128 - status)
"""


def measured(tmp_path):
    """A prefix for run() after which peak_kib() tells how much memory the tool took."""
    return [sys.executable, "-c", PEAK, str(tmp_path / "peak")]


def peak_kib(tmp_path):
    return int((tmp_path / "peak").read_text())


class Lines:
    """The lines of a pipe, collected by a thread, to be waited for."""

    def __init__(self, pipe):
        self.lines = []
        self.ended = False
        self.changed = threading.Condition()
        self.pipe = pipe
        self.thread = threading.Thread(target=self.collect, daemon=True)
        self.thread.start()

    def collect(self):
        for line in self.pipe:
            with self.changed:
                self.lines.append(line.decode(errors="replace").rstrip("\n"))
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def matching(self, pattern):
        return [line for line in self.lines if re.search(pattern, line)]

    def wait_for(self, pattern, count=1):
        """The first `count` lines that match the pattern, once they are there."""
        with self.changed:
            self.changed.wait_for(
                lambda: len(self.matching(pattern)) >= count or self.ended, WAIT)
            found = self.matching(pattern)
        assert len(found) >= count, f"no {count} x {pattern!r} in:\n" + "\n".join(self.lines)
        return found[:count]

    def text(self):
        self.thread.join(WAIT)
        return "\n".join(self.lines)


class Running:
    """A tool that runs while the test goes on."""

    def __init__(self, name, *args, prefix=(), **options):
        self.process = subprocess.Popen(
            [*prefix, tool(name), *map(str, args)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
        self.out = Lines(self.process.stdout)
        self.err = Lines(self.process.stderr)

    @property
    def pid(self):
        return self.process.pid

    def send(self, number):
        self.process.send_signal(number)

    def wait(self):
        """The exit status, once it has ended by itself."""
        return self.process.wait(WAIT)

    def stop(self, number=signal.SIGTERM):
        self.send(number)
        return self.wait()

    def end(self):
        for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
            if self.process.poll() is None:
                self.process.send_signal(number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(0.5 if number == signal.SIGTERM else WAIT)
        for lines in (self.out, self.err):
            lines.thread.join(WAIT)
            lines.pipe.close()


class Server(Running):
    """poetry-server, once all its listeners are bound."""

    def __init__(self, *args, listeners=1, **options):
        super().__init__("poetry-server", *args, **options)
        try:
            self.out.wait_for("^listening ", listeners)
        except AssertionError as missing:
            self.end()
            raise AssertionError(f"{missing}\nstderr:\n{self.err.text()}") from None

    @property
    def listening(self):
        return [LISTENING.fullmatch(line).groups() for line in self.out.lines]

    @property
    def ports(self):
        return [int(port) for _, port, _, _ in self.listening]

    @property
    def port(self):
        return self.ports[0]


def connect(port, host="127.0.0.1"):
    """Connects in one blocking call: one that is waited for meets a reset that follows at once."""
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        sock.connect((host, port))
    except OSError:
        sock.close()
        raise
    sock.settimeout(WAIT)
    return sock


def read_to_end(sock):
    return b"".join(iter(lambda: sock.recv(1 << 16), b""))


def read_poem(port, host="127.0.0.1"):
    with connect(port, host) as sock:
        return read_to_end(sock)


def read_line(sock):
    line = b""
    while not line.endswith(b"\n"):
        piece = sock.recv(1)
        if not piece:
            break
        line += piece
    return line


def arrivals(port):
    """(seconds since before the connect, bytes so far) for every read; the end comes last."""
    start, seen, total = time.monotonic(), [], 0
    with connect(port) as sock:
        while True:
            piece = sock.recv(1 << 16)
            total += len(piece)
            seen.append((time.monotonic() - start, total))
            if not piece:
                return seen


def never_early(seen, due):
    """Whether no byte came before its time: due is a list of (bytes, seconds)."""
    for count, seconds in due:
        first = next(at for at, total in seen if total >= count)
        assert first >= seconds, f"byte {count} at {first:.4f} s, due at {seconds:.4f} s"


def free_ports(count=1):
    """The first of `count` neighbouring ports that are free, below the ephemeral range."""
    first = 15000 + os.getpid() % 500 * 20
    while True:
        with contextlib.ExitStack() as stack:
            try:
                for port in range(first, first + count):
                    sock = stack.enter_context(socket.socket())
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    sock.bind(("127.0.0.1", port))
                return first
            except OSError:
                first += count


def reset(sock):
    """Closes with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


class Peer:
    """A server of the test's own: `handle(sock, number, done)` for each connection."""

    def __init__(self, handle):
        self.handle = handle
        self.done = threading.Event()
        self.accepted = 0
        self.held = 0
        self.most_held = 0
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.listener.settimeout(0.1)
        self.port = self.listener.getsockname()[1]
        self.threads = [threading.Thread(target=self.accept, daemon=True)]
        self.threads[0].start()

    def accept(self):
        while not self.done.is_set():
            try:
                sock, _ = self.listener.accept()
            except socket.timeout:
                continue
            with self.lock:
                self.accepted += 1
                self.held += 1
                self.most_held = max(self.most_held, self.held)
            thread = threading.Thread(target=self.serve, args=(sock, self.accepted), daemon=True)
            self.threads.append(thread)
            thread.start()

    def serve(self, sock, number):
        sock.settimeout(WAIT)
        with sock:
            with contextlib.suppress(OSError):
                self.handle(sock, number, self.done)
            with self.lock:  # before the client is told of the end, and comes back for more
                self.held -= 1

    def close(self):
        self.done.set()
        for thread in list(self.threads):
            thread.join(WAIT)
        self.listener.close()


def unread_by_peer(sock):
    """Bytes that the peer's kernel has not acknowledged."""
    return struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, b"\0" * 4))[0]


def silent(sock, number, done):
    done.wait(WAIT)


def resetting(sock, number, done):
    reset(sock)


def half_then_reset(sock, number, done):
    sock.sendall(b"half a line")
    while unread_by_peer(sock):  # a reset would discard what the peer has not read yet
        done.wait(0.01)
    reset(sock)


def trickling(sock, number, done):
    """A poem without an end."""
    while not done.wait(0.05):
        sock.sendall(b"and so on\n")


def replying(text):
    def handle(sock, number, done):
        sock.sendall(text)
        sock.shutdown(socket.SHUT_WR)
        sock.recv(1)
    return handle


@contextlib.contextmanager
def refused_port():
    """A port that nobody listens on and nobody else can take."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


@contextlib.contextmanager
def unanswering_port():
    """A port whose backlog is full, so that a handshake never completes."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
        return True
    except OSError:
        return False


def becomes_true(condition):
    """Whether it does within WAIT seconds; for what nothing can be waited for."""
    deadline = time.monotonic() + WAIT
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def process_state(pid):
    """(state, parent) of a process; ("", 0) where there is none."""
    try:
        state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
    except OSError:
        return "", 0
    return state, int(parent)


def children_of(pid):
    """The processes whose parent it is, but for zombies."""
    pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [each for each in pids
            if process_state(each)[1] == pid and process_state(each)[0] not in "ZX"]


def is_running(pid):
    """Whether the process is there; a zombie is not."""
    return process_state(pid)[0] not in ("", "Z", "X")


def load_json_lines(lines):
    """The JSON objects among log lines, wherever in the line they start."""
    found = []
    for line in lines:
        with contextlib.suppress(ValueError):
            found.append(json.loads(line[line.index("{"):]))
    return found
