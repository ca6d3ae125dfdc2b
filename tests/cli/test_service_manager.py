"""The service manager's side of the tools: told of their state, giving them listeners."""

import os
import signal
import socket
import time

import pytest

from harness import SERVER_ENGINES, WAIT, connect, read_line, read_poem, run

POEM = b"one\ntwo\nthree\n"


class Manager:
    """The socket that NOTIFY_SOCKET names; who is started with `environment` speaks to it."""

    def __init__(self, name):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.settimeout(WAIT)
        self.sock.bind(name)
        self.environment = dict(os.environ, NOTIFY_SOCKET=name.replace("\0", "@"))

    def hear(self):
        """The next message, as {name: value}."""
        return dict(line.split("=", 1) for line in self.sock.recv(4096).decode().splitlines())

    def has_heard_all(self):
        self.sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            self.sock.recv(4096)
        return True

    def close(self):
        self.sock.close()


@pytest.fixture
def manager(started, tmp_path):
    return started(Manager, str(tmp_path / "notify"))


@pytest.mark.parametrize("engine", SERVER_ENGINES)
def test_a_server_tells_when_it_is_ready_reloads_and_stops(server, poem, manager, engine):
    path = poem(POEM)
    running = server("-d0", "--engine", engine, path, env=manager.environment)
    assert manager.hear() == {"READY": "1"}
    assert read_poem(running.port) == POEM
    before = time.monotonic_ns() // 1000
    path.write_bytes(b"new\n")
    running.send(signal.SIGHUP)
    reloading = manager.hear()
    assert before <= int(reloading.pop("MONOTONIC_USEC")) <= time.monotonic_ns() // 1000
    assert reloading == {"RELOADING": "1"}
    assert manager.hear() == {"READY": "1"}
    assert read_poem(running.port) == b"new\n"
    assert running.stop() == 0
    assert manager.hear() == {"STOPPING": "1"}
    assert manager.has_heard_all()


def test_of_a_server_with_workers_the_parent_alone_speaks(server, poem, manager):
    path = poem(POEM)
    running = server("-d0", "--workers", "3", path, env=manager.environment)
    assert manager.hear() == {"READY": "1"}
    path.write_bytes(b"new\n")
    running.send(signal.SIGHUP)
    assert "RELOADING" in manager.hear()
    assert manager.hear() == {"READY": "1"}
    assert [read_poem(running.port) for _ in range(20)] == [b"new\n"] * 20, "all have reloaded"
    assert running.stop() == 0
    assert manager.hear() == {"STOPPING": "1"}
    assert manager.has_heard_all()


def test_a_reload_that_is_refused_is_over_too(server, poem, manager):
    path = poem(POEM)
    running = server("-d0", path, env=manager.environment)
    manager.hear()
    path.unlink()
    running.send(signal.SIGHUP)
    assert [set(manager.hear()) for _ in range(2)] == [{"RELOADING", "MONOTONIC_USEC"}, {"READY"}]
    assert read_poem(running.port) == POEM


def test_draining_is_told_when_it_begins_and_nothing_after_it(server, poem, manager):
    running = server("-d", "1h", "--drain-timeout", "1h", poem(POEM), env=manager.environment)
    manager.hear()
    with connect(running.port) as sock:
        assert read_line(sock) == b"one\n"
        running.send(signal.SIGTERM)
        assert manager.hear() == {"STOPPING": "1"}
        running.send(signal.SIGHUP)
        running.err.wait_for("read poems and configuration again")
        assert running.stop(signal.SIGINT) == 0
    assert manager.has_heard_all()


@pytest.mark.parametrize("args", [["--exit-after", "1"], ["--exit-after", "1", "--workers", "2"]])
def test_a_server_that_ends_by_itself_says_so(server, poem, manager, args):
    running = server("-d0", *args, poem(POEM), env=manager.environment)
    assert manager.hear() == {"READY": "1"}
    read_poem(running.port)
    assert manager.hear() == {"STOPPING": "1"}
    assert running.wait() == 0


def test_an_abstract_name_and_a_command_that_does_not_inherit_it(started, poem, tmp_path):
    manager = started(Manager, f"\0slow-poetry-{os.getpid()}-{time.monotonic_ns()}")
    said = tmp_path / "environment"
    result = run("poetry-server", "-p", "0", "--run", f"env > {said}", poem(POEM),
                 env=manager.environment)
    assert result.status == 0
    assert [manager.hear() for _ in range(2)] == [{"READY": "1"}, {"STOPPING": "1"}]
    assert "POETRY_SERVERS=" in said.read_text() and "NOTIFY_SOCKET" not in said.read_text()


@pytest.mark.parametrize("name", ["/no/such/socket", "relative", "@", "/" + "x" * 107,
                                  "@" + "x" * 108, "vsock:2:1"])
def test_a_manager_that_cannot_be_told_is_a_warning(server, poem, name):
    running = server("-d0", poem(POEM), env=dict(os.environ, NOTIFY_SOCKET=name))
    assert read_poem(running.port) == POEM
    assert running.stop() == 0
    warned = [line for line in running.err.text().splitlines() if "READY" in line or name in line]
    assert len(warned) == 1 and " warning " in warned[0]


def test_a_manager_that_does_not_listen_holds_nobody_up(server, poem, manager):
    running = server("-d0", poem(POEM), env=manager.environment)
    for count in range(1, 1001):  # the kernel keeps a few datagrams that nobody reads
        running.send(signal.SIGHUP)
        running.err.wait_for("read poems and configuration again", count)
        if running.err.matching("tell the service manager"):
            break
    running.err.wait_for("tell the service manager .*: Resource temporarily unavailable")
    assert read_poem(running.port) == POEM
    assert running.stop() == 0


@pytest.mark.parametrize("command", ["serve", "web", "worker"])
def test_poetry_sync_tells_when_it_is_ready_and_stops(sync, manager, command):
    running = sync(command=command, env=manager.environment)
    assert manager.hear() == {"READY": "1"}
    assert running.stop() == 0
    assert manager.hear() == {"STOPPING": "1"}
    assert manager.has_heard_all()


def test_poetry_sync_that_is_told_to_quit_says_so(sync, manager):
    running = sync(env=manager.environment)
    assert manager.hear() == {"READY": "1"}
    assert running.tell("quit") == ["ok"]
    assert manager.hear() == {"STOPPING": "1"}
    assert running.wait() == 0
