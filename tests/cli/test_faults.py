"""Faults on demand, as a client sees them and as the log tells of them."""

import os
import re
import socket
import time

import pytest

from harness import (SERVER_ENGINES, connect, load_json_lines, read_line, read_poem, read_to_end,
                     run)

TEXT = b"one\ntwo\nthree\nfour\n"


@pytest.fixture(params=["root", "ordinary user"] if os.geteuid() == 0 else ["ordinary user"])
def user(request, unprivileged):
    """(prefix, directory) for a tool that whoever tests starts, and for one without privileges."""
    prefix, directory = unprivileged
    directory.chmod(0o777)
    return ([] if request.param == "root" else prefix), directory


@pytest.fixture
def server(server, user):
    return lambda *args, **options: server(*args, prefix=user[0], **options)


@pytest.fixture
def tmp_path(user):
    return user[1]


@pytest.fixture
def poem(user):
    def write(text):
        path = user[1] / "poem.txt"
        path.write_bytes(text)
        return path

    return write


def read_until_broken(port):
    """(bytes, whether they ended in a reset rather than FIN)"""
    got = b""
    with connect(port) as sock:
        try:
            while piece := sock.recv(1 << 16):
                got += piece
        except ConnectionResetError:
            return got, True
    return got, False


def is_silent(sock):
    """A moment without a byte or an end; whoever did send would have sent by then."""
    sock.settimeout(0.3)
    with pytest.raises(socket.timeout):
        sock.recv(1)
    return True


def test_close_after_a_size_ends_the_stream_early(server, poem):
    running = server("-d0", "--fault", "close-after=5B", poem(TEXT))
    assert read_until_broken(running.port) == (TEXT[:5], False)
    running.err.wait_for(r"closed .*bytes=5 .*reason=fault")


def test_reset_after_lines_resets_once_they_have_arrived(server, poem):
    running = server("-d", "100ms", "--fault", "reset-after=2lines", poem(TEXT))
    assert read_until_broken(running.port) == (TEXT[:8], True)
    running.err.wait_for(r"closed .*bytes=8 .*reason=fault")


def test_a_reset_late_in_a_large_stream_loses_nothing_before_it(server, poem):
    text = b"x" * 999 + b"\n"
    running = server("-d0", "--fault", "reset-after=3MB", poem(text * 5000))
    got, broken = read_until_broken(running.port)
    assert broken and got == (text * 5000)[:3_000_000]


def test_stall_after_a_line_keeps_the_connection_silent(server, poem):
    running = server("-d0", "--fault", "stall-after=1line", "--drain-timeout", "0", poem(TEXT))
    with connect(running.port) as sock:
        assert read_line(sock) == b"one\n"
        assert is_silent(sock)
        assert not running.err.matching("closed ")
    assert running.stop() == 0


def test_never_reply_accepts_and_says_nothing(server, poem):
    running = server("-d0", "--fault", "never-reply", "--drain-timeout", "0", poem(TEXT))
    with connect(running.port) as sock:
        assert is_silent(sock)
    assert running.stop() == 0


def test_a_stalled_client_that_resets_is_let_go(server, poem):
    running = server("-d0", "--fault", "never-reply", poem(TEXT))
    with connect(running.port) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    running.err.wait_for("closed .*reason=peer-reset")


def test_corrupt_flips_one_byte(server, poem):
    running = server("-d0", "--fault", "corrupt=4", poem(TEXT))
    assert read_poem(running.port) == TEXT[:4] + bytes([TEXT[4] ^ 0xff]) + TEXT[5:]


def test_slice_and_latency_change_the_times_and_not_the_bytes(server, poem):
    running = server("-d0", "--fault", "slice=4B", "--fault", "latency=50ms", poem(TEXT))
    start = time.monotonic()
    assert read_poem(running.port) == TEXT
    assert time.monotonic() - start >= 5 * 0.05  # 19 bytes in five writes


def test_accept_delay_delays_each_connection(server, poem):
    running = server("-d0", "--fault", "accept-delay=300ms", poem(TEXT))
    for _ in range(2):
        start = time.monotonic()
        assert read_poem(running.port) == TEXT
        assert time.monotonic() - start >= 0.3


def test_refuse_refuses_although_the_port_is_taken(server, poem):
    running = server("--fault", "refuse", poem(TEXT))
    with pytest.raises(ConnectionRefusedError):
        connect(running.port)
    with socket.socket() as other, pytest.raises(OSError):
        other.bind(("127.0.0.1", running.port))
    assert running.stop() == 0


def test_no_connection_escapes_a_blackhole(server, poem):
    running = server("--fault", "blackhole", poem(TEXT))
    for _ in range(3):
        with socket.socket() as sock:
            sock.settimeout(0.3)
            with pytest.raises(socket.timeout):
                sock.connect(("127.0.0.1", running.port))
    assert running.stop() == 0


@pytest.mark.parametrize("family, host, level, option", [
    (socket.AF_INET, "127.0.0.1", socket.IPPROTO_IP, socket.IP_TTL),
    (socket.AF_INET6, "::1", socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS),
])
def test_no_hop_limit_escapes_a_blackhole(server, poem, family, host, level, option):
    running = server("--fault", "blackhole", "--host", host, poem(TEXT))
    for hops in (64, 254, 255, 255):
        with socket.socket(family) as sock:
            sock.settimeout(0.3)
            sock.setsockopt(level, option, hops)
            with pytest.raises(socket.timeout):
                sock.connect((host, running.port))
    assert running.stop() == 0


def test_poetry_get_tells_a_blackhole_from_a_refusal(server, poem, fetch):
    path = poem(TEXT)
    running = server("--serve", f"0=poem:{path},fault=blackhole",
                     "--serve", f"0=poem:{path},fault=refuse", listeners=2)
    tasks = fetch("--connect-timeout", "300ms", *running.ports).report["tasks"]
    assert [task["outcome"] for task in tasks] == ["connect-timeout", "connect"]


