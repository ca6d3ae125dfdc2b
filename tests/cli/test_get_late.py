"""A client that comes late: its server has answered, sent and gone before it looks at its connect."""

import contextlib
import json
import signal
import socket
import time

from harness import ENGINES, SANITIZED, WAIT, Running, connect, reset, unread_by_peer


def wait_until(condition):
    give_up = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def is_connecting(port):
    """Whether a handshake to this port is under way (SYN_SENT), see proc(5)."""
    with open("/proc/net/tcp") as table:
        rows = [line.split() for line in table]
    return any(row[2].endswith(f":{port:04X}") and row[3] == "02" for row in rows)


class SlowToAccept:
    """A listener whose backlog is full, so that a client's handshake is not answered."""

    def __init__(self, stack):
        self.listener = stack.enter_context(socket.socket())
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0)
        self.listener.settimeout(WAIT)
        self.port = self.listener.getsockname()[1]
        self.filler = stack.enter_context(connect(self.port))

    def accept(self):
        """The client's connection, made with the next packet that it tries."""
        self.listener.accept()[0].close()
        return self.listener.accept()[0]


def fetch_late(started, tmp_path, serve):
    """The task that each engine reports where the client sleeps until all is over."""
    with contextlib.ExitStack() as stack:
        clients = []
        for engine in ENGINES:
            listener, path = SlowToAccept(stack), tmp_path / f"{engine}.json"
            client = started(Running, "poetry-get", "-e", engine, "--report", "json",
                             "--report-file", path, listener.port)
            wait_until(lambda: is_connecting(listener.port))
            client.send(signal.SIGSTOP)
            clients.append((client, listener, path))
        for client, listener, _ in clients:
            sock = listener.accept()
            sock.sendall(b"hello")
            wait_until(lambda: unread_by_peer(sock) == 0)
            serve(sock)
            client.send(signal.SIGCONT)
        tasks = {}
        for client, _, path in clients:
            client.wait()
            task, = json.loads(path.read_text())["tasks"]
            tasks[path.stem] = (task["outcome"], task["bytes"])
        return tasks


def test_what_came_before_a_reset_counts(started, tmp_path):
    assert fetch_late(started, tmp_path, reset) == {engine: ("reset", 5) for engine in ENGINES}


def test_a_stream_that_ended_before_its_reset_is_whole(started, tmp_path):
    def end_and_reset(sock):
        sock.shutdown(socket.SHUT_WR)
        wait_until(lambda: unread_by_peer(sock) == 0)
        reset(sock)

    assert fetch_late(started, tmp_path, end_and_reset) == {
        engine: ("ok", 5) for engine in ENGINES}


def test_what_came_before_a_deadline_counts_though_it_is_seen_behind_it(started, peer, tmp_path):
    limit, clients, sockets = 5 if SANITIZED else 2, [], []

    def begin(sock, number, done):
        sockets.append(sock)
        sock.sendall(b"hello")
        done.wait(WAIT)

    for engine in ENGINES:
        path = tmp_path / f"{engine}.json"
        client = started(Running, "poetry-get", "-e", engine, "--idle-timeout", limit, "--print",
                         "none", "--report", "json", "--report-file", path, peer(begin).port)
        client.err.wait_for("Task 1: got 5 bytes")
        client.send(signal.SIGSTOP)
        clients.append((client, path))
    for sock in sockets:
        sock.shutdown(socket.SHUT_WR)
    past = time.monotonic() + limit
    wait_until(lambda: time.monotonic() > past)
    outcomes = {}
    for client, path in clients:
        client.send(signal.SIGCONT)
        client.wait()
        outcomes[path.stem] = json.loads(path.read_text())["tasks"][0]["outcome"]
    assert outcomes == {engine: "ok" for engine in ENGINES}
