"""--workers: several processes serve as one, and none is missed when it dies."""

import collections
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

from harness import (SERVER_ENGINES, WAIT, Lines, becomes_true, can_trace, children_of, connect,
                     fails, is_running, load_json_lines, read_line, read_poem, read_to_end, reset,
                     run)

POEM = b"one\ntwo\nthree\n"
STARTED = re.compile(r"worker=(\d+) pid=(\d+) started")


def pids(running, count):
    """The processes of the first `count` workers that were started, in this order."""
    lines = running.err.wait_for("worker=.* started", count)
    return [int(STARTED.search(line)[2]) for line in lines]


def echo_pid(port):
    """The process that answers."""
    with connect(port) as sock:
        sock.sendall(b"x")
        sock.shutdown(socket.SHUT_WR)
        return int(read_to_end(sock).split(b":")[0])


def answers(sock):
    """Whether an echo still does."""
    try:
        sock.sendall(b"still\n")
        return read_line(sock) == b"still\n"
    except OSError:
        return False


def is_refused(port):
    """Whether nobody listens there any more."""
    try:
        with connect(port) as late:
            late.recv(1)
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:  # it was in the backlog when the listener went
        pass
    return False


@pytest.fixture(params=SERVER_ENGINES)
def engine(request):
    return request.param


def test_all_workers_serve_and_say_their_pid(server):
    running = server("--serve", "0=echo,prefix=pid", "--workers", "3")
    workers = set(pids(running, 3))
    assert running.pid not in workers
    seen = set()
    assert becomes_true(lambda: seen.add(echo_pid(running.port)) or seen == workers)


def test_auto_is_one_a_processor(server, poem):
    count = len(os.sched_getaffinity(0))
    running = server("-d0", poem(POEM), "--workers", "auto")
    assert read_poem(running.port) == POEM
    assert len(children_of(running.pid)) == (count if count > 1 else 0)
    assert b"workers = auto" in run("poetry-server", "--workers", "auto", "--print-config").out


def test_each_engine_serves_many_clients(server, poem, engine, fetch):
    running = server("-d", "10ms", poem(POEM), "-e", engine, "--workers", "3")
    result = fetch("-n", "60", "--print", "none", f"127.0.0.1:{running.port}")
    assert (result.status, result.report["fetched"]) == (0, 60)
    numbers = [int(re.search(r"conn=(\d+)", line)[1]) for line in
               running.err.wait_for("closed .*reason=finished", 60)]
    assert sorted(numbers) == list(range(1, 61))
    workers = pids(running, 3)
    assert running.stop() == 0
    assert not any(map(is_running, workers))


def test_a_port_of_workers_is_in_use_for_others(server, poem):
    port = server(poem(POEM), "--workers", "2").port
    for workers in ("1", "2"):
        fails(run("poetry-server", "--port", port, "--workers", workers), port)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_drains(server, poem, engine, number):
    running = server("-d", "300ms", "--drain-timeout", "60s", poem(POEM), "-e", engine,
                     "--workers", "2", start_new_session=True)
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(connect(running.port)) for _ in range(8)]
        assert [read_line(sock) for sock in socks] == [b"one\n"] * len(socks)
        os.killpg(running.pid, number)  # as a terminal does, to the workers too
        assert [read_to_end(sock) for sock in socks] == [b"two\nthree\n"] * len(socks)
    assert running.wait() == 0
    running.err.wait_for("closed .*reason=finished", 8)


def test_a_draining_server_takes_nobody_new(server, poem):
    running = server("-d", "1h", "--drain-timeout", "1h", poem(POEM), "--workers", "3")
    with connect(running.port) as sock:
        assert read_line(sock) == b"one\n"
        running.send(signal.SIGTERM)
        assert becomes_true(lambda: is_refused(running.port))
        assert running.process.poll() is None


def test_a_second_signal_ends_at_once(server, poem, engine):
    running = server("-d", "1h", "--drain-timeout", "1h", poem(POEM), "-e", engine,
                     "--workers", "3")
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(connect(running.port)) for _ in range(12)]
        assert [read_line(sock) for sock in socks] == [b"one\n"] * len(socks)
        running.send(signal.SIGTERM)  # two signals of one kind could become one
        assert running.stop(signal.SIGINT) == 0
        running.err.wait_for("closed .* bytes=4 .*reason=shutdown", len(socks))


