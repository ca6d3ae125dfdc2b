"""Where output goes, and what happens when it cannot."""

import contextlib
import os
import pty
import signal
import subprocess

import pytest

from harness import (ENGINES, SANITIZED, WAIT, Lines, measured, peak_kib, replying, run, silent,
                     tool, trickling)

POEM = b"one\ntwo\nthree\n"
QUIET_ENDS = (0, 1, -signal.SIGPIPE)


@pytest.fixture
def full():
    with open("/dev/full", "wb") as file:
        yield file


@pytest.mark.parametrize("args", [
    ["poetry-server", "--help"], ["poetry-server", "-p0"], ["poetry-server", "--print-config"],
    ["poetry-get", "--help"], ["poetry-get", "--print-config", "1"]], ids=" ".join)
def test_a_full_disk_is_an_error(full, args):
    result = run(*args, stdout=full)
    assert result.status == 1
    assert "No space left on device" in result.err.splitlines()[0]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("printing", ["ordered", "live"])
def test_a_poem_onto_a_full_disk_is_an_error(full, server, poem, engine, printing):
    result = run("poetry-get", "-e", engine, "--print", printing,
                 server("-d0", poem(POEM)).port, stdout=full)
    assert result.status == 1 and "No space left on device" in result.err


@pytest.mark.parametrize("option", ["-o", "--report-file"])
def test_a_file_onto_a_full_disk_is_an_error(server, poem, option):
    result = run("poetry-get", option, "/dev/full", server("-d0", poem(POEM)).port)
    assert result.status == 1
    assert "/dev/full" in result.err and "No space left on device" in result.err


def ends_with_its_reader(process, read):
    with process:
        assert process.stdout.read(read)
        process.stdout.close()
        try:
            return process.wait(WAIT), process.stderr.read().decode()
        finally:
            if process.poll() is None:
                process.kill()


