"""Which system calls the tools make, seen from outside."""

import re

import pytest

from harness import SANITIZED, can_trace, run

pytestmark = [
    pytest.mark.skipif(SANITIZED, reason="a sanitizer makes system calls of its own"),
    pytest.mark.skipif(not can_trace(), reason="strace is missing or not permitted")]


@pytest.fixture
def trace(server, poem, tmp_path):
    """trace(ENGINE, CALLS): the calls of a fetch from three servers, (name, arguments, result)."""

    def call(engine, calls):
        ports = server("-d", "30ms", poem(b"one\ntwo\n"), poem(b"x\n", "b"), poem(b"y\n", "c"),
                       listeners=3).ports
        log = tmp_path / "trace"
        result = run("poetry-get", "-e", engine, "-q", *ports,
                     prefix=["strace", "-f", "-qq", "-e", f"trace={calls}", "-o", log])
        assert result.out == b"one\ntwo\nx\ny\n"
        return re.findall(r"^(?:\d+ +)?(\w+)\((.*)\) += (-?\d+)", log.read_text(), re.M)

    return call


def sockets_open(calls):
    """How many TCP sockets are open after each call that opens or closes one."""
    is_open, counts = set(), []
    for name, arguments, result in calls:
        if name == "socket" and re.match("AF_INET6?, SOCK_STREAM", arguments):
            is_open.add(result)
            counts.append(len(is_open))
        elif name == "close" and arguments in is_open:
            is_open.remove(arguments)
            counts.append(len(is_open))
    return counts


def test_select_waits_in_select_alone(trace):
    names = [name for name, _, _ in trace(
        "select", "select,pselect6,poll,ppoll,epoll_wait,epoll_pwait,epoll_pwait2")]
    assert len([name for name in names if name in ("select", "pselect6")]) >= 2
    assert not set(names) - {"select", "pselect6"}


def test_select_has_all_sockets_open_at_once(trace):
    assert max(sockets_open(trace("select", "socket,close"))) == 3


def test_sequential_never_has_two_sockets_open(trace):
    assert sockets_open(trace("sequential", "socket,close")) == [1, 0] * 3


def test_sequential_sockets_block(trace):
    calls = trace("sequential", "socket,connect,recvfrom,read,fcntl,ioctl")
    sockets = [arguments for name, arguments, _ in calls
               if name == "socket" and "SOCK_STREAM" in arguments and "AF_INET" in arguments]
    assert len(sockets) == 3 and not [each for each in sockets if "SOCK_NONBLOCK" in each]


WAITS = {"select", "pselect6", "poll", "ppoll", "epoll_wait", "epoll_pwait", "epoll_pwait2",
         "nanosleep", "clock_nanosleep", "connect", "recvfrom", "sendto", "accept4"}


def test_sequential_waits_in_the_calls_of_its_socket_alone(trace, tmp_path):
    trace("sequential", ",".join({*WAITS, "close"}))
    by_thread = {}
    for thread, name, _ in re.findall(r"^(\d+) +(\w+)\((.*)", (tmp_path / "trace").read_text(), re.M):
        by_thread.setdefault(thread, []).append(name)
    own = next(names for names in by_thread.values() if "connect" in names)
    own = own[own.index("connect"):len(own) - own[::-1].index("recvfrom")]
    # Where lines come together, one call takes them.
    assert re.fullmatch("(connect (recvfrom ){2,3}(close )?){3}", " ".join([*own, ""])), own


def test_spin_waits_in_no_call(trace):
    calls = trace("spin", ",".join(WAITS - {"connect", "accept4"}))
    assert {name for name, _, _ in calls} <= {"recvfrom"}
    assert len(calls) > 100


def test_the_backlog_reaches_listen_and_descriptors_close_on_exec(server, poem, tmp_path):
    log = tmp_path / "trace"
    result = run("poetry-server", "--backlog", "17", "-p0", "--run", "true", poem(b"x\n"),
                 prefix=["strace", "-f", "-qq", "-o", log, "-e",
                         "trace=listen,socket,accept4,openat,memfd_create,epoll_create1,eventfd2"])
    assert result.status == 0
    calls = log.read_text()
    assert re.search(r"listen\(\d+, 17\)", calls)
    sockets = re.findall(r"socket\(AF_INET.*", calls)
    assert sockets and all("SOCK_CLOEXEC" in call for call in sockets)
