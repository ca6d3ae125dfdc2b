"""poetry-get --check: what would fail, said beforehand, and nothing fetched."""

import functools
import os
import resource

import pytest

from harness import SANITIZED, replying, run


def check(*args, **options):
    result = run("poetry-get", "--check", *args, **options)
    assert result.err == ""
    return result.status, result.out.decode()


def remedies(text):
    """The lines that say what would fail, each with the one below that says what helps."""
    lines = text.splitlines()
    return [(line, lines[at + 1]) for at, line in enumerate(lines) if line.startswith("FAIL")]


def test_nothing_would_fail_and_nothing_is_done(peer, tmp_path):
    server = peer(replying(b"x\n"))
    status, text = check(f"localhost:{server.port}", server.port, "--report-file", tmp_path / "report",
                         "--timeline-svg", tmp_path / "picture", "-O", tmp_path / "new" / "poems", "--log-file", tmp_path / "log")
    assert status == 0 and text.endswith("nothing would fail\n")
    for line in ("ok    select: 2 tasks at once", "ok    reach 127.0.0.1",
                 f"ok    write {tmp_path / 'report'}", f"ok    write to {tmp_path / 'new' / 'poems'}"):
        assert line + "\n" in text
    assert "ok    reach localhost at " in text
    assert server.accepted == 0 and not list(tmp_path.iterdir())


def test_everything_that_would_fail_is_told_with_its_remedy(tmp_path):
    (tmp_path / "file").write_text("in the way\n")
    status, text = check(
        "no-such-host.invalid:1", "--report-file", tmp_path / "no" / "report",
        "--timeline-svg", tmp_path / "no" / "picture", "-O", tmp_path / "file" / "poems",
        "--log-file", tmp_path / "no" / "log")
    assert status == 1 and text.endswith("5 things would fail\n")
    for what in ("no-such-host.invalid", "no/report", "no/picture", "file/poems", "no/log"):
        assert any(what in line and remedy.startswith("      ")
                   for line, remedy in remedies(text)), text


def test_a_host_of_the_other_family_fails():
    status, text = check("-6", "127.0.0.1:1")
    assert status == 1 and remedies(text)[0][0].startswith("FAIL  resolve 127.0.0.1: ")


@pytest.mark.parametrize("args", [["x.invalid:1", "y.invalid:1"], ["-o", "missing/poems", "1"],
                                  ["--timeline-svg", "missing/picture", "1"],
                                  ["-O", "/dev/null/poems", "1"]], ids=" ".join)
def test_a_failure_says_what_helps_as_the_check_does(args, tmp_path):
    remedy, = {remedy for _, remedy in remedies(check(*args, cwd=tmp_path)[1])}
    result = run("poetry-get", *args, cwd=tmp_path)
    assert result.status != 0 and result.err.splitlines().count(remedy) == 1
    if not args[0].startswith("-"):
        assert remedy not in run("poetry-get", "-q", *args).err


def test_poems_that_wait_need_a_directory(tmp_path):
    missing = dict(os.environ, TMPDIR=str(tmp_path / "missing"))
    status, text = check("1", "2", env=missing)
    assert status == 1 and "TMPDIR" in remedies(text)[0][1]
    assert check("1", env=missing)[0] == check("1", "2", "--print", "none", env=missing)[0] == 0


@pytest.mark.skipif(SANITIZED, reason="a sanitizer needs descriptors of its own")
def test_too_few_descriptors_are_a_warning():
    few = functools.partial(resource.setrlimit, resource.RLIMIT_NOFILE, (300, 300))
    status, text = check("-n", "1000", "1", preexec_fn=few)
    assert status == 0
    assert "warn  select: 204 tasks at once, not 1000: 300 open files (ulimit -n)\n" in text


def test_of_many_hosts_only_those_that_fail_are_told(tmp_path):
    listed = tmp_path / "servers"
    listed.write_text("".join(f"127.0.1.{each}:1\n" for each in range(1, 200)) + "x.invalid:1\n")
    status, text = check("--from", listed)
    assert status == 1 and "127.0.1.5" not in text and "FAIL  resolve x.invalid" in text
    assert "ok    200 hosts in all" in text


@pytest.mark.parametrize("args", [[], ["--from", "/dev/null"], ["1:2:3"], ["-e", "x", "1"],
                                  ["-o", "same", "--report-file", "same", "1"]])
def test_wrong_options_are_usage_errors_here_too(args):
    assert run("poetry-get", "--check", *args).status == 2
