"""What poetry-server serves, where, and when."""

import json
import os
import re
import socket

import pytest

from harness import (POEMS, SERVER_ENGINES, arrivals, connect, free_ports, has_ipv6, never_early,
                     read_line, read_poem, read_to_end, run, tool)

BUILT_IN = ["ecstasy.txt", "eternity.txt", "quiet-night.txt"]
ABC = b"a\nbb\nccc\n"


def test_serves_three_built_in_poems(server):
    running = server("--delay", "0", listeners=3)
    assert [name for _, _, _, name in running.listening] == BUILT_IN
    assert [read_poem(port) for port in running.ports] == [
        (POEMS / name).read_bytes() for name in BUILT_IN]


def test_listening_lines_name_address_service_and_poem(server, poem):
    running = server(poem(ABC, "one.txt"), poem(ABC, "two.txt"), listeners=2)
    assert [(host, service, name) for host, _, service, name in running.listening] == [
        ("127.0.0.1", "poem", "one.txt"), ("127.0.0.1", "poem", "two.txt")]


@pytest.mark.parametrize("spelling", ["{0}-{2}", "{0},{1},{2}", "{0},{1}-{2}", "{0}"])
def test_each_poem_gets_its_port(server, poem, spelling):
    first = free_ports(3)
    ports = [first, first + 1, first + 2]
    texts = [b"one\n", b"two\n", b"three\n"]
    running = server("-p", spelling.format(*ports), "-d0",
                     *[poem(text, f"{i}.txt") for i, text in enumerate(texts)], listeners=3)
    assert running.ports == ports
    assert [read_poem(port) for port in ports] == texts


def test_one_poem_is_served_on_every_port(server, poem):
    first = free_ports(3)
    running = server("--port", f"{first}-{first + 2}", "-d", "0", poem(ABC), listeners=3)
    assert [read_poem(port) for port in running.ports] == [ABC] * 3


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 loopback")
def test_host_may_be_ipv6(server, poem):
    running = server("--host", "::1", "-d0", poem(ABC))
    assert running.listening[0][0] == "[::1]"
    assert read_poem(running.port, "::1") == ABC


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 loopback")
@pytest.mark.parametrize("engine", SERVER_ENGINES)
def test_all_addresses_of_ipv6_are_those_of_ipv4_too(server, poem, engine):
    running = server("-H", "::", "-e", engine, "-d0", poem(ABC))
    assert read_poem(running.port, "::1") == read_poem(running.port, "127.0.0.1") == ABC
    running.err.wait_for(r"closed peer=127\.0\.0\.1:\d+ ")
    running.err.wait_for(r"closed peer=\[::1\]:\d+ ")
    taken = run("poetry-server", "-H", "0.0.0.0", "-p", running.port, "--run", "true")
    assert taken.status == 1 and "Address already in use" in taken.err


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 loopback")
def test_they_are_not_where_ipv6_alone_is_wanted(server, poem):
    running = server("-H", "::", "--v6only", "--workers", "2", "-d0", poem(ABC))
    assert read_poem(running.port, "::1") == ABC
    with pytest.raises(ConnectionRefusedError):
        connect(running.port, "127.0.0.1")
    port = free_ports()
    for args, status in ((["--v6only"], 0), ([], 1)):
        both = ["-s", f"[::]:{port}=echo", "-s", f"0.0.0.0:{port}=echo", *args]
        assert run("poetry-server", *both, "--check").status == status
        assert run("poetry-server", *both, "--run", "true").status == status


def test_host_may_be_a_name(server, poem):
    running = server("-H", "localhost", "-d0", poem(ABC))
    assert read_poem(running.port, running.listening[0][0].strip("[]")) == ABC


def test_lines_are_never_early(server, poem):
    seen = arrivals(server("--delay", "100ms", poem(ABC)).port)
    never_early(seen, [(5, 0.1), (9, 0.2)])
    assert seen[-1][0] >= 0.3


def test_first_delay_holds_back_the_first_line(server, poem):
    seen = arrivals(server("--first-delay", "0.2", "--delay", "50ms", poem(ABC)).port)
    never_early(seen, [(1, 0.2), (5, 0.25), (9, 0.3)])
    assert seen[-1][0] >= 0.35


def test_a_chunk_is_so_many_bytes(server, poem):
    seen = arrivals(server("--chunk", "2B", "--delay", "50ms", poem(ABC)).port)
    never_early(seen, [(3, 0.05), (5, 0.1), (7, 0.15), (9, 0.2)])
    assert seen[-1] == (pytest.approx(seen[-1][0]), 9) and seen[-1][0] >= 0.25


def test_a_poem_is_repeated(server, poem):
    assert read_poem(server("--repeat", "3", "-d0", poem(ABC)).port) == ABC * 3


def test_a_poem_may_be_repeated_forever(server, poem):
    running = server("--repeat", "forever", "-d", "0", poem(ABC))
    with connect(running.port) as sock:
        with sock.makefile("rb") as stream:
            assert stream.read(3000 * len(ABC)) == 3000 * ABC
    running.err.wait_for(r"closed .*reason=peer-(closed|reset)")


@pytest.mark.parametrize("settings, expected, seconds", [
    ("delay=60ms", ABC, 0.18),
    ("delay=0,first-delay=0.2s", ABC, 0.2),
    ("delay=30ms,chunk=1B", ABC, 0.27),
    ("delay=0,repeat=2", ABC * 2, 0),
])
def test_serve_overrides_the_common_settings(server, poem, settings, expected, seconds):
    running = server("--serve", f"0=poem:{poem(ABC)},{settings}", "--delay", "1h")
    seen = arrivals(running.port)
    assert seen[-1][1] == len(expected) and seen[-1][0] >= seconds


