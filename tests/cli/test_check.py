"""--check: what would fail, said beforehand, and nothing done."""

import os
import socket

import pytest

from harness import as_user, free_ports, run


def check(*args, **options):
    result = run("poetry-server", "--check", *args, **options)
    assert result.err == ""
    return result.status, result.out.decode()


def test_nothing_would_fail(poem, tmp_path):
    path, port = poem(b"x\n"), free_ports(1)
    status, text = check("-p", port, "--ready-file", tmp_path / "ready", path)
    assert status == 0 and text.endswith("nothing would fail\n")
    assert f"ok    bind 127.0.0.1:{port}\n" in text
    assert "ok    serve poem poem.txt\n" in text
    assert "ok    asio holds at most " in text
    assert not (tmp_path / "ready").exists()


@pytest.mark.parametrize("fault", ["refuse", "blackhole"])
def test_a_closed_door_is_tried_as_a_run_would(poem, unprivileged, fault):
    prefix, directory = unprivileged
    (directory / "poem.txt").write_bytes(b"x\n")
    args = ("-p", free_ports(1), "--fault", fault, directory / "poem.txt")
    assert check(*args, prefix=prefix)[0] == 0
    assert run("poetry-server", *args, "--run", "true", prefix=prefix).status == 0


def test_everything_that_would_fail_is_told_with_its_remedy(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, text = check(
            "--serve", f"{port}=poem:{tmp_path / 'missing.txt'}", "--max-clients", "10000000",
            "--host", "127.0.0.1", "--serve", "no-such-host.invalid:0=echo",
            "--ready-file", tmp_path / "no" / "ready")
    assert status == 1 and text.endswith("5 things would fail\n")
    lines = text.splitlines()
    failures = [(line, lines[at + 1]) for at, line in enumerate(lines) if line.startswith("FAIL")]
    for what in ("--max-clients 10000000", f"127.0.0.1:{port}", "missing.txt",
                 "no-such-host.invalid", "ready"):
        assert any(what in line and remedy.startswith("      ") for line, remedy in failures), text


@pytest.mark.parametrize("args", [
    ["-p", "TAKEN"], ["--host", "192.0.2.1", "-p0"], ["--host", "no-such-host.invalid", "-p0"],
    ["-p0", "missing.txt"], ["-p0", "--max-clients", "10000000"], ["-p0", "--workers", "10000000"],
    ["-p0", "--ready-file", "missing/ready"], ["-p0", "--log-file", "/dev/null/log"],
    ["-p0", "--log-file", "missing/log"]], ids=" ".join)
def test_a_failure_says_what_helps_as_the_check_does(args, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        args = [str(taken.getsockname()[1]) if arg == "TAKEN" else arg for arg in args]
        _, text = check(*args, cwd=tmp_path)
        failed = run("poetry-server", *args, cwd=tmp_path)
    lines = text.splitlines()
    remedy, = {lines[at + 1] for at, line in enumerate(lines) if line.startswith("FAIL")}
    assert failed.status == 1 and failed.err.splitlines()[1:] == [remedy]


@pytest.mark.parametrize("engine", ["threads", "fork"])
@pytest.mark.skipif(os.geteuid() != 0, reason="takes root, for a limit that binds another user")
def test_too_few_processes_of_a_user_are_told(engine):
    status, text = check("-p0", "--engine", engine, "--max-clients", "50", "--workers", "60",
                         prefix=as_user(65534, 40))
    limit = "here: 40 processes of this user (ulimit -u)\n"
    assert status == 1 and text.endswith("2 things would fail\n")
    assert f"FAIL  --max-clients 50: {engine} holds at most 40 connections {limit}" in text
    assert f"FAIL  --workers 60: at most 40 {limit}" in text


def test_a_state_that_does_not_exist_is_not_made(tmp_path):
    state = tmp_path / "state.db"
    assert check("--serve", f"0=fibonacci:{state}")[0] == 0
    assert not state.exists()


@pytest.mark.parametrize("args", [["--fault", "explode"], ["--port", "http"]])
def test_wrong_options_are_usage_errors_here_too(args):
    assert run("poetry-server", "--check", *args).status == 2