def test_the_drain_timeout_ends_what_goes_on(server, poem):
    running = server("-d", "1h", "--drain-timeout", "100ms", poem(POEM), "--workers", "2")
    with connect(running.port) as sock:
        assert read_line(sock) == b"one\n"
        assert running.stop() == 0


@pytest.mark.skipif(not can_trace(), reason="strace is missing or not permitted")
def test_a_worker_that_takes_long_to_end_its_connections_is_not_killed(server, poem):
    """As where there are very many. One that ends none for ten seconds is."""
    running = server("-d", "1h", "--drain-timeout", "0s", poem(POEM), "--workers", "2")
    workers = [word for pid in pids(running, 2) for word in ("-p", str(pid))]
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(connect(running.port)) for _ in range(8)]
        assert [read_line(sock) for sock in socks] == [b"one\n"] * len(socks)
        slow = subprocess.Popen(
            ["timeout", "90", "strace", *workers, "-e", "trace=setsockopt", "-e",
             "inject=setsockopt:delay_enter=3500000"], stderr=subprocess.PIPE)
        stack.enter_context(slow)
        Lines(slow.stderr).wait_for("attached", 2)
        running.send(signal.SIGTERM)
        assert running.process.wait(2 * WAIT) == 0
    running.err.wait_for("closed .* reason=shutdown", len(socks))
    assert not running.err.matching("killed")


def test_workers_end_with_a_killed_server(server, poem, engine):
    running = server("-d", "1h", poem(POEM), "-e", engine, "--workers", "2")
    workers = pids(running, 2)
    with connect(running.port) as sock:
        assert read_line(sock) == b"one\n"
        running.send(signal.SIGKILL)
        with contextlib.suppress(ConnectionResetError):
            assert sock.recv(1) == b""
    assert becomes_true(lambda: not any(map(is_running, workers)))


class Knocker:
    """Connects, reads a line and leaves, over and over, and keeps what went wrong."""

    def __init__(self, port):
        self.port = port
        self.served = 0
        self.lost = 0
        self.refused = []
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.knock, daemon=True)
        self.thread.start()

    def knock(self):
        while not self.done.is_set():
            try:
                sock = connect(self.port)
            except OSError as error:
                self.refused.append(error)
                continue
            with sock:
                try:
                    got = read_line(sock)
                except ConnectionResetError:
                    got = b""
                self.served += got == b"one\n"
                self.lost += got != b"one\n"
                reset(sock)

    def close(self):
        self.done.set()
        self.thread.join(WAIT)


def test_no_connection_is_refused_while_a_worker_is_replaced(server, started, poem, engine):
    running = server("-d", "1h", poem(POEM), "-e", engine, "--workers", "3")
    knockers = [started(Knocker, running.port) for _ in range(3)]
    known = 3
    for victim in pids(running, 3)[:2]:
        before = [knocker.served for knocker in knockers]
        os.kill(victim, signal.SIGKILL)
        running.err.wait_for(f"pid={victim} ended by signal 9")
        known += 1
        pids(running, known)
        assert becomes_true(lambda: all(
            knocker.served > served + 10 for knocker, served in zip(knockers, before)))
    for knocker in knockers:
        knocker.close()
    assert [knocker.refused for knocker in knockers] == [[], [], []]
    # A worker takes at most those along that it holds, one of each knocker's, each time it dies.
    assert all(knocker.lost <= 2 for knocker in knockers)
    assert len(children_of(running.pid)) == 3
    assert running.stop() == 0


def test_the_clients_of_a_dead_worker_see_an_end_and_others_nothing(server, engine):
    running = server("--serve", "0=echo", "-e", engine, "--workers", "2")
    workers = pids(running, 2)
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(connect(running.port)) for _ in range(20)]
        for sock in socks:
            sock.sendall(b"here\n")
            assert read_line(sock) == b"here\n"
        os.kill(workers[0], signal.SIGKILL)
        line, = running.err.wait_for("connections lost: ")
        lost = int(line.rsplit(" ", 1)[1])
        pids(running, 3)
        # Processes of its own, under fork, may answer once more before they learn of it.
        assert becomes_true(lambda: sum(map(answers, socks)) <= len(socks) - lost)
        assert sum(map(answers, socks)) == len(socks) - lost
        running.send(signal.SIGUSR1)
        found, = load_json_lines(running.err.wait_for("{.*accepted"))
        assert {key: found[key] for key in ("accepted", "active", "ended", "replaced")} == {
            "accepted": 20, "active": 20 - lost, "ended": lost, "replaced": 1}


