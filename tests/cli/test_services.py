"""The services that answer their clients: echo."""

import re
import select
import signal
import socket
import threading
from pathlib import Path

import pytest

from harness import SANITIZED, WAIT, connect, read_to_end, run

MB = 1 << 20


def exchange(port, text):
    """What comes back for a text that is sent while reading."""
    with connect(port) as sock:
        def send():
            sock.sendall(text)
            sock.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send)
        sender.start()
        answer = read_to_end(sock)
        sender.join(WAIT)
    return answer


@pytest.mark.parametrize("text", [b"", b"a", b"line\r\nno newline", bytes(range(256)) * 5000],
                         ids=["nothing", "byte", "lines", "megabyte"])
def test_echo_gives_every_byte_back(server, text):
    assert exchange(server("--serve", "0=echo").port, text) == text


def test_echo_tells_its_process(server):
    running = server("--serve", "0=echo,prefix=pid")
    with connect(running.port) as sock:
        for text in (b"one\n", b"two\n"):
            sock.sendall(text)
            expected = b"%d: %s" % (running.pid, text)
            answer = b""
            while len(answer) < len(expected):
                piece = sock.recv(100)
                assert piece
                answer += piece
            assert answer == expected


def test_an_echo_that_is_at_rest_ends_with_the_server(server):
    running = server("--serve", "0=echo")
    with connect(running.port) as sock:
        sock.sendall(b"x")
        assert sock.recv(1) == b"x"
        running.send(signal.SIGTERM)
        assert sock.recv(1) == b""
    assert running.wait() == 0


@pytest.mark.parametrize("argument, offender", [
    ("echo:x", "echo:x"), ("echo,prefix=tcp", "none, pid"), ("echo,delay=1s", "delay")])
def test_usage_errors(argument, offender):
    result = run("poetry-server", "--serve", f"0={argument}")
    assert (result.status, result.out) == (2, b"")
    assert offender in result.err.splitlines()[0]


def memory_of(pid):
    """Bytes that it holds in memory of its own."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^RssAnon:\s+(\d+) kB", status, re.M)[1]) * 1024


@pytest.mark.skipif(SANITIZED, reason="sanitizers hold memory of their own")
def test_echo_holds_back_a_client_that_does_not_read(server):
    running = server("--serve", "0=echo")
    total = 64 * MB
    with connect(running.port) as sock:
        sock.setblocking(False)
        piece = bytes(range(251)) * 4177  # no power of two long, so that a shift would show
        sent = 0

        def send():
            nonlocal sent
            at = sent % len(piece)
            sent += sock.send(piece[at:at + total - sent])

        before = memory_of(running.pid)
        # It is held back once the kernels' buffers are full; they are smaller than all.
        while sent < total and select.select([], [sock], [], 1)[1]:
            send()
        assert 0 < sent < total
        assert memory_of(running.pid) < before + 2 * MB

        received = 0
        while received < total:
            readable, writable, _ = select.select([sock], [sock] if sent < total else [], [], WAIT)
            assert readable or writable
            if writable:
                send()
            if readable:
                answer = sock.recv(len(piece))
                assert answer, f"ended after {received} bytes"
                at = received % len(piece)
                assert (piece + piece)[at:at + len(answer)] == answer
                received += len(answer)
        assert memory_of(running.pid) < before + 2 * MB
        sock.shutdown(socket.SHUT_WR)
        assert select.select([sock], [], [], WAIT)[0] and sock.recv(1) == b""
