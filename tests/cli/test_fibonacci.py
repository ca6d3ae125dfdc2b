"""The fibonacci service: one sequence for all clients, and no number twice, whatever happens."""

import os
import random
import signal
import socket
import sqlite3
import sys

import pytest

from harness import ROOT, connect, fails, read_line, read_to_end, run

sys.path.insert(0, str(ROOT / "tests/bench"))

import fibonacci_kills  # noqa: E402

ALL_ENGINES = ["asio", "epoll", "threads", "fork"]


def sequence(first, last):
    """The numbers at these positions of 1, 2, 3, 5, 8 ..."""
    numbers = [1, 2]
    while len(numbers) < last:
        numbers.append(numbers[-2] + numbers[-1])
    return [str(number).encode() for number in numbers[first - 1:last]]


def draw(port, count):
    with connect(port) as sock:
        sock.sendall(b"\n" * count)
        sock.shutdown(socket.SHUT_WR)
        return read_to_end(sock).split()


@pytest.fixture
def fibonacci(server, tmp_path):
    """fibonacci(SETTINGS, ARG...): a server of the test's one state file."""
    return lambda settings="", *args: server(
        "--serve", f"0=fibonacci:{tmp_path / 'state'}{settings}", *args)


def test_each_line_gets_the_next_number(fibonacci):
    port = fibonacci().port
    assert draw(port, 300) == sequence(1, 300)
    with connect(port) as one, connect(port) as other:
        for number in sequence(301, 310):
            one.sendall(b"please\n")
            assert read_line(one) == number + b"\n"
            one, other = other, one


def test_a_last_line_needs_no_newline(fibonacci):
    with connect(fibonacci().port) as sock:
        sock.sendall(b"a\nb")
        sock.shutdown(socket.SHUT_WR)
        assert read_to_end(sock) == b"1\n2\n"


def test_a_restart_goes_on_where_it_ended(fibonacci, tmp_path):
    for first in (1, 6, 11):
        running = fibonacci(",lease=100")
        assert draw(running.port, 5) == sequence(first, first + 4)
        running.err.wait_for("closed ")
        assert running.stop() == 0
        assert os.listdir(tmp_path) == ["state"]


def test_a_stop_while_a_client_is_there_gives_back_what_it_did_not_draw(fibonacci):
    running = fibonacci(",lease=100")
    with connect(running.port) as sock:
        sock.sendall(b"\n")
        assert read_line(sock) == b"1\n"
        running.send(signal.SIGTERM)
        assert sock.recv(1) == b""  # a graceful end: the session owes nothing
    assert running.wait() == 0
    assert draw(fibonacci().port, 1) == sequence(2, 2)


def test_a_crash_skips_the_rest_of_a_lease(fibonacci):
    running = fibonacci(",lease=10")
    with connect(running.port) as sock:
        sock.sendall(b"\n\n\n")
        assert [read_line(sock) for _ in range(3)] == [b"1\n", b"2\n", b"3\n"]
        running.send(signal.SIGKILL)
        running.wait()
    assert draw(fibonacci().port, 1) == sequence(11, 11)


def test_two_servers_share_one_sequence(fibonacci):
    ports = [fibonacci().port, fibonacci().port]
    numbers = [number for i in range(20) for number in draw(ports[i % 2], 1 + i % 3)]
    assert numbers == sequence(1, len(numbers))


def test_a_drawing_client_that_reads_nothing_is_held_back(fibonacci):
    port = fibonacci(",lease=1000").port
    with connect(port) as greedy:
        greedy.sendall(b"\n" * 100)  # answered or not, they are few
        assert len(draw(port, 10)) == 10
        greedy.shutdown(socket.SHUT_WR)
        assert len(read_to_end(greedy).split()) == 100