def test_a_dead_workers_queue_is_served_by_its_replacement(server, poem):
    """Those who wait in the backlog while nobody accepts are not lost."""
    running = server("-d", "1h", poem(POEM), "--workers", "2")
    workers = pids(running, 2)
    for worker in workers:
        os.kill(worker, signal.SIGSTOP)
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(connect(running.port)) for _ in range(16)]
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
        assert [read_line(sock) for sock in socks] == [b"one\n"] * len(socks)


def test_a_worker_that_dies_in_a_loop_ends_the_server(server, poem):
    running = server("-d", "1h", "--drain-timeout", "1h", poem(POEM), "--workers", "2",
                     "--run", "exec sleep 1000")
    seen = 0
    while not running.err.matching("giving up"):
        lines = running.err.wait_for("worker=2 pid=.* started|giving up", seen + 1)
        if "giving up" in lines[-1]:
            break
        seen += 1
        os.kill(int(STARTED.search(lines[-1])[2]), signal.SIGKILL)
    assert running.wait() == 1
    assert seen == 8
    pauses = re.findall(r"worker=2 is replaced in (\S+) s", running.err.text())
    assert pauses == ["0.1", "0.2", "0.4", "0.8", "1.6", "3.2"]
    line, = running.err.matching("giving up")
    assert "error" in line and "worker=2" in line


def test_a_dead_worker_is_not_replaced_while_draining(server, poem):
    running = server("-d", "1h", "--drain-timeout", "1h", poem(POEM), "--workers", "2")
    workers = pids(running, 2)
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(connect(running.port)) for _ in range(20)]
        assert [read_line(sock) for sock in socks] == [b"one\n"] * len(socks)
        running.send(signal.SIGTERM)
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
    assert running.wait() == 0
    assert len(running.err.matching("worker=.* started")) == 2


def test_a_number_selects_one_connection_of_all(server, poem, engine):
    running = server("-d", "10ms", poem(POEM), "-e", engine, "--workers", "3",
                     "--fault", "#7:close-after=1lines", "--seed", "1")
    texts = collections.Counter(read_poem(running.port) for _ in range(30))
    assert texts == {POEM: 29, b"one\n": 1}
    line, = running.err.wait_for("fault port=")
    assert "conn=7 " in line
    assert len(running.err.matching("seed=")) == 2  # at the start, and with the fault


def test_fibonacci_repeats_no_number(server, tmp_path, engine):
    running = server("--serve", f"0=fibonacci:{tmp_path / 'state'},lease=3", "-e", engine,
                     "--workers", "4")
    numbers = []

    def draw():
        for _ in range(3):
            with connect(running.port) as sock:
                sock.sendall(b"\n" * 20)
                sock.shutdown(socket.SHUT_WR)
                numbers.extend(read_to_end(sock).split())

    threads = [threading.Thread(target=draw) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    assert len(numbers) == len(set(numbers)) == 6 * 3 * 20


def test_every_weblog_client_gets_every_record(server, tmp_path, engine):
    log = tmp_path / "access.log"
    log.write_bytes(b"before\n")
    running = server("--serve", f"0=weblog:{log},backlog=1,poll=10ms", "-e", engine,
                     "--workers", "3")
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(connect(running.port)) for _ in range(9)]
        assert [read_line(sock) for sock in socks] == [b"before\n"] * len(socks)
        with log.open("ab") as file:
            file.write(b"".join(b"record %d\n" % number for number in range(50)))
        running_on = [[read_line(sock) for _ in range(50)] for sock in socks]
        assert running_on == [[b"record %d\n" % number for number in range(50)]] * len(socks)
        running.send(signal.SIGTERM)
        assert [read_to_end(sock) for sock in socks] == [b""] * len(socks)
    assert running.wait() == 0