def test_selectors_make_a_script(server, poem):
    running = server("-d", "100ms", "--fault", "#1:reset-after=6B", "--fault", "#2:never-reply",
                     "--fault", "0%:stall-after=2lines", "--drain-timeout", "0", poem(TEXT))
    assert read_until_broken(running.port) == (TEXT[:6], True)
    with connect(running.port) as second:
        assert is_silent(second)
        assert read_until_broken(running.port) == (TEXT, False)


def test_a_fault_that_fires_is_logged_with_port_connection_offset_and_seed(server, poem):
    running = server("-d0", "--fault", "#2:close-after=6B", "--seed", "42", poem(TEXT))
    assert read_poem(running.port) == TEXT
    assert read_poem(running.port) == TEXT[:6]
    line, = running.err.wait_for("fault port=")
    assert re.search(rf"port={running.port} conn=2 fault=#2:close-after=6B offset=6 seed=42$", line)


def test_a_fault_beyond_the_end_does_not_fire(server, poem):
    running = server("-d0", "--fault", "close-after=1MB", poem(TEXT))
    assert read_poem(running.port) == TEXT
    running.err.wait_for("closed .*reason=finished")
    assert not running.err.matching("fault port=")


@pytest.mark.parametrize("args", [["--fault", "50%:close-after=1"], ["--jitter", "1ms"]])
def test_the_seed_is_told_where_it_matters(server, poem, args):
    running = server("-d0", *args, poem(TEXT))
    assert running.err.wait_for(r"seed=\d+$")


def test_no_seed_is_told_where_nothing_is_random(server, poem):
    running = server("-d0", poem(TEXT))
    read_poem(running.port)
    running.err.wait_for("closed ")
    assert not running.err.matching("seed=")


def test_the_same_seed_chooses_the_same_connections(server, poem):
    def lengths(seed):
        running = server("-d0", "--fault", "50%:close-after=4B", "--seed", seed, poem(TEXT))
        return [len(read_poem(running.port)) for _ in range(20)]

    assert lengths(7) == lengths(7)
    assert lengths(7) != lengths(8)
    assert set(lengths(7)) == {4, len(TEXT)}


def test_a_port_has_its_own_faults_or_none(server, poem):
    path = poem(TEXT)
    running = server("--fault", "close-after=3B", "--serve", f"0=poem:{path},delay=0",
                     "--serve", f"0=poem:{path},delay=0,fault=none", "--serve",
                     f"0=poem:{path},delay=0,fault=#1:close-after=5B,fault=#2:close-after=6B",
                     listeners=3)
    assert [read_poem(port) for port in running.ports] == [TEXT[:3], TEXT, TEXT[:5]]
    assert read_poem(running.ports[2]) == TEXT[:6]


def test_jitter_changes_the_times_and_not_the_bytes(server, poem):
    running = server("-d", "10ms", "--jitter", "30ms", poem(TEXT))
    assert read_poem(running.port) == TEXT


def test_sighup_reads_faults_again(server, poem, tmp_path):
    config = tmp_path / "server.conf"
    config.write_text("delay = 0\n")
    running = server("--config", config, "--port", "0", poem(TEXT))
    assert read_poem(running.port) == TEXT
    config.write_text("delay = 0\nfault = close-after=3B\n")
    running.send(1)
    running.err.wait_for("read poems and configuration again")
    assert read_poem(running.port) == TEXT[:3]


def test_faults_apply_to_more_than_poems(server, tmp_path):
    log = tmp_path / "access.log"
    log.write_text("a record\n")
    services = ["chargen", "echo", f"fibonacci:{tmp_path / 'state.db'}", f"weblog:{log},backlog=1",
                "catalog"]
    running = server("--fault", "close-after=2B", *(
        argument for service in services for argument in ("--serve", f"0={service}")),
        listeners=len(services))
    heard = []
    for port in running.ports:
        with connect(port) as sock:
            sock.sendall(b"abc\n\n\n")
            heard.append(read_to_end(sock))
    assert heard == [b" !", b"ab", b"1\n", b"a ", b"[{"]


@pytest.mark.parametrize("engine", SERVER_ENGINES)
def test_more_clients_than_an_engine_can_hold_are_refused_at_the_start(engine):
    result = run("poetry-server", "-p0", "--engine", engine, "--max-clients", "10000000")
    assert (result.status, result.out) == (1, b"")
    assert re.fullmatch(rf"poetry-server: --max-clients 10000000: {engine} holds at most \d+ "
                        r"connections here: .*\n      raise that limit, or lower --max-clients\n", result.err)


def test_the_catalog_tells_what_is_served_now(server, poem):
    path = poem(TEXT)
    running = server("-d", "250ms", "--serve", "0=catalog", "--serve", f"0=poem:{path}",
                     "--serve", "0=echo", listeners=3)

    def catalog():
        with connect(running.ports[0]) as sock:
            return load_json_lines(["{\"all\": " + read_to_end(sock).decode() + "}"])[0]["all"]

    listed = catalog()
    assert [entry["port"] for entry in listed] == running.ports
    assert [(entry["service"], entry["name"]) for entry in listed] == [
        ("catalog", "catalog"), ("poem", "poem.txt"), ("echo", "echo")]
    assert {key: listed[1][key] for key in ("bytes", "lines", "delay")} == {
        "bytes": len(TEXT), "lines": 4, "delay": 0.25}
    path.write_bytes(b"new\n")
    running.send(1)
    running.err.wait_for("read poems and configuration again")
    assert catalog()[1]["bytes"] == 4
