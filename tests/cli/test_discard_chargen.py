"""discard (RFC 863) and chargen (RFC 864): under every engine, for our clients and for others'."""

import asyncio
import shutil
import signal
import socket
import subprocess
import threading

import pytest

from harness import (SERVER_ENGINES, WAIT, arrivals, connect, never_early, read_line, read_to_end,
                     reset)

MB = 1 << 20
every_engine = pytest.mark.parametrize("engine", SERVER_ENGINES)


def pattern(size):
    """How RFC 864's stream begins."""
    printable = bytes(range(32, 127)) * 2
    period = b"".join(printable[number:number + 72] + b"\r\n" for number in range(95))
    return (period * (size // len(period) + 1))[:size]


def read_exactly(sock, size):
    text = b""
    while len(text) < size:
        piece = sock.recv(size - len(text))
        assert piece, f"ended after {len(text)} bytes"
        text += piece
    return text


@every_engine
def test_discard_takes_everything_and_ends_when_its_client_has(server, engine):
    running = server("-e", engine, "--serve", "0=discard")
    with connect(running.port) as sock:
        sock.sendall(bytes(range(256)) * (4 * MB // 256))
        sock.shutdown(socket.SHUT_WR)
        assert read_to_end(sock) == b""
    running.err.wait_for(r"closed .* service=discard bytes=0 .* reason=finished")


@every_engine
def test_a_discard_that_is_at_rest_ends_with_the_server(server, engine):
    running = server("-e", engine, "--serve", "0=discard", "--serve", "0=echo", listeners=2)
    with connect(running.ports[0]) as sock:
        sock.sendall(b"x")
        with connect(running.ports[1]) as echo:  # answers once those before it are served
            echo.sendall(b"y")
            assert echo.recv(1) == b"y"
        running.send(signal.SIGTERM)
        assert sock.recv(1) == b""
    assert running.wait() == 0


@every_engine
@pytest.mark.parametrize("chunk", ["line", "1000B"])
def test_chargen_without_a_delay_is_the_pattern_whatever_is_sent(server, engine, chunk):
    running = server("-e", engine, "--serve", f"0=chargen,delay=0,chunk={chunk}")
    with connect(running.port) as sock:
        sender = threading.Thread(target=lambda: sock.sendall(bytes(4 * MB)))
        sender.start()
        # Once all is sent all but what buffers hold was taken, since the client is held back.
        seen = 0
        while seen < 2 * MB or sender.is_alive():
            seen += len(sock.recv(1 << 16))
        sender.join(WAIT)
        sock.shutdown(socket.SHUT_WR)
        line = read_line(sock)
        assert read_exactly(sock, 2 * MB) in pattern(2 * MB + 2 * 7030), "after a half-close"
        assert line.endswith(b"\r\n")
        reset(sock)
    running.err.wait_for(r"closed .* service=chargen .* reason=peer-(closed|reset)")
    with connect(running.port) as sock:
        assert read_exactly(sock, 20_000) == pattern(20_000)


@every_engine
def test_a_chargen_notices_a_reset_while_it_waits_for_its_next_line(server, engine):
    running = server("-e", engine, "--serve", "0=chargen,delay=1h")
    sock = connect(running.port)
    assert read_line(sock) == pattern(74)
    reset(sock)
    running.err.wait_for(r"closed .* service=chargen bytes=74 .* reason=peer-reset")


@every_engine
def test_a_chargen_under_way_ends_with_the_server(server, engine):
    running = server("-e", engine, "--serve", "0=chargen,delay=0")
    with connect(running.port) as sock:
        assert read_exactly(sock, 1000) == pattern(1000)
        running.send(signal.SIGTERM)
        read_to_end(sock)  # which a reset would not let it
    assert running.wait() == 0
    running.err.wait_for(r"closed .* service=chargen .* reason=finished")


def test_chargen_keeps_its_times(server):
    running = server("--delay", "50ms", "--first-delay", "100ms", "--exit-after", "1",
                     "--fault", "close-after=8lines", "--serve", "0=chargen")
    seen = arrivals(running.port)
    never_early(seen, [(74 * k + 1, .1 + .05 * k) for k in range(8)])
    assert seen[-1][1] == 8 * 74


def test_poetry_get_takes_as_much_as_it_wants(server, fetch):
    running = server("--serve", "0=chargen,delay=0")
    result = fetch("--max-bytes", "100KB", running.port)
    task = result.report["tasks"][0]
    assert (task["outcome"], task["bytes"]) == ("limit", 100_000)
    assert result.out == pattern(100_000)


@pytest.mark.parametrize("command", [
    ["nc", "127.0.0.1", "{port}"], ["ncat", "127.0.0.1", "{port}"],
    ["curl", "-sN", "telnet://127.0.0.1:{port}"]], ids=lambda command: command[0])
def test_clients_of_others_send_and_receive(server, command):
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is not installed")
    running = server("--serve", "0=chargen,delay=0")
    with subprocess.Popen([part.format(port=running.port) for part in command],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
        client.stdin.write(b"input\n")
        client.stdin.close()  # some half-close then, and some do not
        assert client.stdout.read(100_000) == pattern(100_000)
        client.kill()
    running.err.wait_for(r"closed .* service=chargen .* reason=peer-(closed|reset)")


def test_a_client_by_asyncio_sends_and_receives_at_once(server):
    running = server("--serve", "0=chargen,delay=0")

    async def converse():
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)

        async def send():
            for _ in range(64):
                writer.write(bytes(1 << 16))
                await writer.drain()
            writer.write_eof()

        sending = asyncio.create_task(send())
        text = bytearray()
        while len(text) < MB or not sending.done():
            text += await reader.read(1 << 16)
        await sending
        writer.transport.abort()
        return bytes(text)

    text = asyncio.run(asyncio.wait_for(converse(), WAIT))
    assert text == pattern(len(text))