@pytest.mark.parametrize("engine", [*ENGINES, "sequential,select"])
@pytest.mark.parametrize("printing", ["ordered", "live"])
def test_a_closed_pipe_ends_a_fetch_quietly(peer, engine, printing):
    process = subprocess.Popen(
        [tool("poetry-get"), "-q", "--report", "none", "-e", engine, "--print", printing,
         str(peer(trickling).port)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    status, err = ends_with_its_reader(process, 1)
    assert status in QUIET_ENDS and err == ""


@pytest.mark.parametrize("args", [["poetry-server", "--help"], ["poetry-server", "-p0"],
                                  ["poetry-get", "--help"]], ids=" ".join)
def test_a_closed_pipe_ends_the_tool_quietly(args):
    reading, writing = os.pipe()
    os.close(reading)
    result = run(*args, stdout=writing)
    os.close(writing)
    assert result.status in QUIET_ENDS and "rror" not in result.err and "ipe" not in result.err


def test_output_goes_to_a_file(server, poem, tmp_path):
    out = tmp_path / "poems"
    result = run("poetry-get", "--output", out, "-n", "2", server("-d0", poem(POEM)).port)
    assert (result.status, result.out, out.read_bytes()) == (0, b"", POEM * 2)


def test_output_goes_to_a_file_a_task(server, poem, tmp_path):
    out = tmp_path / "poems"
    port = server("-d0", poem(POEM)).port
    result = run("poetry-get", "--output-dir", out, "-n", "2", port)
    assert (result.status, result.out) == (0, b"")
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {
        f"{task}-127.0.0.1-{port}.txt": POEM for task in ("001", "002")}


def test_a_partial_file_keeps_its_suffix(peer, tmp_path):
    port = peer(trickling).port
    run("poetry-get", "-O", tmp_path / "poems", "--max-bytes", "15", port)
    path, = (tmp_path / "poems").iterdir()
    assert (path.name, path.read_bytes()) == (
        f"001-127.0.0.1-{port}.txt.part", b"and so on\nand s")


def test_a_poem_that_waits_its_turn_is_spooled(server, poem):
    slow = server("-d", "500ms", poem(b"slow\n", "slow.txt")).port
    big = b"fast\n" * 800_000
    result = run("poetry-get", slow, server("-d0", poem(big)).port)
    assert result.status == 0 and result.out == b"slow\n" + big


FEW_DESCRIPTORS = ["sh", "-c", "ulimit -n 64 && exec \"$0\" \"$@\""]


@pytest.mark.parametrize("engine", ENGINES)
def test_files_are_not_held_open(server, poem, tmp_path, engine):
    port, out = server("-d0", "--log-level", "warn", poem(POEM)).port, tmp_path / "out"
    result = run("poetry-get", "-q", "-e", engine, "-O", out, "-n", "300", "-j", "30", port,
                 prefix=FEW_DESCRIPTORS)
    assert result.status == 0, result.err
    assert {path.read_bytes() for path in out.iterdir()} == {POEM}
    assert len(list(out.iterdir())) == 300


def held_back(peer, tmp_path, big, tasks):
    """A server whose poem ends last, and the port of another with bigger ones."""
    def last(sock, number, done):
        count = 0
        while count < tasks and not done.wait(0.01):
            count = sum(1 for line in (tmp_path / "err").read_text().splitlines()
                        if line.startswith("Task ") and ("finished" in line or "failed" in line))
        replying(b"last\n")(sock, number, done)

    return peer(last).port, peer(replying(big)).port


def run_with_events(tmp_path, *args, **options):
    """poetry-get with its events in a file, for a server that waits for them."""
    with open(tmp_path / "err", "wb") as err:
        with subprocess.Popen([*options.pop("prefix", ()), tool("poetry-get"), *map(str, args)],
                              stdout=subprocess.PIPE, stderr=err, **options) as process:
            try:
                out, _ = process.communicate(timeout=WAIT)
            finally:
                if process.poll() is None:
                    process.kill()
    return process.returncode, out


def test_poems_that_wait_their_turn_take_little_memory_and_one_descriptor(peer, tmp_path):
    big, tasks = b"x" * 1_500_000, 40
    (tmp_path / "err").touch()
    first, others = held_back(peer, tmp_path, big, tasks)
    status, out = run_with_events(tmp_path, "-v", first, *[others] * tasks,
                                  prefix=[*measured(tmp_path), *FEW_DESCRIPTORS])
    assert (status, out) == (0, b"last\n" + big * tasks)
    assert SANITIZED or peak_kib(tmp_path) < 64 * 1024


def test_no_room_for_what_waits_is_a_failure_of_the_task_alone(peer, tmp_path):
    (tmp_path / "err").touch()
    first, others = held_back(peer, tmp_path, b"x" * 3_000_000, 2)
    status, out = run_with_events(tmp_path, first, others, others,
                                  env=dict(os.environ, TMPDIR=str(tmp_path / "missing")))
    err = (tmp_path / "err").read_text()
    for task in (2, 3):
        assert (f"Not fetched, output: task {task}, 127.0.0.1:{others}: make a temporary file in "
                f"{tmp_path}/missing: No such file or directory") in err
    assert status == 1 and out.startswith(b"last\nxxx") and len(out) < 6_000_000


@pytest.mark.parametrize("engine", ENGINES)
def test_an_interrupt_prints_what_there_is(getting, server, peer, poem, tmp_path, engine):
    whole, out = server("-d0", poem(POEM)).port, tmp_path / "out"
    running = getting("-e", engine, "-o", out, whole, peer(trickling).port, whole)
    running.err.wait_for("Task 2: got", 2)
    if engine != "sequential":
        running.err.wait_for("Task 3 finished")
    assert running.stop(signal.SIGINT) == 130
    text = out.read_bytes()
    assert text.startswith(POEM + b"and so on\nand so on\n")
    assert text.endswith(b"and so on\n" if engine == "sequential" else b"and so on\n" + POEM)


@pytest.mark.parametrize("spelling", ["same", "roundabout", "symbolic link", "hard link"])
def test_poems_and_report_do_not_go_to_one_file(peer, tmp_path, spelling):
    untouched, out, other = peer(replying(POEM)), tmp_path / "out", tmp_path / "other"
    if spelling == "same":
        other = out
    elif spelling == "roundabout":
        other = f"{tmp_path}/../{tmp_path.name}/./out"
    else:
        out.write_text("kept\n")
        other.symlink_to(out) if spelling == "symbolic link" else other.hardlink_to(out)
    result = run("poetry-get", "-o", out, "--report-file", other, untouched.port)
    assert (result.status, untouched.accepted) == (2, 0)
    assert str(other) in result.err.splitlines()[0]
    assert not out.exists() or out.read_text() == "kept\n"


def test_poems_and_report_may_both_go_nowhere(server, poem):
    port = server("-d0", poem(POEM)).port
    assert run("poetry-get", "-o", "/dev/null", "--report-file", "/dev/null", port).status == 0


@pytest.mark.parametrize("form", ["text", "json", "csv"])
def test_a_report_onto_a_full_disk_is_an_error(server, poem, form):
    result = run("poetry-get", "-n", "3000", "-q", "--print", "none", "--report", form,
                 "--report-file", "/dev/full", server("-d0", "--log-level", "warn", poem(POEM)).port)
    assert result.status == 1
    assert result.err == "poetry-get: write to /dev/full: No space left on device\n"


def closing(*fds):
    """For preexec_fn: the tool begins without these descriptors."""
    def close():
        for fd in fds:
            os.close(fd)
    return close


@pytest.mark.parametrize("engine", ENGINES)
def test_a_poem_without_standard_output_is_an_error(server, poem, tmp_path, engine):
    """And the report's file holds the report alone."""
    report = tmp_path / "report"
    result = run("poetry-get", "-q", "-e", engine, "--report", "json", "--report-file", report,
                 server("-d0", poem(POEM)).port, preexec_fn=closing(1))
    assert result.status == 1 and "write to standard output: Bad file descriptor" in result.err
    assert not report.read_bytes() or report.read_bytes().startswith(b"{")


@pytest.mark.parametrize("closed", [(0,), (2,), (0, 2), (0, 1, 2)], ids=str)
def test_no_file_takes_the_place_of_a_closed_stream(server, poem, tmp_path, closed):
    out, report = tmp_path / "out", tmp_path / "report"
    status = run("poetry-get", "-o", out, "--report", "json", "--report-file", report,
                 server("-d0", poem(POEM)).port, preexec_fn=closing(*closed)).status
    assert (status, out.read_bytes()) == (0, POEM)
    assert report.read_bytes().startswith(b"{")


@pytest.mark.parametrize("tool_args", [
    ["poetry-server", "--print-config"], ["poetry-get", "--print-config"]], ids=" ".join)
def test_every_tool_fails_without_standard_output(tool_args):
    result = run(*tool_args, preexec_fn=closing(0, 1))
    assert result.status == 1 and "write to standard output: Bad file descriptor" in result.err


def on_terminal(*args):
    """What poetry-get prints where standard output is a terminal."""
    ours, terminals = pty.openpty()
    result = run("poetry-get", "-q", "--report", "none", *args, stdout=terminals)
    os.close(terminals)
    shown = b""
    with contextlib.suppress(OSError):  # at the end
        while piece := os.read(ours, 4096):
            shown += piece
    os.close(ours)
    assert result.status == 0
    return shown.replace(b"\r\n", b"\n")


def test_a_terminal_is_not_commanded_by_a_poem_unless_it_is_to_be(server, poem, tmp_path):
    text = "caf\u00e9\t\x1b[2J\x07\u202e\u009b\n".encode() + b"\xff\n"
    port = server("-d0", "--chunk", "1", poem(text)).port
    assert on_terminal(port).decode() == "caf\u00e9\t\ufffd[2J" + "\ufffd" * 3 + "\n\ufffd\n"
    assert on_terminal("--raw", port) == text
    assert run("poetry-get", "-q", port).out == text


@pytest.fixture
def unread():
    """A pipe that nobody reads, though it stays open."""
    reading, writing = os.pipe()
    yield writing
    os.close(reading)
    os.close(writing)


@pytest.fixture
def silent_peer(peer):
    return peer(silent).port


def flooding(sock, number, done):
    while not done.is_set():
        sock.sendall(b"x" * 999 + b"\n")


@contextlib.contextmanager
def held_up(unread, *args, prefix=(), stderr=subprocess.PIPE):
    """poetry-get, whose poems nobody reads."""
    process = subprocess.Popen([*prefix, tool("poetry-get"), *map(str, args)],
                               stdout=unread, stderr=stderr, start_new_session=True)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # also what the prefix has started
        process.wait()
        if process.stderr:
            process.stderr.close()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("printing", ["ordered", "live"])
def test_a_reader_that_has_stopped_holds_up_no_deadline(
        unread, peer, silent_peer, tmp_path, engine, printing):
    """Neither that of the task that waits for it, nor those of others; and memory is bounded."""
    with held_up(unread, "-e", engine, "--print", printing, "--timeout", "1s", "--report", "none",
                 peer(flooding).port, *([] if engine == "sequential" else [silent_peer]),
                 prefix=measured(tmp_path)) as process:
        told = Lines(process.stderr)
        expected = 1 if engine == "sequential" else 2
        told.wait_for(r"^Task \d failed: .*: timed out after 1s", expected)
        with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="ascii") as listed:
            os.kill(int(listed.read()), signal.SIGTERM)  # what is left waits for the reader
        # By the signal, unless it comes before the strategy has ended.
        assert process.wait(WAIT) in (128 + signal.SIGTERM, 130)
        told.thread.join(WAIT)
    assert SANITIZED or peak_kib(tmp_path) < 40 << 10


@pytest.mark.parametrize("engine", [*ENGINES, "select,epoll"])
def test_a_signal_ends_a_fetch_whose_reader_has_stopped(unread, peer, tmp_path, engine):
    """And the report is written all the same."""
    report = tmp_path / "report"
    with held_up(unread, "-e", engine, "--report", "csv", "--report-file", report,
                 peer(flooding).port) as process:
        told = Lines(process.stderr)
        told.wait_for("^Task 1: got")
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT) == 130
        assert "The rest of the poems is lost, as nobody read it" in told.text()
    assert ",interrupted," in report.read_text()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_reader_of_events_that_has_stopped_holds_up_no_deadline(unread, peer, tmp_path, engine):
    """Standard error is the same pipe, as with 2>&1."""
    report = tmp_path / "report"
    with held_up(unread, "-v", "-e", engine, "--timeout", "1s", "--report", "csv",
                 "--report-file", report, peer(flooding).port, stderr=subprocess.STDOUT) as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(4)
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT) == -signal.SIGTERM  # 130 were the task's end by it


@pytest.mark.parametrize("engine", ENGINES)
def test_poems_and_events_in_one_pipe_stand_as_they_came(peer, engine):
    def hesitating(sock, _number, done):
        for line in [b"one\n", b"two\n"]:
            sock.sendall(line)
            done.wait(0.3)

    result = run("poetry-get", "-v", "-e", engine, "--report", "none", peer(hesitating).port,
                 prefix=("/bin/sh", "-c", 'exec "$0" "$@" 2>&1'))
    lines = [line.split(" from ")[0] for line in result.out.decode().splitlines()]
    assert lines == ["Task 1: got 4 bytes of poetry", "one", "Task 1: got 4 bytes of poetry", "two",
                     "Task 1 finished"]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_reader_that_goes_on_gets_everything(server, poem, peer, engine):
    text = b"".join(b"%d\n" % number for number in range(400_000))
    process = subprocess.Popen(
        [tool("poetry-get"), "-q", "-e", engine, "--idle-timeout", "500ms",
         str(server("-d0", "--chunk", "64KiB", poem(text)).port)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)  # longer than the server may be silent: it is not heard
        assert process.stdout.read() == text
        assert process.wait(WAIT) == 0
