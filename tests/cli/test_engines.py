"""The same server under every engine: what its users see must not depend on who waits."""

import contextlib
import itertools
import os
import re
import signal
import time

import pytest

from harness import (POEMS, SERVER_ENGINES, WAIT, as_user, becomes_true, children_of, connect,
                     is_running, load_json_lines, read_line, read_poem, read_to_end, reset, run,
                     tool)

POEM = b"one\ntwo\nthree\n"
BUILT_IN = [(POEMS / name).read_bytes() for name in ["ecstasy.txt", "eternity.txt",
                                                     "quiet-night.txt"]]
STRANGER = 54321  # a user who runs nothing else


@pytest.fixture(params=SERVER_ENGINES)
def engine(request):
    return request.param


@pytest.fixture
def serve(server, engine):
    """serve(ARG...): poetry-server with the engine of this test."""
    return lambda *args, **options: server("--engine", engine, *args, **options)


def connect_many(stack, port, count):
    return [stack.enter_context(connect(port)) for _ in range(count)]


def test_the_help_names_every_engine():
    for engine in SERVER_ENGINES:
        assert run("poetry-server", "--engine", engine, "--print-config").status == 0
    found = run("poetry-server", "--engine", "abacus")
    assert found.status == 2 and ", ".join(SERVER_ENGINES) in found.err


def test_concurrent_clients_get_the_built_in_poems_exactly(serve):
    running = serve("-d", "20ms", listeners=3)
    with contextlib.ExitStack() as stack:
        socks = [connect_many(stack, port, 5) for port in running.ports]
        for poem, readers in zip(BUILT_IN, socks):
            assert [read_to_end(sock) for sock in readers] == [poem] * 5


def test_lines_are_never_early(serve, poem):
    start = time.monotonic()
    with connect(serve("-d", "100ms", poem(POEM)).port) as sock:
        for number, line in enumerate(POEM.splitlines(keepends=True)):
            assert read_line(sock) == line
            assert time.monotonic() - start >= number * 0.1
        assert sock.recv(1) == b"" and time.monotonic() - start >= 0.3


def test_a_large_poem_reaches_a_slow_reader_whole(serve, poem):
    text = b"".join(b"line %d\n" % number for number in range(500_000))
    with connect(serve("-d0", poem(text)).port) as sock:
        assert b"".join(iter(lambda: sock.recv(5000), b"")) == text


def test_max_clients_makes_the_next_ones_wait(serve, poem):
    running = serve("--max-clients", "2", "-d", "1h", poem(POEM))
    with contextlib.ExitStack() as stack:
        first, second, third, fourth = connect_many(stack, running.port, 4)
        assert [read_line(sock) for sock in (first, second)] == [b"one\n"] * 2
        third.setblocking(False)
        with pytest.raises(BlockingIOError):
            third.recv(1)
        third.settimeout(WAIT)
        reset(first)
        assert read_line(third) == b"one\n"
        reset(second)
        assert read_line(fourth) == b"one\n"
    assert not running.err.matching("accepting is paused")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_drains(serve, poem, number):
    running = serve("-d", "300ms", "--drain-timeout", "60s", poem(POEM))
    with connect(running.port) as one, connect(running.port) as other:
        assert [read_line(sock) for sock in (one, other)] == [b"one\n"] * 2
        running.send(number)
        assert [read_to_end(sock) for sock in (one, other)] == [b"two\nthree\n"] * 2
    assert running.wait() == 0
    running.err.wait_for("closed .*reason=finished", 2)


def test_a_signal_to_the_whole_process_group_drains(serve, poem):
    running = serve("-d", "300ms", "--drain-timeout", "60s", poem(POEM), start_new_session=True)
    with connect(running.port) as sock:
        assert read_line(sock) == b"one\n"
        os.killpg(running.pid, signal.SIGINT)  # as a terminal does at ^C
        assert read_to_end(sock) == b"two\nthree\n"
    assert running.wait() == 0


