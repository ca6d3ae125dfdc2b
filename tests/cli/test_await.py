"""An answer after the request: await, await-timeout and rounds, under every engine, for clients that
others wrote: curl, redis-cli, OpenSSH, Python's smtplib."""

import re
import shutil
import smtplib
import socket
import subprocess
import time

import pytest

from harness import SERVER_ENGINES, WAIT, connect, read_line, read_to_end

each_engine = pytest.mark.parametrize("engine", SERVER_ENGINES)
BODY = b"hello\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n" + BODY


def needs(command):
    if shutil.which(command) is None:
        pytest.skip(f"{command} is not installed")


def read_exactly(sock, size):
    text = b""
    while len(text) < size:
        piece = sock.recv(size - len(text))
        assert piece, f"ended after {text}"
        text += piece
    return text


def by_curl(*args):
    needs("curl")
    return subprocess.run(["curl", "-sS", "-m", str(WAIT), *args], capture_output=True, check=False)


@each_engine
def test_curl_asks_several_times_on_one_connection(server, poem, engine):
    running = server("-e", engine, "-s",
                     rf"0=poem:{poem(ANSWER)},delay=50ms,await=\r\n\r\n,rounds=forever")
    url = f"http://127.0.0.1:{running.port}/"
    before = time.monotonic()
    result = by_curl(url, url + "2", url + "3", "-w", "%{num_connects} %{http_code}\n")
    assert result.stdout.decode() == "hello\n1 200\nhello\n0 200\nhello\n0 200\n", result.stderr
    assert time.monotonic() - before >= 3 * 0.15
    running.err.wait_for(f"closed .* bytes={3 * len(ANSWER)} .* reason=finished")


@each_engine
def test_a_fault_counts_from_the_request(server, poem, engine):
    at = len(ANSWER) - len(BODY) + 2
    running = server("-e", engine, "-s", f"0=poem:{poem(ANSWER)},delay=0,rounds=forever,"
                     rf"await=\r\n\r\n,fault=reset-after={at}B")
    with connect(running.port) as sock:  # not before it asks
        sock.settimeout(0.3)
        with pytest.raises(TimeoutError):
            sock.recv(1)
    result = by_curl(f"http://127.0.0.1:{running.port}/")
    assert result.returncode == 56 and result.stdout == BODY[:2], result.stderr
    running.err.wait_for(f"fault .* conn=2 fault=reset-after={at}B offset={at}")


@each_engine
def test_bytes_lines_and_anything_may_be_awaited(server, poem, engine):
    kinds = {"4bytes": (b"abc", b"d"), "2lines": (b"a\nb", b"\n"), "any": (b"", b"x"),
             "line": (b"lin", b"e")}
    running = server("-e", engine, "-d", "0", *[argument for kind in kinds for argument in
                     ("-s", f"0=poem:{poem(b'poem')},rounds=2,await={kind}")], listeners=4)
    for port, (before, last) in zip(running.ports, kinds.values()):
        with connect(port) as sock:
            for _ in range(2):
                sock.sendall(before)
                sock.settimeout(0.2)
                with pytest.raises(TimeoutError):
                    sock.recv(1)
                sock.settimeout(WAIT)
                sock.sendall(last)
                assert read_exactly(sock, 4) == b"poem"
            assert sock.recv(1) == b""


@each_engine
def test_requests_that_come_together_are_answered_in_turn(server, poem, engine):
    running = server("-e", engine, "-s", f"0=poem:{poem(b'a%')},delay=0,await=?,rounds=forever")
    with connect(running.port) as sock:
        sock.sendall(b"first? second? thi")
        assert read_exactly(sock, 4) == b"a%a%"
        sock.sendall(b"rd? and no fou")
        sock.shutdown(socket.SHUT_WR)
        assert read_to_end(sock) == b"a%"
    running.err.wait_for("closed .* bytes=6 .* reason=finished")


@each_engine
def test_a_request_that_does_not_come_is_not_waited_for(server, poem, engine):
    running = server("-e", engine, "-s",
                     f"0=poem:{poem(b'a%')},delay=0,await=?,await-timeout=300ms,rounds=forever")
    before = time.monotonic()
    with connect(running.port) as never, connect(running.port) as once, \
            connect(running.port) as ends:
        never.sendall(b"hm")
        once.sendall(b"?")
        ends.shutdown(socket.SHUT_WR)
        assert read_to_end(ends) == b""
        assert read_to_end(never) == b"" and read_to_end(once) == b"a%"
    assert time.monotonic() - before >= 0.3
    running.err.wait_for("conn=1 .* bytes=0 .* reason=await-timeout")
    running.err.wait_for("conn=2 .* bytes=2 .* reason=await-timeout")
    running.err.wait_for("conn=3 .* bytes=0 .* reason=peer-closed")


@each_engine
def test_who_has_not_asked_does_not_hold_up_the_end(server, poem, engine):
    running = server("-e", engine, "--drain-timeout", "60s", "-s",
                     f"0=poem:{poem(b'a%')},await=?,rounds=forever,delay=200ms")
    with connect(running.port) as waiting, connect(running.port) as answered:
        answered.sendall(b"?")
        assert answered.recv(2) == b"a%"
        assert running.stop() == 0
        assert waiting.recv(1) == b"" and answered.recv(1) == b""


@each_engine
def test_redis_cli_gets_a_late_pong(server, poem, engine):
    needs("redis-cli")
    running = server("-e", engine, "-s", f"0=poem:{poem(b'+PONG' + bytes([13, 10]))},delay=0,"
                     r"first-delay=300ms,await=PING\r\n,rounds=forever")
    before = time.monotonic()
    result = subprocess.run(["redis-cli", "-p", str(running.port), "-r", "2", "PING"],
                            capture_output=True, timeout=WAIT, check=True)
    assert result.stdout == b"PONG\nPONG\n"
    assert time.monotonic() - before >= 0.6


def test_a_mail_client_waits_for_a_late_greeting(server, poem):
    running = server("-s", f"0=poem:{poem(b'220 mail.example ESMTP' + bytes([13, 10]))},"
                     "first-delay=500ms,fault=stall-after=1line")
    before = time.monotonic()
    client = smtplib.SMTP(timeout=WAIT)
    assert client.connect("127.0.0.1", running.port)[0] == 220
    assert time.monotonic() - before >= 0.5
    client.close()


def test_an_ssh_client_takes_random_lines_for_what_precedes_the_version(server):
    needs("ssh")
    running = server("-s", "0=poem:random,delay=50ms", "--seed", "7")
    command = ["ssh", "-v", "-F", "none", "-o", "BatchMode=yes", "-p", str(running.port),
               "127.0.0.1"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE) as client:
        banner = b""
        while banner.count(b"banner line") < 5:
            line = client.stderr.readline()
            assert line, banner
            banner += line
        assert client.poll() is None, "it goes on waiting"
        client.terminate()
        client.communicate(timeout=WAIT)


@each_engine
def test_random_lines_are_each_clients_own_and_the_seeds(server, engine):
    seen = []
    for _ in range(2):
        running = server("-e", engine, "-s", "0=poem:random,delay=1ms", "--seed", "7")
        for _ in range(2):
            with connect(running.port) as sock:
                seen.append(b"".join(read_line(sock) for _ in range(20)))
        assert running.stop() == 0
    assert seen[:2] == seen[2:] and seen[0] != seen[1]
    for line in b"".join(seen).splitlines(keepends=True):
        assert re.fullmatch(rb"[ -RT-~][ -~]{2,31}\r\n", line), line
