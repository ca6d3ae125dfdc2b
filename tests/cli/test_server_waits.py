"""Nothing that blocks holds up a port beside it, and no client is dropped that takes what it gets."""

import contextlib
import json
import os
import selectors
import shutil
import signal
import socket
import sqlite3
import subprocess
import time

import pytest

from harness import (ROOT, SERVER_ENGINES, WAIT, Server, children_of, connect, read_line, read_to_end,
                     run, tool)

each_engine = pytest.mark.parametrize("engine", SERVER_ENGINES)
# Far more than a tick, which a loaded machine cannot hold, and far less than what blocks.
SOON = 1.5


def echoes(sock, text=b"are you there?\n"):
    """How long an echo takes."""
    before = time.monotonic()
    sock.sendall(text)
    assert read_line(sock) == text
    return time.monotonic() - before


@each_engine
def test_a_lock_on_the_state_holds_up_nobody_else(server, tmp_path, engine):
    state = tmp_path / "state"
    running = server("-e", engine, "-s", f"0=fibonacci:{state}", "-s", "0=echo",
                     "--drain-timeout", "1s", listeners=2)
    fibonacci, echo = running.ports
    with contextlib.closing(sqlite3.connect(state, isolation_level=None)) as other, \
            connect(fibonacci) as drawing, connect(echo) as beside:
        echoes(beside)
        other.execute("BEGIN IMMEDIATE")
        drawing.sendall(b"\n")
        assert max(echoes(beside) for _ in range(5)) < SOON
        with connect(echo) as fresh:
            assert echoes(fresh) < SOON
        other.execute("COMMIT")
        assert read_line(drawing) == b"1\n"
        other.execute("BEGIN IMMEDIATE")
        drawing.sendall(b"\n")
        before = time.monotonic()
        assert running.stop() == 0
        assert time.monotonic() - before < 1 + 2 * SOON, "the drain ends in its time"


def beside(sock, is_done):
    """Echoes until something that takes long is done: how long that took, and the slowest echo."""
    start = time.monotonic()
    slowest = 0.0
    while not is_done():
        slowest = max(slowest, echoes(sock))
        time.sleep(0.01)  # leaves a processor to what is measured
    return time.monotonic() - start, slowest


def answers(sock):
    """Whether the end of what it says has come."""
    sock.setblocking(False)
    try:
        while sock.recv(1 << 20):
            pass
        return True
    except BlockingIOError:
        return False


@each_engine
def test_hashing_for_a_catalog_holds_up_nobody(server, poem, engine):
    verse = poem(os.urandom(999_000) + b"\n")
    running = server("-e", engine, "-s", "0=echo", "-s", "0=catalog",
                     *[f"--serve=0=poem:{verse},repeat={1000 + i}" for i in range(3)], listeners=5)
    with connect(running.ports[0]) as echo, connect(running.ports[1]) as catalog:
        took, slowest = beside(echo, lambda: answers(catalog))
    assert slowest < took / 2 and took > 0.2, "3 GB take longer than this"


