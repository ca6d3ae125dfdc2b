"""--control: what is served changes while it runs, by a line a request; under every engine, and with
several workers."""

import contextlib
import json
import os
import resource
import shutil
import signal
import socket
import stat
import subprocess
import time

import pytest

from harness import (SERVER_ENGINES, WAIT, becomes_true, connect, fails, read_line,
                     read_poem, read_to_end, reset, run)

each_engine = pytest.mark.parametrize("engine", SERVER_ENGINES)
each_way = pytest.mark.parametrize("way", [*[["-e", engine] for engine in SERVER_ENGINES],
                                           ["--workers", "3"], ["--workers", "2", "-e", "fork"]],
                                   ids=lambda way: "".join(way))
VERSE = b"one\ntwo\nthree\n"


@pytest.fixture
def controlled(server, poem, tmp_path):
    """A server of VERSE (without a delay) and an echo; `ask` sends it a line."""

    def start(*args):
        path = tmp_path / "control"
        running = server("--control", path, "-d", "0", "-s", f"0=poem:{poem(VERSE)}",
                         "-s", "0=echo", *args, listeners=2)
        running.ask = lambda line: ask(path, line)
        running.path = path
        running.verses, running.echo = running.ports
        return running

    return start


@contextlib.contextmanager
def connected(path):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(WAIT)
        sock.connect(str(path))
        yield sock


def ask(path, line):
    with connected(path) as sock:
        sock.sendall(line.encode() + b"\n")
        return read_reply(sock)


def read_reply(sock):
    text = b""
    while not text.endswith(b"\n"):
        piece = sock.recv(1 << 16)
        if not piece:
            break
        text += piece
    return text.decode().removesuffix("\n")


@each_way
def test_faults_hold_from_then_on_and_end(controlled, way):
    running = controlled(*way)
    assert read_poem(running.verses) == VERSE
    with connect(running.echo) as before:
        before.sendall(b"now\n")
        assert read_line(before) == b"now\n"  # so that it is taken, and no longer in the backlog
        assert running.ask(f"fault {running.verses} close-after=1line slice=2") == "ok"
        assert running.ask(f"fault {running.echo} never-reply") == "ok"
        for _ in range(8):
            assert read_poem(running.verses) == b"one\n"
        before.sendall(b"as ever\n")  # it keeps what it had
        assert read_line(before) == b"as ever\n"
        with connect(running.echo) as after:
            after.sendall(b"?\n")
            after.settimeout(0.3)
            with pytest.raises(TimeoutError):
                after.recv(1)
    assert running.ask(f"fault {running.verses} off") == "ok"
    assert read_poem(running.verses) == VERSE
    assert running.ask(f"fault {running.verses} accept-delay=300ms") == "ok"
    start = time.monotonic()
    assert read_poem(running.verses) == VERSE
    assert time.monotonic() - start >= 0.3
    running.err.wait_for(f"control: fault {running.verses} close-after=1line slice=2")


@each_way
def test_a_delay_holds_from_then_on(controlled, way):
    running = controlled(*way)
    assert running.ask(f"delay {running.verses} 100ms") == "ok"
    start = time.monotonic()
    assert read_poem(running.verses) == VERSE
    assert time.monotonic() - start >= 0.3
    assert running.ask(f"fault {running.verses} close-after=1line") == "ok"
    assert running.ask(f"delay {running.verses} 0") == "ok"
    assert read_poem(running.verses) == b"one\n", "the fault stays"


@each_way
def test_connections_are_listed_and_closed(controlled, way):
    running = controlled(*way)
    assert running.ask("connections") == "[]"
    socks = [connect(running.echo) for _ in range(6)]
    for sock in socks:
        sock.sendall(b"12345678\n")
        assert read_line(sock) == b"12345678\n"
    sent = None if "fork" in way else 9
    assert becomes_true(lambda: all(each["bytes"] == sent  # counted after it is sent
                                    for each in json.loads(running.ask("connections"))))
    held = {each["peer"]: each for each in json.loads(running.ask("connections"))}
    assert sorted(each["conn"] for each in held.values()) == [1, 2, 3, 4, 5, 6]
    for sock in socks:
        each = held[f"127.0.0.1:{sock.getsockname()[1]}"]
        assert each["port"] == running.echo and each["service"] == "echo" and each["elapsed"] >= 0
    number = held[f"127.0.0.1:{socks[2].getsockname()[1]}"]["conn"]
    assert running.ask(f"close {running.verses}:{number}").startswith("error: ")
    assert running.ask(f"close {running.echo}:{number}") == "ok"
    with pytest.raises(ConnectionResetError):
        socks[2].recv(1)
    running.err.wait_for(f"closed .* conn={number} .* reason=shutdown")
    assert running.ask(f"close {number}").startswith("error: no connection of this number")
    for i, sock in enumerate(socks):
        if i != 2:
            sock.sendall(b"still here\n")
            assert read_line(sock) == b"still here\n"
        sock.close()
    assert becomes_true(lambda: running.ask("connections") == "[]")
    stats = json.loads(running.ask("stats"))
    assert (stats["accepted"], stats["active"], stats["ended"]) == (6, 0, 6)
    assert [each["active"] for each in stats["ports"]] == [0, 0]


