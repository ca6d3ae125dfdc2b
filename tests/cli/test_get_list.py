"""Lists of servers: long ones in bounded memory, bad ones told before anything is fetched."""

import hashlib
import signal
import subprocess
import time

import pytest

from harness import SANITIZED, WAIT, measured, peak_kib, refused_port, replying, run, tool

POEM = b"one line\n"
MANY = 3000 if SANITIZED else 100_000


def get(tmp_path, *args, **options):
    """poetry-get, and the most memory that it took in KiB."""
    result = run("poetry-get", *args, prefix=measured(tmp_path), timeout=10 * WAIT, **options)
    return result, peak_kib(tmp_path)


def test_a_hundred_thousand_servers_take_little_memory(server, poem, tmp_path):
    port = server("-d0", "--log-level", "error", poem(POEM)).port
    path = tmp_path / "report"
    with refused_port() as refused:
        result, peak = get(
            tmp_path, "--quiet", "--from", "-", "--parallel", "1000", "--print", "none",
            "--connect-timeout", "0", "--report", "json", "--report-file", path,
            stdin=b"%d\n%d\n" % (port, refused) * (MANY // 2))
    assert result.status == 1, result.err
    text = path.read_bytes()
    assert text.count(hashlib.sha256(POEM).hexdigest().encode()) == MANY // 2
    assert text.count(b"connect: Connection refused") == MANY // 2
    assert SANITIZED or peak < 64 * 1024


@pytest.mark.parametrize("listed", [
    b"%d\n%d\n", b"%d\n%d", b"%d\r\n%d\r\n", b"\n  \t%d  # one\n#\n\t\r\n%d#two", b"#%%\n%d\n%d\n\n\n",
    b"\xef\xbb\xbf%d\n%d\n"],
    ids=["plain", "no final newline", "CRLF", "blanks and comments", "empty lines", "byte order mark"])
def test_a_list_has_a_server_a_line(server, poem, listed):
    one, two = server("-d0", poem(b"1\n"), poem(b"2\n", "b"), listeners=2).ports
    assert run("poetry-get", "-qf", "-", stdin=listed % (one, two)).out == b"1\n2\n"


def test_duplicates_are_tasks_of_their_own(server, poem):
    port = server("-d0", poem(POEM)).port
    assert run("poetry-get", "-f", "-", "-n2", port, stdin=b"%d\n" % port * 2).out == POEM * 6


BAD = {
    "rubbish": (b"!\x1b[2J?\xff %s\n" * 100_000, 1),
    "a bad line after good ones": (b"# mine\n1\n\n2\nlocalhost:door\n3\nlocalhost:window\n", 5),
    "NUL": (b"1\n127.0.0.1\0:2\n", 2),
    "only NUL": (b"1\n\0", 2),
    "two servers in a line": (b"1 2\n", 1),
    "a long line": (b"1\n" + b"1" * 20_000, 2),
    "a long name": (b"h" * 300 + b":1\n", 1),
    "port 0": (b"1\n\n0\n", 3),
    "no port": (b"localhost\n", 1),
}


@pytest.mark.parametrize("listed, number", BAD.values(), ids=BAD)
def test_the_first_bad_line_is_named_before_any_work(peer, tmp_path, listed, number):
    untouched = peer(replying(b"x\n"))
    path = tmp_path / "servers"
    path.write_bytes(listed)
    for source, name, stdin in ((path, path, b""), ("-", "standard input", listed)):
        result = run("poetry-get", untouched.port, "--from", source, stdin=stdin)
        assert (result.status, result.out, untouched.accepted) == (2, b"", 0)
        wrong, hint = result.err.splitlines()
        assert wrong.startswith(f"poetry-get: {name}:{number}: ") and len(wrong) < 400
        assert wrong.isprintable() and wrong.isascii()
        assert hint == "Try 'poetry-get --help'."


def test_a_line_without_end_is_not_held(tmp_path):
    path = tmp_path / "servers"
    with open(path, "wb") as file:
        file.write(b"1\n")
        file.truncate(1 << 30)
    result, peak = get(tmp_path, "--from", path)
    assert result.status == 2 and f"{path}:2: " in result.err
    assert SANITIZED or peak < 32 * 1024


def test_a_comment_without_end_is_not_held(server, poem, tmp_path):
    path = tmp_path / "servers"
    with open(path, "wb") as file:
        file.write(b"#")
        file.truncate(1 << 28)
    with open(path, "ab") as file:
        file.write(b"\n%d\n" % server("-d0", poem(POEM)).port)
    result, peak = get(tmp_path, "--from", path)
    assert (result.status, result.out) == (0, POEM)
    assert SANITIZED or peak < 32 * 1024


def test_a_list_without_end_is_refused(tmp_path):
    script = "yes 127.0.0.1:1 | \"$0\" \"$@\""
    result = run("poetry-get", "--from", "-", prefix=["sh", "-c", script])
    assert result.status == 2
    assert "standard input:1000001: more than 1000000 servers" in result.err


def test_too_many_tasks_are_refused():
    result = run("poetry-get", "-n", "600000", "1", "2")
    assert result.status == 2 and "--repeat 600000" in result.err


@pytest.mark.parametrize("args, stdin", [(["-f", "-"], b""), (["-f", "-"], b"# none\n\n")])
def test_an_empty_list_is_a_usage_error(args, stdin):
    result = run("poetry-get", *args, stdin=stdin)
    assert (result.status, result.out) == (2, b"")
    assert result.err.startswith("poetry-get: no server given: ")


def test_standard_input_is_one_list():
    result = run("poetry-get", "-f", "-", "-f", "-", stdin=b"1\n")
    assert result.status == 2 and "--from -" in result.err


@pytest.mark.parametrize("kind", ["directory", "missing"])
def test_a_list_that_cannot_be_read(tmp_path, kind):
    path = tmp_path if kind == "directory" else tmp_path / "none"
    result = run("poetry-get", "--from", path)
    assert (result.status, result.out) == (1, b"")
    line, = result.err.splitlines()
    assert line.startswith(f"poetry-get: read {path}: ")


def test_more_to_send_than_can_be_held_is_refused(peer):
    untouched = peer(replying(b"x\n"))
    result = run("poetry-get", "--send", "@/dev/zero", untouched.port)
    assert (result.status, untouched.accepted) == (2, 0)
    assert "64MiB: @/dev/zero" in result.err


def test_a_signal_ends_the_wait_for_a_list():
    process = subprocess.Popen([tool("poetry-get"), "-f", "-"], stdin=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    with process:
        try:
            ends = time.monotonic() + WAIT
            while time.monotonic() < ends and waits_in(process.pid) != "poetry-get":
                time.sleep(0.01)
            process.send_signal(signal.SIGINT)
            assert process.wait(WAIT) in (-signal.SIGINT, 130)
        finally:
            if process.poll() is None:
                process.kill()


def waits_in(pid):
    """The name of the program that sleeps in a system call."""
    with open(f"/proc/{pid}/stat") as stat:
        name, state = stat.read().split("(", 1)[1].rsplit(") ", 1)
    return name if state.startswith("S") else ""