def test_the_catalog_and_the_ready_file_name_every_port_once(server, poem, tmp_path):
    ready = tmp_path / "ready.json"
    running = server("--serve", "0=catalog", "--serve", "0=echo", poem(POEM), "-p0",
                     "--workers", "3", "--ready-file", ready, listeners=3)
    listed = {(each["port"], each["service"]) for each in json.loads(ready.read_text())}
    catalog = json.loads(read_poem(next(port for port, kind in listed if kind == "catalog")))
    assert {(each["port"], each["service"]) for each in catalog} == listed
    assert {each["sha256"] for each in catalog if each["service"] == "poem"}
    assert len(running.listening) == len(catalog) == 3


def test_statistics_are_one_line_for_all(server, poem):
    running = server("-d0", poem(POEM), poem(POEM, "other.txt"), "--workers", "4", listeners=2)
    for _ in range(10):
        for port in running.ports:
            read_poem(port)
    read_poem(running.ports[0])
    running.err.wait_for("closed ", 21)
    running.send(signal.SIGUSR1)
    found, = load_json_lines(running.err.wait_for("{.*accepted"))
    assert {key: found[key] for key in ("workers", "replaced", "accepted", "active", "ended",
                                        "bytes")} == {
        "workers": 4, "replaced": 0, "accepted": 21, "active": 0, "ended": 21,
        "bytes": 21 * len(POEM)}
    assert [port["accepted"] for port in found["ports"]] == [11, 10]
    assert running.stop() == 0
    assert len(load_json_lines(running.err.lines)) == 1


def test_exit_after_counts_over_all(server, poem, engine):
    running = server("-d0", poem(POEM), "-e", engine, "--workers", "3", "--exit-after", "25")
    assert [read_poem(running.port) for _ in range(24)] == [POEM] * 24
    running.err.wait_for("closed ", 24)
    assert running.process.poll() is None
    with connect(running.port) as sock:
        assert running.process.poll() is None
        assert read_to_end(sock) == POEM
    assert running.wait() == 0
    running.err.text()  # to its end
    assert len(running.err.matching("closed ")) == 25


def test_exit_after_drains_every_worker_at_once(server, poem):
    running = server("-d", "1h", "--drain-timeout", "1h", poem(POEM), "--workers", "3",
                     "--exit-after", "1")
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(connect(running.port)) for _ in range(24)]
        assert [read_line(sock) for sock in socks] == [b"one\n"] * len(socks)
        reset(socks[0])
        assert becomes_true(lambda: is_refused(running.port))
        assert running.process.poll() is None


def test_exit_after_counts_those_who_are_lost(server, poem):
    running = server("-d", "1h", poem(POEM), "--workers", "2", "--exit-after", "3")
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(connect(running.port)) for _ in range(3)]
        assert [read_line(sock) for sock in socks] == [b"one\n"] * 3
        for worker in pids(running, 2):
            os.kill(worker, signal.SIGKILL)
        assert running.wait() == 0


def test_run_ends_the_workers_and_gives_its_status(server, poem):
    result = run("poetry-server", "-p0", "-d0", poem(POEM), "--workers", "3",
                 "--run", "test -n \"$POETRY_PORTS\" && exit 7")
    assert result.status == 7
    workers = [int(STARTED.search(line)[2]) for line in result.err.splitlines()
               if STARTED.search(line)]
    assert len(workers) == 3 and not any(map(is_running, workers))


def test_sighup_serves_the_new_poem_to_new_clients_only(server, poem, engine):
    path = poem(POEM)
    running = server("-d", "200ms", path, "-e", engine, "--workers", "3")
    with connect(running.port) as old:
        assert read_line(old) == b"one\n"
        path.write_bytes(b"new\n")
        running.send(signal.SIGHUP)
        running.err.wait_for("read poems and configuration again")
        assert [read_poem(running.port) for _ in range(6)] == [b"new\n"] * 6
        assert read_to_end(old) == b"two\nthree\n"
        for worker in pids(running, 3):  # the replacements know the new one too
            os.kill(worker, signal.SIGKILL)
        running.err.wait_for("ended by signal 9", 3)
        pids(running, 6)
        assert [read_poem(running.port) for _ in range(6)] == [b"new\n"] * 6
    assert len(running.err.matching("read poems and configuration again")) == 1