def test_a_worker_that_is_replaced_keeps_what_was_changed(controlled):
    running = controlled("--workers", "2")
    assert running.ask(f"fault {running.verses} close-after=1line") == "ok"
    line, *_ = running.err.wait_for("worker=1 pid=.* started")
    os.kill(int(line.split("pid=")[1].split()[0]), signal.SIGKILL)
    running.err.wait_for("worker=1 pid=.* started", 2)
    for _ in range(10):
        assert read_poem(running.verses) == b"one\n"
    assert running.ask(f"fault {running.verses} off") == "ok"
    assert {read_poem(running.verses) for _ in range(10)} == {VERSE}


def test_a_worker_that_stands_still_is_named(controlled):
    running = controlled("--workers", "2")
    line, *_ = running.err.wait_for("worker=2 pid=.* started")
    pid = int(line.split("pid=")[1].split()[0])
    os.kill(pid, signal.SIGSTOP)
    try:
        assert running.ask("connections") == "error: worker 2 does not answer"
    finally:
        os.kill(pid, signal.SIGCONT)
    assert becomes_true(lambda: running.ask("connections") == "[]")


@each_way
def test_a_reload_brings_back_what_was_configured(controlled, way):
    running = controlled(*way)
    assert running.ask(f"fault {running.verses} close-after=1line") == "ok"
    assert running.ask(f"fault {running.echo} never-reply") == "ok"
    running.send(signal.SIGHUP)
    running.err.wait_for("read poems and configuration again")
    assert read_poem(running.verses) == VERSE
    with connect(running.echo) as sock:
        sock.sendall(b"?\n")
        assert read_line(sock) == b"?\n"
    assert running.ask(f"fault {running.verses} close-after=2lines") == "ok"
    assert read_poem(running.verses) == b"one\ntwo\n"


@each_engine
def test_a_fault_comes_with_the_next_request(server, poem, tmp_path, engine):
    path = tmp_path / "control"
    running = server("-e", engine, "--control", path, "-s",
                     f"0=poem:{poem(VERSE)},delay=0,await=any,rounds=forever")
    with connect(running.port) as sock:
        for _ in range(2):
            sock.sendall(b"?")
            assert b"".join(read_line(sock) for _ in range(3)) == VERSE
        assert ask(path, f"fault {running.port} close-after=1line") == "ok"
        sock.sendall(b"?")
        if engine == "fork":  # its process keeps what it began with
            assert read_line(sock) + read_line(sock) == b"one\ntwo\n"
        else:
            assert read_to_end(sock) == b"one\n"


@each_engine
def test_many_ask_at_once_and_echoes_go_on(controlled, engine):
    running = controlled("-e", engine)
    with contextlib.ExitStack() as stack:
        asking = [stack.enter_context(connected(running.path)) for _ in range(40)]
        idle, flood = asking[:2]
        flood.settimeout(0.2)
        with contextlib.suppress(TimeoutError):  # whose replies nobody reads
            while True:
                flood.sendall(b"stats\n" * 1000)
        echo = stack.enter_context(connect(running.echo))
        for _ in range(20):
            start = time.monotonic()
            echo.sendall(b"?\n")
            assert read_line(echo) == b"?\n"
            assert time.monotonic() - start < 1.5
        idle.close()
        flood.close()
        for sock in asking[2:]:
            sock.sendall(b"connections\n")
            assert read_reply(sock).startswith("[")
            sock.close()
    assert running.ask("stats").startswith("{")


@each_engine
def test_it_is_there_when_clients_have_taken_all_descriptors(controlled, engine):
    running = controlled("-e", engine)
    with contextlib.ExitStack() as stack:
        room = len(os.listdir(f"/proc/{running.pid}/fd")) + 10
        resource.prlimit(running.pid, resource.RLIMIT_NOFILE, (room, room))
        socks = [stack.enter_context(connect(running.echo)) for _ in range(20)]
        running.err.wait_for("accepting is paused")
        for _ in range(3):
            held = json.loads(running.ask("connections"))
            assert held
        assert running.ask(f"close {held[0]['conn']}") == "ok"
        with connected(running.path) as first, connected(running.path) as second:
            first.sendall(b"stats\n")
            assert read_reply(first).startswith("{")
            first.close()
            second.sendall(b"stats\n")
            assert read_reply(second).startswith("{")
        for sock in socks:
            reset(sock)
    assert becomes_true(lambda: running.ask("connections") == "[]")