def fibonacci_pair(position):
    """The numbers at this position and the next, by fast doubling."""

    def pair(n):
        if n == 0:
            return 0, 1
        a, b = pair(n // 2)
        c, d = a * (2 * b - a), a * a + b * b
        return (d, c + d) if n % 2 else (c, d)

    return pair(position + 1)


@each_engine
def test_making_a_number_of_very_many_digits_holds_up_nobody(server, tmp_path, engine):
    state = tmp_path / "state"
    assert run("poetry-server", "--serve", f"0=fibonacci:{state}", "--run", "true").status == 0
    position = 1_400_000  # nearly 300,000 digits
    blobs = [number.to_bytes((number.bit_length() + 7) // 8, "big")
             for number in fibonacci_pair(position)]
    with contextlib.closing(sqlite3.connect(state)) as database:
        database.execute("UPDATE free SET first = ?, a = ?, b = ?", (position, *blobs))
        database.commit()
    running = server("-e", engine, "-s", "0=echo", "-s", f"0=fibonacci:{state}", listeners=2)
    with connect(running.ports[0]) as echo, connect(running.ports[1]) as drawing:
        drawing.sendall(b"\n")
        drawing.shutdown(socket.SHUT_WR)
        took, slowest = beside(echo, lambda: answers(drawing))
    assert slowest < took / 2 and took > 0.2


@each_engine
def test_reading_poems_again_holds_up_nobody(started, poem, engine, tmp_path):
    verse = poem(b"a verse\n" * 100_000)
    traced = ["strace", "-f", "-qq", "-o", tmp_path / "trace", "-P", str(verse),
              "-e", "inject=read:delay_enter=300000"]  # a slow disk: 0.3 s a block
    if not shutil.which("strace") or subprocess.run([*traced, "true"], check=False).returncode:
        pytest.skip("no strace")
    running = started(Server, "-e", engine, "-s", "0=echo", "-s", f"0=poem:{verse}", listeners=2,
                      prefix=traced)
    with connect(running.ports[0]) as echo:
        server, = children_of(running.pid)
        os.kill(server, signal.SIGHUP)
        took, slowest = beside(echo, lambda: running.err.matching("read poems and configuration"))
        os.kill(server, signal.SIGTERM)
    assert slowest < took / 2 and took > 0.2
    assert running.wait() == 0


@each_engine
def test_a_reader_of_the_log_that_stands_still_holds_up_nobody(started, engine, tmp_path):
    reading, writing = os.pipe()
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, reading)
        process = subprocess.Popen(
            [tool("poetry-server"), "-e", engine, "--log-level", "debug", "-s", "0=echo",
             "--ready-file", str(tmp_path / "ready"), "--drain-timeout", "0"],
            stdout=subprocess.DEVNULL, stderr=writing, stdin=subprocess.DEVNULL)
        stack.callback(process.kill)
        os.close(writing)
        deadline = time.monotonic() + WAIT
        while not (tmp_path / "ready").exists():
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)  # nothing else tells
        port = json.loads((tmp_path / "ready").read_text())[0]["port"]
        with connect(port) as sock:
            for _ in range(1500):  # lines that a pipe has no room for
                echoes(sock, b"x\n")
            assert echoes(sock) < SOON
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT) == 0