def test_sighup_refuses_a_bad_poem_and_keeps_the_old(server, poem):
    path = poem(POEM)
    running = server("-d0", path, "--workers", "3")
    path.unlink()
    running.send(signal.SIGHUP)
    line, = running.err.wait_for(path.name)
    assert "error" in line and "kept the old" in line
    assert [read_poem(running.port) for _ in range(6)] == [POEM] * 6


def test_sighup_refuses_another_number_of_workers(server, poem, tmp_path):
    config = tmp_path / "server.conf"
    config.write_text("workers = 2\n")
    running = server("--config", config, "--port", "0", "-d0", poem(POEM))
    config.write_text("workers = 3\n")
    running.send(signal.SIGHUP)
    line, = running.err.wait_for("kept the old poems and configuration")
    assert "number of workers" in line
    assert read_poem(running.port) == POEM


def test_max_clients_is_for_each_worker(server):
    running = server("--serve", "0=echo", "--max-clients", "1", "--workers", "2")
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(connect(running.port)) for _ in range(16)]
        for sock in socks:
            sock.sendall(b"x")
            sock.setblocking(False)

        def answered():
            found = 0
            for sock in socks:
                with contextlib.suppress(BlockingIOError):
                    found += len(sock.recv(1, socket.MSG_PEEK))
            return found

        assert becomes_true(lambda: answered() == 2)


@pytest.mark.parametrize("fault", ["refuse", "blackhole"])
def test_a_closed_door_is_closed_at_every_worker(server, poem, fault):
    running = server("-d0", poem(POEM), "--workers", "2", "--fault", fault)
    for _ in range(4):
        with socket.socket() as sock:
            sock.settimeout(0.2)
            with pytest.raises(ConnectionRefusedError if fault == "refuse" else socket.timeout):
                sock.connect(("127.0.0.1", running.port))
    assert running.stop() == 0


def test_accept_delay_holds_at_every_worker(server, poem):
    running = server("-d0", poem(POEM), "--workers", "3", "--fault", "accept-delay=50ms")
    assert [read_poem(running.port) for _ in range(6)] == [POEM] * 6
    assert len(running.err.wait_for("fault port=.*accept-delay", 6)) == 6


def test_more_workers_than_this_machine_holds_is_a_failure_before_serving():
    result = run("poetry-server", "-p0", "--workers", "10000000")
    fails(result, "--workers 10000000")
    assert re.search(r"at most \d+ here: \d+ \w+", result.err)
    assert run("poetry-server", "-p0", "--check", "--workers", "10000000").status == 1


def test_too_few_descriptors_for_the_listeners_is_a_failure_before_serving(poem):
    fails(run("poetry-server", "-p0", "--workers", "20", prefix=["prlimit", "--nofile=64:64"]),
          "--workers 20")


def test_check_takes_workers_into_account(poem):
    text = run("poetry-server", "-p0", "--check", "--workers", "2", poem(POEM)).out.decode()
    assert re.search(r"^ok    2 workers: at most \d+ here: ", text, re.M)


def test_reloads_that_come_before_the_last_one_is_over_end_as_well(server, poem):
    told = "read poems and configuration again"
    path = poem(b"a line\n" * (4 << 20))
    running = server("-d0", "--workers", "3", path)
    for _ in range(12):
        running.send(signal.SIGHUP)
        time.sleep(0.01)  # two signals that wait at the same time would be one
    running.err.wait_for(told)
    path.write_bytes(b"new\n")
    deadline = time.monotonic() + WAIT
    while {read_poem(running.port) for _ in range(20)} != {b"new\n"}:
        running.send(signal.SIGHUP)
        assert time.monotonic() < deadline
        time.sleep(0.1)
    before = len(running.err.matching(told))
    running.send(signal.SIGHUP)
    running.err.wait_for(told, before + 1)


def test_a_worker_that_stands_still_gets_its_orders_later(server, poem):
    running = server("-d0", "--workers", "2", poem(POEM))
    first, _ = pids(running, 2)
    os.kill(first, signal.SIGSTOP)
    try:
        for _ in range(700):  # more than its socket holds, and fewer than it is killed for
            running.send(signal.SIGHUP)
            time.sleep(0.003)
        running.send(signal.SIGUSR1)
        running.err.wait_for('"uptime_s":')
    finally:
        os.kill(first, signal.SIGCONT)
    running.err.wait_for("read poems and configuration again")
    assert not running.err.matching("error")