def test_what_fails_ends_one_connection_with_a_line(fibonacci, tmp_path):
    running = fibonacci()
    assert draw(running.port, 2) == sequence(1, 2)
    database = sqlite3.connect(tmp_path / "state", isolation_level=None)
    database.execute("CREATE TRIGGER t BEFORE UPDATE ON free "
                     "BEGIN SELECT RAISE(ABORT, 'no more'); END")
    with pytest.raises(OSError):  # a reset, which any call may meet
        draw(running.port, 1)
    line, = running.err.wait_for("no more")
    assert f"draw from {tmp_path / 'state'}: no more" in line and f"port={running.port}" in line
    database.execute("DROP TRIGGER t")
    database.close()
    assert draw(running.port, 1) == sequence(3, 3)


def refused(state, *prefix):
    """It is refused at once, by one line, and nothing beside it or in it changes."""
    before = state.read_bytes(), sorted(os.listdir(state.parent))
    fails(run("poetry-server", "--serve", f"0=fibonacci:{state}", prefix=prefix), state)
    assert before == (state.read_bytes(), sorted(os.listdir(state.parent)))


def test_a_state_that_is_no_database(tmp_path):
    state = tmp_path / "state"
    for text in (b"x", b"notes\n" * 1000):
        state.write_bytes(text)
        refused(state)


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_a_state_that_is_another_applications(tmp_path, mode):
    state = tmp_path / "state"
    database = sqlite3.connect(state)
    database.execute(f"PRAGMA journal_mode = {mode}")
    database.execute("CREATE TABLE free (first INTEGER PRIMARY KEY, count, a, b)")
    database.commit()
    if mode == "delete":
        database.close()
    refused(state)  # in the other mode while its owner has not written the log back
    database.close()


def test_a_state_of_another_version(fibonacci, tmp_path):
    assert fibonacci().stop() == 0
    database = sqlite3.connect(tmp_path / "state")
    database.execute("PRAGMA user_version = 77")
    database.close()
    refused(tmp_path / "state")


def test_a_state_that_cannot_be_written(unprivileged):
    prefix, directory = unprivileged
    state = directory / "state"
    result = run("poetry-server", "--serve", f"0=fibonacci:{state}", "--run", "true")
    assert result.status == 0
    state.chmod(0o444)
    if not prefix:
        refused(state)
        directory.chmod(0o555)
        state.chmod(0o644)
        refused(state)
        directory.chmod(0o755)
        return
    refused(state, *prefix)  # it and its directory are another user's
    directory.chmod(0o777)
    refused(state, *prefix)  # it alone
    directory.chmod(0o755)
    state.chmod(0o666)
    refused(state, *prefix)  # its directory alone
    fails(run("poetry-server", "--serve", f"0=fibonacci:{directory / 'new'}", prefix=prefix),
          directory / "new")


@pytest.mark.parametrize("argument", ["fibonacci", "fibonacci:x,lease=0", "fibonacci:x,lease=-1",
                                      "fibonacci:x,lease=1e3", "fibonacci:x,delay=1s"])
def test_usage_errors(argument):
    result = run("poetry-server", "--serve", f"0={argument}")
    assert (result.status, result.out) == (2, b"")
    assert len(result.err.splitlines()) == 2


@pytest.mark.parametrize("lease", [1, 10])
@pytest.mark.parametrize("engine", ALL_ENGINES)
def test_no_number_is_repeated_whenever_the_server_is_killed(tmp_path, engine, lease):
    if run("poetry-server", "--engine", engine, "--print-config").status != 0:
        pytest.skip(f"no engine {engine}")
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")  # fibonacci_kills.py takes it
    outcome = fibonacci_kills.campaign(50, engine, lease, tmp_path / "state", seed)
    assert (outcome.repeats, outcome.disorders) == (0, 0), outcome
    assert outcome.kills == 50 and outcome.drawn >= 25, outcome


def test_a_lease_that_cannot_be_given_back_is_told(fibonacci, tmp_path):
    running = fibonacci(",lease=10")
    with connect(running.port) as sock:
        sock.sendall(b"\n")
        assert read_line(sock) == b"1\n"
        (tmp_path / "state").unlink()
    line, = running.err.wait_for("what is not drawn is skipped")
    assert f"{tmp_path / 'state'}" in line
