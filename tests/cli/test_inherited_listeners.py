"""Listeners that whoever starts the tools has bound for them, as sd_listen_fds(3) says."""

import contextlib
import os
import shutil
import signal
import socket
import sys

import pytest

from harness import (SERVER_ENGINES, Running, connect, free_ports, read_line,
                     read_poem, read_to_end, run)
from sync_server import ask

POEM = b"one\ntwo\nthree\n"

# Puts descriptors where they belong and becomes the program that they are for.
LAUNCHER = """
import fcntl, os, sys
count = int(sys.argv[1])
program = sys.argv[2 + count:]
given = [int(fd) for fd in sys.argv[2:2 + count]]
aside = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 100) for fd in given]
for fd in given:
    os.close(fd)
for at, fd in enumerate(aside):
    os.dup2(fd, 3 + at)
os.environ["LISTEN_PID"] = str(os.getpid())
os.environ.setdefault("LISTEN_FDS", str(count))
os.environ["LISTEN_FDNAMES"] = ":".join(["some.socket"] * count)
os.execvp(program[0], program)
"""


def giving(*socks):
    """Options for who starts a process that is to inherit them; they stay open here, as they do in
    a service manager."""
    fds = [sock.fileno() for sock in socks]
    return {"prefix": [sys.executable, "-c", LAUNCHER, *map(str, [len(fds), *fds])],
            "pass_fds": fds}


@pytest.fixture
def listener(started):
    """listener(HOST): a listener at a free port."""

    def listen(host="127.0.0.1", port=0, **options):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return started(socket.create_server, (host, port), family=family, **options)

    return listen


def port_of(sock):
    return sock.getsockname()[1]


@pytest.mark.parametrize("engine", SERVER_ENGINES)
def test_who_came_before_the_server_and_after_it_is_served(server, poem, listener, engine):
    sock = listener()
    args = "-d0", "--engine", engine, "-p", port_of(sock), poem(POEM)
    with connect(port_of(sock)) as early:
        running = server(*args, **giving(sock))
        assert running.listening == [("127.0.0.1", str(port_of(sock)), "poem", "poem.txt")]
        assert read_to_end(early) == POEM
    assert read_poem(port_of(sock)) == POEM
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1, "as ours have"
    assert running.stop() == 0
    with connect(port_of(sock)) as late:  # waits for the next server
        server(*args, **giving(sock))
        assert read_to_end(late) == POEM


def test_some_ports_are_inherited_and_others_bound(server, poem, listener):
    socks = [listener(), listener()]
    first, second = map(port_of, socks)
    path = poem(POEM)
    running = server("-d0", "-s", f"{second}=echo", "-s", f"0=poem:{path}",
                     "-s", f"{first}=poem:{path}", listeners=3, **giving(*socks))
    assert running.ports[::2] == [second, first]
    assert [read_poem(port) for port in running.ports[1:]] == [POEM, POEM]
    path.write_bytes(b"new\n")
    running.send(signal.SIGHUP)
    running.err.wait_for("read poems and configuration again")
    assert [read_poem(port) for port in running.ports[1:]] == [b"new\n", b"new\n"]


@pytest.mark.parametrize("host", ["::", "0.0.0.0"])
def test_a_wildcard_of_both_families_is_that_of_either(server, poem, listener, host):
    sock = listener("::", dualstack_ipv6=True)
    running = server("-d0", "-H", host, "-p", port_of(sock), poem(POEM), **giving(sock))
    assert running.listening[0][0] == "[::]"
    assert [read_poem(running.port, at) for at in ("127.0.0.1", "::1")] == [POEM, POEM]


@pytest.mark.parametrize("at", ["127.0.0.1", "::1"])
def test_a_name_takes_the_listener_at_one_of_its_addresses(server, poem, listener, at):
    names = {entry[4][0] for entry in socket.getaddrinfo("localhost", 0)}
    if at not in names:
        pytest.skip(f"localhost is not {at} here")
    sock = listener(at)
    server("-d0", "-H", "localhost", "-p", port_of(sock), poem(POEM), **giving(sock))
    assert read_poem(port_of(sock), at) == POEM


def test_a_port_below_1024_without_privileges(server, listener, unprivileged):
    prefix, directory = unprivileged
    if not prefix:
        pytest.skip("takes root, to bind the port")
    for port in range(1023, 600, -1):
        with contextlib.suppress(OSError):
            sock = listener(port=port)
            break
    given = giving(sock)
    given["prefix"] = [*given["prefix"], *prefix]
    (directory / "poem.txt").write_bytes(POEM)
    server("-d0", "-p", port, directory / "poem.txt", **given)
    assert read_poem(port) == POEM


def not_listening():
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    return sock


def of_unix():
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(f"\0slow-poetry-{os.getpid()}")
    sock.listen()
    return sock


def refused(said, *args, **options):
    """Both say so and what helps, the server on standard error and --check as a finding."""
    ran = run("poetry-server", *args, **options)
    assert (ran.status, ran.out) == (1, b"") and "listening" not in ran.err
    remedy = "      let the service manager's sockets and these options agree\n"
    assert ran.err == f"poetry-server: {said}\n{remedy}"
    checked = run("poetry-server", "--check", *args, **options)
    assert checked.status == 1 and f"FAIL  {said}\n{remedy}" in checked.out.decode()
    assert "1 thing would fail" in checked.out.decode()


@pytest.mark.parametrize("make", [not_listening, of_unix, lambda: socket.socket(type=2)])
def test_what_is_no_tcp_listener_is_refused(started, make):
    sock = started(make)
    refused("inherited descriptor 3 is no TCP listener (LISTEN_FDS=1)", "-p", "0", **giving(sock))


