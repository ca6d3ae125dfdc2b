"""What poetry-get does where descriptors, threads and memory are scarce: wait, and not fail."""

import os
import re
import resource

import pytest

from harness import ENGINES, SANITIZED, as_user, run

POEM = b"one\ntwo\nthree\n"
UNUSED_USER = 61234
engines = pytest.mark.parametrize("engine", ENGINES)


def limited(*limits):
    def limit():
        for kind, most in limits:
            resource.setrlimit(kind, (most, most))
    return limit


@pytest.fixture
def busy(peer):
    """A server whose clients have to stay for a moment."""
    def handle(sock, number, done):
        done.wait(0.05)
        sock.sendall(POEM)

    return peer(handle)


@pytest.mark.parametrize("engine", ["select", "all"])
def test_more_parallel_tasks_than_descriptors_are_lowered_with_one_warning(busy, engine):
    result = run("poetry-get", "-q", "-e", engine, "-j", "500", "-n", "70", busy.port,
                 preexec_fn=limited((resource.RLIMIT_NOFILE, 100)))
    assert (result.status, result.out) == (0, POEM * 70)
    warning, = re.findall(r".*tasks at once.*", result.err)
    assert "50 tasks at once: 100 open files (ulimit -n) allow no more" in warning
    assert busy.most_held <= 100


def test_parallelism_is_lowered_with_one_warning_also_where_no_number_was_given(busy):
    result = run("poetry-get", "-q", "-n", "70", busy.port,
                 preexec_fn=limited((resource.RLIMIT_NOFILE, 64)))
    assert (result.status, result.out) == (0, POEM * 70)
    warning, = re.findall(r".*tasks at once.*", result.err)
    assert "32 tasks at once: 64 open files (ulimit -n) allow no more" in warning


def test_one_after_another_no_parallelism_is_lowered(busy):
    result = run("poetry-get", "-q", "-e", "sequential", "-n", "70", "--print", "none", busy.port,
                 preexec_fn=limited((resource.RLIMIT_NOFILE, 64)))
    assert result.status == 0 and "at once" not in result.err


@engines
def test_a_task_without_a_descriptor_waits_for_another_to_end(busy, engine):
    held = [os.open("/dev/null", os.O_RDONLY) for _ in range(34)]
    try:
        result = run("poetry-get", "-e", engine, "-n", "70", busy.port, pass_fds=held,
                     preexec_fn=limited((resource.RLIMIT_NOFILE, 64)))
    finally:
        for fd in held:
            os.close(fd)
    assert (result.status, result.out) == (0, POEM * 70), result.err
    assert busy.most_held < 64 - len(held)


@pytest.mark.skipif(os.getuid() != 0, reason="needs to be another user")
def test_a_task_without_a_thread_waits_for_another_to_end(busy):
    result = run("poetry-get", "-e", "threads", "-n", "70", busy.port,
                 prefix=as_user(UNUSED_USER, 20))
    assert (result.status, result.out) == (0, POEM * 70), result.err
    assert busy.most_held < 20


@pytest.mark.skipif(SANITIZED, reason="measures memory")
@engines
def test_a_flood_is_received_in_bounded_memory(fetch, peer, engine):
    def flood(sock, number, done):
        piece = b"x" * (1 << 20)
        while not done.is_set():
            sock.sendall(piece)

    result = fetch("-e", engine, "-q", "--max-bytes", "16MiB", "--print", "none", "-n", "4",
                   peer(flood).port)
    assert {task["outcome"] for task in result.report["tasks"]} == {"limit"}
    assert result.report["bytes"] == 64 << 20
    assert result.report["max_rss_kib"] << 10 < 16 << 20