def test_serve_takes_hosts_escapes_and_poems_beside_it(server, poem):
    odd = poem(b"odd\n", "a,b\\c.txt")
    escaped = str(odd).replace("\\", "\\\\").replace(",", "\\,")
    running = server("-s", f"127.0.0.1:0=poem:{escaped}", "-p0", "-d0", poem(ABC), listeners=2)
    served = {name: read_poem(int(port)) for _, port, _, name in running.listening}
    assert served == {"a,b\\c.txt": b"odd\n", "poem.txt": ABC}


@pytest.mark.parametrize("how", ["option", "override"])
def test_max_clients_makes_the_next_one_wait(server, poem, how):
    path = poem(b"first\nlast\n")
    running = (server("--max-clients", "1", "-d", "100ms", path) if how == "option" else
               server("--serve", f"0=poem:{path},max-clients=1", "-d", "100ms"))
    with connect(running.port) as first, connect(running.port) as second:
        assert read_line(first) == b"first\n"
        second.setblocking(False)
        with pytest.raises(BlockingIOError):
            second.recv(1)
        second.settimeout(10)
        assert read_to_end(first) == b"last\n"
        assert read_to_end(second) == b"first\nlast\n"


@pytest.mark.parametrize("how", ["option", "override"])
def test_a_client_that_takes_nothing_is_dropped(server, poem, how):
    path = poem(b"x" * 65535 + b"\n")
    running = (server("--send-timeout", "200ms", "--repeat", "forever", "-d0", path)
               if how == "option" else
               server("--serve", f"0=poem:{path},send-timeout=200ms,repeat=forever,delay=0"))
    with connect(running.port):
        running.err.wait_for("closed .*reason=send-timeout")


def test_send_timeout_spares_a_client_that_waits_for_a_slow_poem(server, poem):
    assert read_poem(server("--send-timeout", "50ms", "-d", "200ms", poem(ABC)).port) == ABC


def test_a_client_that_half_closes_gets_the_whole_poem(server, poem):
    with connect(server("-d", "50ms", poem(ABC)).port) as sock:
        sock.shutdown(socket.SHUT_WR)
        assert read_to_end(sock) == ABC


def test_unread_input_does_not_cost_the_client_the_end(server, poem):
    text = b"line\n" * 20000
    with connect(server("-d0", poem(text)).port) as sock:
        sock.sendall(b"GET / HTTP/1.0\r\n\r\n" * 1000)
        assert read_to_end(sock) == text


def test_a_client_that_resets_harms_nobody(server, poem):
    running = server("-d", "100ms", poem(ABC))
    with connect(running.port) as other:
        with connect(running.port) as sock:
            read_line(sock)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        running.err.wait_for("closed .*reason=peer-reset")
        assert read_to_end(other) == ABC


def test_exit_after_so_many_connections(server, poem):
    running = server("--exit-after", "2", "-d0", poem(ABC))
    assert [read_poem(running.port) for _ in range(2)] == [ABC] * 2
    assert running.wait() == 0


def test_exit_after_finishes_who_is_still_reading(server, poem):
    running = server("--exit-after", "1", "-p0", "-d0", "-s", f"0=poem:{poem(ABC)},delay=200ms",
                     poem(b"short\n", "short.txt"), listeners=2)
    ports = {name: int(port) for _, port, _, name in running.listening}
    with connect(ports["poem.txt"]) as slow:
        assert read_line(slow) == b"a\n"
        assert read_poem(ports["short.txt"]) == b"short\n"
        assert read_to_end(slow) == b"bb\nccc\n"
    assert running.wait() == 0


def test_ready_file_lists_what_listens(server, poem, tmp_path):
    ready = tmp_path / "ready.json"
    running = server("--ready-file", ready, poem(ABC), poem(ABC, "b.txt"), listeners=2)
    assert json.loads(ready.read_text()) == [
        {"host": "127.0.0.1", "port": port, "service": "poem", "name": name}
        for port, name in zip(running.ports, ["poem.txt", "b.txt"])]
    assert [path for path in os.listdir(tmp_path) if "ready" in path] == ["ready.json"]


def test_run_hands_the_servers_to_a_command_and_takes_its_status(poem):
    result = run("poetry-server", "-p0", "-d0", "--run",
                 'echo "S $POETRY_SERVERS"; echo "P $POETRY_PORTS"; exit 7',
                 poem(ABC), poem(ABC, "b.txt"))
    assert result.status == 7
    ports = re.findall(rb"listening 127.0.0.1:(\d+) ", result.out)
    assert len(ports) == 2
    assert b"P " + b" ".join(ports) + b"\n" in result.out
    assert b"S " + b" ".join(b"127.0.0.1:" + port for port in ports) + b"\n" in result.out


def test_run_can_fetch_from_the_server(poem):
    result = run("poetry-server", "-p0", "-d0", "--run",
                 f"{tool('poetry-get')} -q --report none $POETRY_SERVERS", poem(ABC))
    assert result.status == 0 and result.out.endswith(ABC)


def test_a_connection_leaves_one_log_line(server, poem):
    running = server("-d", "30ms", poem(ABC))
    with connect(running.port) as sock:
        mine = sock.getsockname()[1]
        read_to_end(sock)
    line, = running.err.wait_for("closed ")
    found = re.search(rf"closed peer=127\.0\.0\.1:{mine} port={running.port} conn=1 service=poem "
                      r"bytes=9 elapsed=(\d+\.\d{3})s reason=finished$", line)
    assert found and float(found[1]) >= 0.09, line


def test_asio_is_an_engine(server, poem):
    assert read_poem(server("--engine", "asio", "-d0", poem(ABC)).port) == ABC