def test_what_the_log_left_out_is_counted(started, tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    held = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
    try:
        running = started(Server, "-p0", "-s", "0=echo", "--log-level", "debug", "--log-file", fifo,
                          listeners=1)
        with connect(running.port) as sock:
            for _ in range(20000):
                echoes(sock, b"x\n")
        text = b""
        deadline = time.monotonic() + WAIT
        while b"left out" not in text and time.monotonic() < deadline:
            with contextlib.suppress(BlockingIOError):
                text += os.read(held, 1 << 16)
        lines = text.decode().splitlines()
        told = [line for line in lines if "of the log left out: it is read too slowly" in line]
        assert told and int(told[0].split("poetry: ")[1].split()[0]) > 1000
        assert all(line.startswith("20") for line in lines), "every line is whole"
    finally:
        os.close(held)


@each_engine
def test_a_slow_reader_is_kept_and_one_that_takes_nothing_is_not(server, poem, engine):
    running = server("-e", engine, "-d0", "--send-timeout", "2s", poem(os.urandom(1 << 20) * 24))
    with connect(running.port) as steady, connect(running.port) as still:
        until = time.monotonic() + 6
        while time.monotonic() < until:
            assert steady.recv(20_000), "dropped while it reads"
            time.sleep(0.1)  # 200 kB/s
        assert running.err.wait_for("reason=send-timeout")
        still.settimeout(WAIT)
        with pytest.raises(ConnectionResetError):
            read_to_end(still)


NODE = """
const net = require("net");
let left = 20, seen = [];
const one = () => {
  let bytes = 0;
  const sock = net.connect(+process.argv[1], "127.0.0.1");
  sock.on("data", (piece) => { bytes += piece.length; });
  sock.on("error", (error) => { seen.push(`${error.code} ${bytes}`); });
  sock.on("close", () => { if (--left) one(); else console.log(seen.join("\\n")); });
};
one();
"""


def by_selectors(port):
    """How many bytes come before the reset, to a client that waits for events; -1 without one."""
    size = 0
    with selectors.DefaultSelector() as selector, connect(port) as sock:
        sock.setblocking(False)
        selector.register(sock, selectors.EVENT_READ)
        while selector.select(WAIT):
            try:
                piece = sock.recv(100)
            except ConnectionResetError:
                return size
            if not piece:
                break
            size += len(piece)
    return -1


@each_engine
@pytest.mark.parametrize("after", [0, 40])
def test_a_reset_is_seen_with_the_bytes_before_it(server, poem, engine, after):
    running = server("-e", engine, "-d0", "--fault", f"reset-after={after}B", poem(b"a" * 79 + b"\n"))
    if shutil.which("node"):
        seen = subprocess.run(["node", "-e", NODE, str(running.port)], stdout=subprocess.PIPE,
                              timeout=WAIT, check=True).stdout.decode().splitlines()
        assert seen.count(f"ECONNRESET {after}") >= 19, seen
    codes = [subprocess.run(["curl", "-s", "--http0.9", "--noproxy", "*", "-o", "/dev/null",
                             "-w", "%{size_download}", f"http://127.0.0.1:{running.port}/"],
                            stdout=subprocess.PIPE, timeout=WAIT) for _ in range(10)]
    told = [(code.returncode, int(code.stdout)) for code in codes]
    assert told.count((56, after)) >= 9, told  # 56: failure in receiving
    assert [by_selectors(running.port) for _ in range(20)].count(after) >= 19


def test_a_name_that_is_no_utf8_breaks_no_json(server, tmp_path):
    names = [b"new\nline.txt", b"esc\x1b[31m.txt", b"\xff\xfe.txt", b'quo"te.txt']
    for name in names:
        (tmp_path / os.fsdecode(name)).write_bytes(b"line\n")
    ready = tmp_path / "ready.json"
    running = server("-d0", "-p0", "-s", "0=catalog", "--ready-file", ready,
                     *[tmp_path / os.fsdecode(name) for name in names], listeners=5)
    assert len(running.out.lines) == 5
    assert not any("\x1b" in line for line in running.out.lines)
    with connect(running.ports[-1]) as sock:
        catalog = json.loads(read_to_end(sock))
    assert [entry["name"] for entry in json.loads(ready.read_text())] == \
        [entry["name"] for entry in catalog]
    assert len({entry["name"] for entry in catalog}) == 5


@pytest.mark.parametrize("args", [["-s", "8001=echo", "-s", "8001=discard"],
                                  ["-p", "8001", "-s", "8001=echo", ROOT / "poems/tyger.txt"],
                                  ["--check", "-s", "8001=echo", "-s", "8001=discard"]])
def test_one_port_twice_names_both(args):
    result = run("poetry-server", *args)
    assert result.status == 2
    assert "two services at one port, " in result.err and "127.0.0.1:8001" in result.err


@pytest.mark.parametrize("option, needs", [("--run", "a command"), ("--ready-file", "a file")])
def test_what_is_empty_is_a_usage_error(option, needs):
    result = run("poetry-server", "-p0", option, "")
    assert (result.status, result.out) == (2, b"")
    assert f"{option}: needs {needs}" in result.err


@pytest.mark.parametrize("more", [[], ["-e", "fork"], ["--workers", "2"]], ids=str)
def test_a_command_ends_where_sigchld_is_ignored(more):
    result = run("poetry-server", "-p0", *more, "--run", "exit 7",
                 preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
    assert result.status == 7


@each_engine
def test_a_second_signal_kills_a_command_that_ignores_signals(server, engine, tmp_path):
    running = server("-p0", "-e", engine, "--run",
                     f"trap '' TERM INT; echo $$ > {tmp_path}/pid; sleep 100 & wait; sleep 100")
    deadline = time.monotonic() + WAIT
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)  # nothing else tells
    running.send(signal.SIGTERM)
    time.sleep(0.3)  # so that the two signals do not become one
    running.send(signal.SIGTERM)
    assert running.wait() == 128 + signal.SIGKILL


def test_a_ready_file_is_there_as_long_as_the_server_listens(server, tmp_path):
    ready = tmp_path / "ready"
    ready.write_text("an earlier server's")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert run("poetry-server", "-p", taken.getsockname()[1], "--ready-file", ready).status == 1
    assert not ready.exists()
    running = server("-p0", "--ready-file", ready)
    running.out.wait_for("^listening", 3)
    assert len(json.loads(ready.read_text())) == 3
    assert running.stop() == 0
    assert not ready.exists()


@pytest.mark.parametrize("level", ["off", "error", "warning"])
def test_statistics_are_told_at_every_level(server, level):
    running = server("-s", "0=echo", "--log-level", level)
    running.send(signal.SIGUSR1)
    told, = running.err.wait_for("uptime_s")
    assert json.loads(told[told.index("{"):])["accepted"] == 0


def test_debug_tells_accepts_and_what_is_sent(server, poem):
    running = server("-d0", "--log-level", "debug", "--log-format", "json", poem(b"one\n"))
    with connect(running.port) as sock:
        assert read_to_end(sock) == b"one\n"
    running.err.wait_for('"closed"')
    told = [json.loads(line) for line in running.err.lines]
    assert [each["message"] for each in told][-3:] == ["accepted", "sent", "closed"]
    assert (told[-2]["conn"], told[-2]["bytes"], told[-2]["port"]) == (1, 4, running.port)