def test_a_second_signal_ends_at_once(serve, poem):
    running = serve("-d", "1h", "--drain-timeout", "1h", poem(POEM))
    with contextlib.ExitStack() as stack:
        socks = connect_many(stack, running.port, 20)
        assert [read_line(sock) for sock in socks] == [b"one\n"] * len(socks)
        running.send(signal.SIGTERM)  # two signals of one kind could become one
        assert running.stop(signal.SIGINT) == 0
        running.err.wait_for("closed .* bytes=4 .*reason=shutdown", len(socks))
        for sock in socks:
            with pytest.raises(ConnectionResetError):
                sock.recv(1)


def test_the_drain_timeout_ends_what_goes_on(serve, poem):
    running = serve("-d", "1h", "--drain-timeout", "100ms", poem(POEM))
    with connect(running.port) as sock:
        assert read_line(sock) == b"one\n"
        assert running.stop() == 0
    running.err.wait_for("closed .*reason=shutdown")


def refuses(port):
    try:
        connect(port).close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_killed_server_leaves_no_process_and_no_connection(serve, poem, engine):
    running = serve("-d", "1h", poem(POEM))
    with contextlib.ExitStack() as stack:
        socks = connect_many(stack, running.port, 5)
        assert [read_line(sock) for sock in socks] == [b"one\n"] * len(socks)
        children = children_of(running.pid)
        running.stop(signal.SIGKILL)
        for sock in socks:
            with contextlib.suppress(ConnectionResetError):
                assert sock.recv(1) == b""
        assert becomes_true(lambda: not any(map(is_running, children)))
        if engine == "uring":  # the kernel lets go of the ring a moment after its process
            assert becomes_true(lambda: refuses(running.port))
        assert refuses(running.port)


def test_exit_after_so_many_connections(serve, poem):
    running = serve("--exit-after", "3", "-d0", poem(POEM))
    assert [read_poem(running.port) for _ in range(3)] == [POEM] * 3
    assert running.wait() == 0


def test_run_fetches_from_the_server(engine, poem):
    result = run("poetry-server", "--engine", engine, "-p0", "-d", "10ms", "--run",
                 f"{tool('poetry-get')} -q -n 5 --report none $POETRY_SERVERS", poem(POEM))
    assert result.status == 0 and result.out.endswith(POEM * 5)


def serve_in_turn(running, line, count, wave):
    """Connects them all; in turn, so many at a time get their line and leave together."""
    with contextlib.ExitStack() as stack:
        socks = connect_many(stack, running.port, count)
        running.err.wait_for("accepting is paused")
        for start in range(0, count, wave):
            served = socks[start:start + wave]
            assert [read_line(sock) for sock in served] == [line] * len(served)
            for sock in served:
                reset(sock)
        running.err.wait_for(f"closed .* bytes={len(line)} .*reason=peer-reset", count)
    assert len(running.err.matching("accepting is paused")) == 1


def test_running_out_of_descriptors_pauses_once_and_serves_all_in_turn(serve, poem):
    running = serve("-d", "1h", poem(b"here\n"), prefix=["prlimit", "--nofile=24:24"])
    serve_in_turn(running, b"here\n", 40, 10)


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root, for a limit that binds another user")
@pytest.mark.parametrize("name", ["threads", "fork"])
def test_running_out_of_threads_pauses_once_and_serves_all_in_turn(server, name):
    running = server("--engine", name, "-d", "1h", listeners=3, prefix=as_user(STRANGER, 12))
    serve_in_turn(running, BUILT_IN[0].splitlines(keepends=True)[0], 30, 6)
    assert running.err.matching(r"accepting is paused: .* \(see ulimit -u, .*\): "
                                r"Resource temporarily unavailable \(\d+ connections held\)")


def test_a_connection_leaves_one_log_line(serve, poem):
    running = serve("-d", "30ms", poem(POEM))
    with connect(running.port) as sock:
        mine = sock.getsockname()[1]
        read_to_end(sock)
    line, = running.err.wait_for("closed ")
    found = re.search(rf"closed peer=127\.0\.0\.1:{mine} port={running.port} conn=1 service=poem "
                      r"bytes=14 elapsed=(\d+\.\d{3})s reason=finished$", line)
    assert found and float(found[1]) >= 0.09, line