def test_a_descriptor_that_is_not_there_is_refused(listener):
    environment = dict(os.environ, LISTEN_FDS="2000000000")
    sock = listener()
    refused("inherited descriptor 4 is no TCP listener (LISTEN_FDS=2000000000)",
            "-p", port_of(sock), env=environment, **giving(sock))


@pytest.mark.parametrize("count", ["", "-1", "two", "99999999999"])
def test_a_count_that_is_none_is_refused(listener, count):
    result = run("poetry-server", "-p", "0", env=dict(os.environ, LISTEN_FDS=count),
                 **giving(listener()))
    assert result.status == 2 and "poetry-server: LISTEN_FDS" in result.err


@pytest.mark.parametrize("bound, host", [("127.0.0.1", "127.0.0.2"), ("::1", "::"),
                                         ("::", "127.0.0.1"), ("::", "0.0.0.0")])
def test_a_listener_at_no_port_is_refused(poem, listener, bound, host):
    sock = listener(bound)  # of IPv6 alone
    shown = f"[{bound}]" if ":" in bound else bound
    refused(f"nothing is to be served at the inherited listener {shown}:{port_of(sock)}",
            "-H", host, "-p", port_of(sock), poem(POEM), **giving(sock))


@pytest.mark.parametrize("fault", ["refuse", "blackhole"])
def test_a_fault_before_accept_is_refused(poem, listener, fault):
    sock = listener()
    refused("refuse and blackhole come too late for the inherited listener "
            f"127.0.0.1:{port_of(sock)}", "-p", port_of(sock), "--fault", fault, poem(POEM),
            **giving(sock))


def test_several_workers_are_refused(poem, listener):
    sock = listener()
    refused(f"several workers cannot share the inherited listener 127.0.0.1:{port_of(sock)}",
            "-p", port_of(sock), "--workers", "2", poem(POEM), **giving(sock))


def test_check_does_not_try_to_bind_what_is_inherited(poem, listener):
    sock = listener()
    result = run("poetry-server", "--check", "-p", port_of(sock), poem(POEM), **giving(sock))
    assert result.status == 0
    assert f"ok    inherit 127.0.0.1:{port_of(sock)}\n" in result.out.decode()


def test_what_is_meant_for_another_process_is_left_alone(server, poem, listener):
    sock = listener()
    environment = dict(os.environ, LISTEN_PID="1", LISTEN_FDS="1")
    assert read_poem(server("-d0", poem(POEM), env=environment, pass_fds=[sock.fileno()]).port)


def test_a_command_inherits_neither_listeners_nor_variables(poem, listener, tmp_path):
    sock = listener()
    told = tmp_path / "told"
    command = f"(env; readlink /proc/$$/fd/*) > {told}"
    result = run("poetry-server", "-p", port_of(sock), "--run", command, poem(POEM),
                 **giving(sock))
    assert result.status == 0
    assert "POETRY_PORTS=" in told.read_text()
    assert "LISTEN_" not in told.read_text() and "socket:" not in told.read_text()


@pytest.mark.parametrize("command, given", [("serve", ["--listen", "--control"]),
                                            ("web", ["--listen"]), ("worker", ["--control"])])
def test_poetry_sync_takes_those_of_its_page_and_control_port(started, listener, tmp_path, command,
                                                              given):
    socks = [listener() for _ in given]
    places = [word for option, sock in zip(given, socks) for word in (option, port_of(sock))]
    database = f"sqlite:{tmp_path}/library.db"
    running = started(Running, "poetry-sync", command, "--database", database, *places,
                      **giving(*reversed(socks)))
    listening = running.out.wait_for("^listening ", len(socks))
    for option, sock, line in zip(given, socks, listening):
        what = {"--listen": "page", "--control": "control"}[option]
        assert line == f"listening 127.0.0.1:{port_of(sock)} {what}"
        if what == "page":
            assert ask(port_of(sock), "GET", "/healthz").status == 200
        else:
            with connect(port_of(sock)) as client:
                client.sendall(b"status\n")
                assert read_line(client).startswith(b"ok ")


def test_poetry_sync_refuses_one_that_it_does_not_want(listener, tmp_path):
    sock = listener()
    result = run("poetry-sync", "web", "--database", f"sqlite:{tmp_path}/library.db", "--listen",
                 "0", **giving(sock))
    assert (result.status, result.out) == (1, b"")
    assert result.err == ("poetry-sync: nothing is to be served at the inherited listener "
                          f"127.0.0.1:{port_of(sock)}\n")


needs_activator = pytest.mark.skipif(not shutil.which("systemd-socket-activate"),
                                     reason="systemd-socket-activate is not installed")


@needs_activator
@pytest.mark.parametrize("engine", SERVER_ENGINES)
def test_systemd_starts_a_server_for_its_first_client(started, poem, engine):
    port = free_ports()
    running = started(Running, "poetry-server", "-d0", "--engine", engine, "-p", port, poem(POEM),
                      prefix=["systemd-socket-activate", "-l", f"127.0.0.1:{port}"])
    running.err.wait_for("Listening on")
    assert [read_poem(port) for _ in range(3)] == [POEM] * 3
    running.out.wait_for(f"^listening 127.0.0.1:{port} poem poem.txt$")
    assert running.stop() == 0


@needs_activator
def test_systemd_starts_poetry_sync_for_its_first_page(started, tmp_path):
    port = free_ports()
    running = started(Running, "poetry-sync", "web", "--database", f"sqlite:{tmp_path}/library.db",
                      "--listen", port,
                      prefix=["systemd-socket-activate", "-l", f"127.0.0.1:{port}"])
    running.err.wait_for("Listening on")
    assert ask(port, "GET", "/healthz").status == 200
    assert running.stop() == 0
