"""Signals to poetry-server, and running out of descriptors."""

import contextlib
import signal
import time

import pytest

from harness import (SANITIZED, WAIT, connect, load_json_lines, read_line, read_poem,
                     read_to_end, reset)

POEM = b"one\ntwo\nthree\n"
STOPS = [signal.SIGINT, signal.SIGTERM]


@pytest.mark.parametrize("number", STOPS)
def test_an_idle_server_stops_at_once(server, poem, number):
    assert server(poem(POEM)).stop(number) == 0


@pytest.mark.parametrize("number", STOPS)
def test_the_first_signal_drains(server, poem, number):
    running = server("-d", "300ms", "--drain-timeout", "60s", poem(POEM))
    with connect(running.port) as sock:
        assert read_line(sock) == b"one\n"
        running.send(number)
        assert read_to_end(sock) == b"two\nthree\n"
    assert running.wait() == 0
    running.err.wait_for("closed .*reason=finished")


def test_a_draining_server_takes_nobody_new(server, poem):
    running = server("-d", "1h", "--drain-timeout", "1h", poem(POEM))
    with connect(running.port) as sock:
        assert read_line(sock) == b"one\n"
        running.send(signal.SIGTERM)
        deadline = time.monotonic() + WAIT
        with pytest.raises((ConnectionRefusedError, ConnectionResetError)):
            while time.monotonic() < deadline:
                with connect(running.port) as late:
                    late.recv(1)
        assert running.process.poll() is None


def test_the_drain_timeout_ends_what_goes_on(server, poem):
    running = server("-d", "1h", "--drain-timeout", "100ms", poem(POEM))
    with connect(running.port) as sock:
        assert read_line(sock) == b"one\n"
        assert running.stop() == 0
    assert running.err.wait_for("closed .*reason=shutdown")


def test_a_second_signal_ends_at_once(server, poem):
    running = server("-d", "1h", "--drain-timeout", "1h", poem(POEM))
    with connect(running.port) as sock:
        assert read_line(sock) == b"one\n"
        running.send(signal.SIGTERM)  # two signals of one kind could become one
        assert running.stop(signal.SIGINT) == 0


def test_sighup_serves_the_new_poem_to_new_clients_only(server, poem):
    path = poem(POEM)
    running = server("-d", "200ms", path)
    with connect(running.port) as old:
        assert read_line(old) == b"one\n"
        path.write_bytes(b"new\n")
        before = len(running.err.lines)
        running.send(signal.SIGHUP)
        running.err.wait_for("read poems and configuration again")
        assert read_poem(running.port) == b"new\n"
        assert read_to_end(old) == b"two\nthree\n"
    assert not [line for line in running.err.lines[before:] if "[error]" in line]


def test_sighup_refuses_a_bad_poem_and_keeps_the_old(server, poem):
    path = poem(POEM)
    running = server("-d0", path)
    path.unlink()
    running.send(signal.SIGHUP)
    line, = running.err.wait_for(path.name)
    assert "warn" in line or "error" in line
    assert read_poem(running.port) == POEM


def test_sighup_reads_the_configuration_again(server, poem, tmp_path):
    config = tmp_path / "server.conf"
    config.write_text("delay = 1h\n")
    running = server("--config", config, "--port", "0", poem(POEM))
    config.write_text("delay = 0\n")
    running.send(signal.SIGHUP)
    running.err.wait_for("read poems and configuration again")
    assert read_poem(running.port) == POEM


def test_sigusr1_logs_the_statistics_as_json(server, poem):
    running = server("-d0", poem(POEM))
    read_poem(running.port)
    running.err.wait_for("closed ")
    with connect(running.port) as sock:
        assert read_to_end(sock) == POEM
    running.err.wait_for("closed ", 2)
    running.send(signal.SIGUSR1)
    found, = load_json_lines(running.err.wait_for("{.*accepted"))
    assert {key: found[key] for key in ("accepted", "active", "ended", "bytes")} == {
        "accepted": 2, "active": 0, "ended": 2, "bytes": 2 * len(POEM)}


def test_running_out_of_descriptors_pauses_once_and_serves_all_in_turn(server, poem):
    running = server("-d", "1h", poem(b"here\n"), prefix=["prlimit", "--nofile=24:24"])
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(connect(running.port)) for _ in range(40)]
        running.err.wait_for("accepting is paused")
        for start in range(0, len(socks), 10):  # many leave together, while others wait
            wave = socks[start:start + 10]
            assert [read_line(sock) for sock in wave] == [b"here\n"] * len(wave)
            for sock in wave:
                reset(sock)  # makes room for the next; a FIN alone would only half-close
        running.err.wait_for("closed ", len(socks))
    assert len(running.err.matching("accepting is paused")) == 1


@pytest.mark.skipif(SANITIZED, reason="a sanitizer needs descriptors of its own")
def test_the_soft_descriptor_limit_is_raised_to_the_hard_one(server, poem):
    running = server(poem(POEM), prefix=["prlimit", "--nofile=64:256"])
    with open(f"/proc/{running.pid}/limits") as limits:
        line = next(line for line in limits if line.startswith("Max open files"))
    assert line.split()[3:5] == ["256", "256"]
