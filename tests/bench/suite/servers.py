"""The servers that are compared: ours under each engine, the floor, and what people would use.

Each is a command that listens on given ports of 127.0.0.1. All paced servers send a line of about
30 bytes a delay, the first one a delay after they accept, without an end.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Callable, NamedTuple

from processes import SERVER, becomes_true, running

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests/cli"))
from harness import free_ports  # noqa: E402, F401

BIN = Path(os.environ.get("POETRY_BIN", ROOT / "build/bench/bin")).resolve()
PEERS = ROOT / "tests/bench/peers"
PYTHON = "/usr/bin/python3"  # the distribution's, which has its packages
LINE = b"And all the air a stillness h\n"
NO_END = 2**31

# Package by peer; what is not installed is left out.
PACKAGES = {"endlessh": "endlessh", "twisted": "python3-twisted", "asyncio": "python3",
            "node": "nodejs", "nginx": "nginx-light", "socat": "socat", "curl": "curl", "wrk": "wrk"}


class Pace(NamedTuple):
    """What a paced server is asked for."""
    port: int
    ports: int = 1
    delay: float = 1.0  # seconds
    directory: Path = Path("/nonexistent")  # for files of the server's
    at_once: bool = False  # the first line comes with no delay

    @property
    def first_delay(self):
        return 0 if self.at_once else self.delay


class Server(NamedTuple):
    """A competitor: `command(what)` makes its command line; `missing` says why it cannot run."""
    name: str
    command: Callable
    missing: str = ""


def bench_program(name):
    return BIN / f"bench-{name}"


def why_missing(peer):
    """Why a peer cannot take part, or nothing."""
    package = PACKAGES[peer]
    found = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status}", package],
                           capture_output=True, text=True, check=False).stdout == "installed"
    if not found and peer == "nginx":
        found = shutil.which("nginx") is not None
    return "" if found else f"{package} is not installed"


def why_unsupported(tool, *options):
    """What our tool says against these options, or nothing where it takes them."""
    asked = subprocess.run([BIN / tool, *options, "--print-config"], capture_output=True,
                           text=True, check=False, timeout=60)
    return "" if asked.returncode == 0 else asked.stderr.partition("\n")[0]


def port_list(pace):
    return str(pace.port) if pace.ports == 1 else f"{pace.port}-{pace.port + pace.ports - 1}"


def ours(engine, *options, name=""):
    """poetry-server under an engine, with further options."""
    def command(pace):
        poem = pace.directory / "line.txt"
        poem.write_bytes(LINE)
        return [BIN / "poetry-server", "-e", engine, "-p", port_list(pace), "--repeat", "forever",
                "-d", f"{pace.delay:f}", "--first-delay", f"{pace.first_delay:f}",
                "--log-level", "error", *options, poem]

    return Server(name or engine, command, why_unsupported("poetry-server", "-e", engine, *options))


def floor():
    return Server("floor", lambda pace: [
        bench_program("paced-floor"), pace.port, f"{pace.delay:f}", "1ms", NO_END])


def endlessh():
    return Server("endlessh", lambda pace: [
        "endlessh", "-4", "-d", round(pace.delay * 1000), "-m", 65535, "-p", pace.port],
        why_missing("endlessh"))


def peer(name, interpreter, script):
    """A paced server of a framework's, from the folder of peers."""
    return Server(name, lambda pace: [
        interpreter, *(["-B"] if interpreter == PYTHON else []), PEERS / script, pace.port,
        f"{pace.delay:f}", LINE.decode().rstrip()], why_missing(name))


def frameworks():
    return [peer("node", "node", "paced_node.js"),
            peer("asyncio", PYTHON, "paced_asyncio.py"),
            peer("twisted", PYTHON, "paced_twisted.py")]


def listens(port):
    """Whether somebody listens there, without a connection that a server would have to serve."""
    wanted = f"0100007F:{port:04X} 00000000:0000 0A", f"00000000:{port:04X} 00000000:0000 0A"
    table = Path("/proc/net/tcp").read_text()
    return any(each in table for each in wanted)


@contextlib.contextmanager
def serving(command, port, processors=SERVER):
    """The server's process, once it listens on that port.

    The kernel may keep a listener that was killed with an io_uring for a moment.
    """
    becomes_true(lambda: not listens(port), f"port {port} stays in use")
    with running(command, processors, stderr=sys.stderr) as process:
        becomes_true(lambda: listens(port), f"{Path(command[0]).name}: did not start",
                     lambda: process.poll() is not None)
        yield process