def test_why_connections_ended_is_logged(serve, poem):
    text = b"x" * 65535 + b"\n"
    running = serve("--send-timeout", "200ms", "--repeat", "forever", "-d0", poem(text))
    with connect(running.port):
        running.err.wait_for("closed .*reason=send-timeout")
    with connect(running.port) as sock:
        assert sock.recv(1) == b"x"
        reset(sock)
        running.err.wait_for("closed .*reason=peer-reset")


def test_sigusr1_counts_the_bytes_of_all(serve, poem):
    running = serve("-d", "1h", poem(POEM))
    asked = itertools.count(1)

    def statistics():
        running.send(signal.SIGUSR1)
        found = load_json_lines(running.err.wait_for("{.*accepted", next(asked)))[-1]
        return {key: found[key] for key in ("accepted", "active", "ended", "bytes")}

    with connect(running.port) as one, connect(running.port) as other:
        assert [read_line(sock) for sock in (one, other)] == [b"one\n"] * 2
        expected = {"accepted": 2, "active": 2, "ended": 0, "bytes": 8}
        # Who has sent a line counts it then, and a client may be quicker.
        assert becomes_true(lambda: statistics() == expected)


def test_sighup_serves_the_new_poem_to_new_clients_only(serve, poem):
    path = poem(POEM)
    running = serve("-d", "200ms", path)
    with connect(running.port) as old:
        assert read_line(old) == b"one\n"
        path.write_bytes(b"new\n")
        running.send(signal.SIGHUP)
        running.err.wait_for("read poems and configuration again")
        assert read_poem(running.port) == b"new\n"
        assert read_to_end(old) == b"two\nthree\n"


def test_sighup_lets_those_in_whom_a_larger_quota_has_room_for(serve, poem, tmp_path):
    config = tmp_path / "server.conf"
    config.write_text("max-clients = 1\n")
    running = serve("--config", config, "--port", "0", "-d", "1h", poem(POEM))
    with connect(running.port) as first, connect(running.port) as second:
        assert read_line(first) == b"one\n"
        config.write_text("max-clients = 2\n")
        running.send(signal.SIGHUP)
        assert read_line(second) == b"one\n"


def test_fork_reports_a_killed_child_and_goes_on(server, poem):
    running = server("--engine", "fork", "-d", "1h", poem(POEM))
    with connect(running.port) as sock:
        assert read_line(sock) == b"one\n"
        victim, = children_of(running.pid)
        with connect(running.port) as other:
            assert read_line(other) == b"one\n"
            os.kill(victim, signal.SIGKILL)
            running.err.wait_for(rf"conn=1: process {victim} ended by signal 9")
            running.err.wait_for("closed .* conn=1 .*reason=fault")
            assert not is_running(victim)
            assert len(children_of(running.pid)) == 1


def test_fork_leaves_termination_to_the_parent(server, poem):
    running = server("--engine", "fork", "-d", "100ms", poem(POEM))
    with connect(running.port) as sock:
        assert read_line(sock) == b"one\n"
        child, = children_of(running.pid)
        os.kill(child, signal.SIGTERM)
        assert read_to_end(sock) == b"two\nthree\n"
    running.err.wait_for("closed .*reason=finished")


def test_fork_children_hold_nothing_that_is_not_theirs(server, poem):
    running = server("--engine", "fork", "-d", "1h", poem(POEM), poem(POEM, "two.txt"),
                     listeners=2)
    with contextlib.ExitStack() as stack:
        socks = connect_many(stack, running.port, 3) + connect_many(stack, running.ports[1], 3)
        assert [read_line(sock) for sock in socks] == [b"one\n"] * len(socks)
        for child in children_of(running.pid):
            links = [os.readlink(f"/proc/{child}/fd/{name}")
                     for name in os.listdir(f"/proc/{child}/fd")]
            assert len([link for link in links if link.startswith("socket:")]) == 2, links
            assert not [link for link in links if "signalfd" in link], links
