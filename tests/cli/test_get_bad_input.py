"""Bad input to poetry-get: one line that names the offender, the status, nothing fetched."""

import pytest

from harness import replying, run

USAGE = [
    ([], "server"),
    (["70000"], "70000"),
    (["0"], "0"),
    (["127.0.0.1:"], "127.0.0.1:"),
    (["127.0.0.1:x"], "127.0.0.1:x"),
    (["[::1"], "[::1"),
    (["::1:10000"], "::1:10000"),
    ([":10000:"], ":10000:"),
    (["--engine", "warp", "1"], "warp"),
    (["--engine", "select,warp", "1"], "warp"),
    (["--engine", "", "1"], "--engine"),
    (["--repeat", "0", "1"], "0"),
    (["--repeat", "x", "1"], "x"),
    (["--parallel=-1", "1"], "-1"),
    (["--print", "aloud", "1"], "aloud"),
    (["--report", "xml", "1"], "xml"),
    (["--connect-timeout", "5lightyears", "1"], "5lightyears"),
    (["--idle-timeout=-5", "1"], "-5"),
    (["--timeout", "99999999999999999999h", "1"], "99999999999999999999h"),
    (["--retries", "1.5", "1"], "1.5"),
    (["--retry-delay", "inf", "1"], "inf"),
    (["--max-bytes", "10XB", "1"], "10XB"),
    (["--max-bytes", "99999999999GiB", "1"], "99999999999GiB"),
    (["--send", r"bad \q escape", "1"], r"\q"),
    (["--output", "a", "--output-dir", "b", "1"], "--output"),
    (["-4", "-6", "1"], "-6"),
    (["--log-level", "loud", "1"], "loud"),
    (["--no-such-option", "1"], "--no-such-option"),
    (["--output"], "--output"),
]


@pytest.mark.parametrize("args, offender", USAGE, ids=lambda value: " ".join(value) or "none"
                         if isinstance(value, list) else None)
def test_usage_errors(args, offender, tmp_path):
    result = run("poetry-get", *args, cwd=tmp_path)
    assert (result.status, result.out) == (2, b"")
    wrong, hint = result.err.splitlines()
    assert wrong.startswith("poetry-get: ") and offender in wrong
    assert hint == "Try 'poetry-get --help'."
    assert not list(tmp_path.iterdir())


def test_a_bad_line_in_a_list_of_servers_is_named(tmp_path):
    listed = tmp_path / "servers"
    listed.write_text("10000\nlocalhost:door\n")
    result = run("poetry-get", "--from", listed)
    assert result.status == 2 and f"{listed}:2" in result.err and "localhost:door" in result.err


@pytest.mark.parametrize("args", [
    ["--from", "{}"], ["--send", "@{}"]], ids=["--from", "--send"])
def test_a_file_that_cannot_be_read(tmp_path, args):
    missing = str(tmp_path / "missing")
    result = run("poetry-get", *[arg.format(missing) for arg in args], "10000")
    assert (result.status, result.out) == (1, b"")
    line, = result.err.splitlines()
    assert line.startswith("poetry-get: ") and missing in line


@pytest.mark.parametrize("option", ["--output", "--output-dir", "--report-file", "--log-file"])
def test_what_cannot_be_written_is_found_before_the_first_connection(peer, tmp_path, option):
    (tmp_path / "file").write_text("in the way\n")
    target, untouched = tmp_path / "file" / "below", peer(replying(b"x\n"))
    result = run("poetry-get", option, target, untouched.port)
    assert (result.status, result.out, untouched.accepted) == (1, b"", 0)
    line, remedy = result.err.splitlines()
    assert line.startswith("poetry-get: ") and str(target) in line
    assert remedy == "      check the path and its permissions"


def test_what_was_given_is_told_on_one_line_and_cannot_command_the_terminal():
    result = run("poetry-get", "a\n\x1b[2J:1")
    first, second = result.err.splitlines()
    assert result.status == 2 and "a\ufffd\ufffd[2J:1" in first and second.startswith("Try ")