def test_five_lines_of_python_and_nc_do_it(controlled):
    running = controlled()
    control = socket.socket(socket.AF_UNIX)
    control.connect(str(running.path))
    control.sendall(b"delay %d 50ms\n" % running.verses)
    assert control.recv(4096) == b"ok\n"
    control.sendall(b"connections\r\nstats\r\n")  # as a terminal may end lines
    assert read_reply(control).startswith("[")
    control.close()
    if shutil.which("nc") is None or b"-N" not in subprocess.run(
            ["nc", "-h"], capture_output=True, check=False).stderr:
        pytest.skip("no nc that half-closes")
    result = subprocess.run(["nc", "-N", "-U", str(running.path)], capture_output=True, check=True,
                            timeout=WAIT, input=b"fault %d off\nconnections" % running.verses)
    assert result.stdout == b"ok\n[]\n"


BAD_LINES = [
    "", " ", "fault", "fault 10000", "fault x off", "fault 0 off", "fault 70000 off", "fault 1 off",
    "fault -1 off", "fault {} nonsense", "fault {} stall-after=", "fault {} off slice=2",
    "fault {} close-after=1 close-after=2", "fault {} refuse", "fault {} blackhole", "delay {}",
    "delay {} soon", "delay {} -1s", "delay {} 1s 2s", "delay {} 99999999999999h", "delay 1 1s",
    "close", "close 0", "close x", "close 99", "close {}:99", "close :1", "close 1:", "close 1:2:3",
    "close 99999999999999999999", "connections now", "stats please", "stat", "FAULT {} off",
    "fault {} off\0", "\x1b[2J\u202e", "fault {} " + "slice=2 " * 70,
]


def test_a_bad_line_has_one_line_of_error_and_changes_nothing(controlled):
    running = controlled()
    with connected(running.path) as sock:
        for line in BAD_LINES:
            sock.sendall(line.format(running.verses).encode() + b"\n")
            reply = read_reply(sock)
            assert reply.startswith("error: ") and reply.isprintable(), (line, reply)
    assert running.ask(f"delay {running.echo} 1s") == f"error: echo has no delay: {running.echo}"
    assert "connections" in running.ask("connection")
    assert read_poem(running.verses) == VERSE
    assert not running.err.matching("control:")


@each_engine
def test_a_line_of_a_megabyte_or_of_rubbish_ends_its_connection_alone(controlled, engine):
    running = controlled("-e", engine)
    for text in (b"x" * 1_000_000, bytes(range(11, 256)) * 100):
        with connected(running.path) as sock:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                sock.sendall(text)
            with contextlib.suppress(ConnectionResetError):
                assert read_reply(sock) in ("error: a line has at most 4000 bytes", "")
    running.err.wait_for("control connection is closed: a line has at most 4000 bytes", 2)
    assert running.ask("connections") == "[]"


def test_the_socket_is_its_users_alone_and_goes_with_the_server(controlled):
    running = controlled()
    assert stat.S_IMODE(os.stat(running.path).st_mode) == 0o600
    assert stat.S_ISSOCK(os.stat(running.path).st_mode)
    fails(run("poetry-server", "--control", running.path, "-p", "0", "--run", "true"), running.path)
    assert running.ask("connections") == "[]", "the first one has kept it"
    checked = run("poetry-server", "--control", running.path, "-p", "0", "--check")
    assert checked.status == 1 and str(running.path) in checked.out.decode()
    assert running.stop() == 0
    assert not running.path.exists()


def test_what_a_killed_server_left_is_taken_over(controlled):
    running = controlled()
    running.send(signal.SIGKILL)
    running.wait()
    assert running.path.exists()
    result = run("poetry-server", "--control", running.path, "-p", "0,0,0", "--run",
                 f"test -S {running.path}")
    assert result.status == 0 and not running.path.exists()


def test_a_path_that_cannot_be_had_is_told(tmp_path):
    file = tmp_path / "file"
    file.write_text("mine")
    for path in (file, tmp_path / "no" / "folder"):
        fails(run("poetry-server", "--control", path, "-p", "0", "--run", "true"), path)
        checked = run("poetry-server", "--control", path, "-p", "0", "--check")
        assert checked.status == 1 and str(path) in checked.out.decode()
    assert file.read_text() == "mine"


def test_the_path_changes_by_a_restart_only(server, tmp_path):
    config = tmp_path / "config"
    config.write_text(f"control = {tmp_path / 'one'}\n")
    running = server("--config", config, "-p", "0", listeners=3)
    config.write_text(f"control = {tmp_path / 'two'}\n")
    running.send(signal.SIGHUP)
    running.err.wait_for("the control socket changes by a restart only")
    assert ask(tmp_path / "one", "connections") == "[]"
