"""poetry-sync's command line, from its help to its exit statuses."""

import contextlib
import json
import os
import re
import signal
import sqlite3
import subprocess

import pytest

from harness import (WAIT, Running, becomes_true, connect, is_running, refused_port, replying, run,
                     silent, tool, trickling)
from sync_server import with_home

POEM = b"Rise like Lions after slumber\nIn unvanquishable number\n"


@pytest.fixture
def call(tmp_path):
    """call(COMMAND, ARG...): a command about one database, with nobody who serves it."""
    return lambda command, *args, **options: run(
        "poetry-sync", command, "--database", f"sqlite:{tmp_path}/library.db", *args, **options)


def refused(result, offender, command=""):
    """Whether it is a usage error that names the offender."""
    first, second = result.err.splitlines()
    name = f"poetry-sync {command}".rstrip()
    assert (result.status, result.out, second) == (2, b"", f"Try '{name} --help'.")
    assert first.startswith("poetry-sync: ") and first.endswith(f": {offender}"), first


def failed(result, text):
    assert (result.status, result.out) == (1, b""), result
    assert result.err == f"poetry-sync: {text}\n"


def test_help_lists_the_commands_with_a_line_each():
    text = run("poetry-sync", "--help").out.decode()
    assert text == run("poetry-sync", "help").out.decode() == run("poetry-sync", "-h").out.decode()
    commands = text.split("Commands:\n")[1].split("\n\n")[0]
    listed = re.findall(r"^  (\w+)", commands, re.M)
    assert listed == ["serve", "web", "worker", "add", "edit", "remove", "list", "request", "status",
                      "log", "text", "export", "import", "cancel", "retry", "backup", "quit", "help"]
    for command in listed:
        own = run("poetry-sync", command, "--help")
        assert own.status == 0 and own.out == run("poetry-sync", "help", command).out
        assert own.out == run("poetry-sync", "--help", command).out
        assert own.out.decode().startswith(f"Usage: poetry-sync {command} [OPTIONS]")
        assert run("poetry-sync", command, "--version").out == run("poetry-sync", "-V").out


@pytest.mark.parametrize("arguments, offender, command", [
    (["sing"], "sing", ""),
    (["help", "sing"], "sing", "help"),
    (["help", "add", "list"], "list", "help"),
    (["--sing"], "--sing", ""),
    (["--listen", "0", "list"], "--listen", "list"),
    (["--listen", "0", "lits"], "lits", ""),
    (["--sing", "list"], "--sing", ""),
    (["--json", "--", "list"], "--json", ""),
    (["-d"], "--database", ""),
    (["add"], "TYPE", "add"),
    (["add", "poem"], "ADDRESS", "add"),
    (["add", "poem", "1", "2"], "2", "add"),
    (["add", "song", "10000"], "song", "add"),
    (["add", "poem", "nowhere"], "nowhere", "add"),
    (["add", "poem", "0"], "0", "add"),
    (["add", "poem", "::1:10000"], "::1:10000", "add"),
    (["add", "poem", b"\xff:10000"], "\ufffd:10000", "add"),
    (["add", "poem", "10000", "--name", "n" * 201], "n" * 201, "add"),
    (["remove", "one"], "one", "remove"),
    (["remove", "0"], "0", "remove"),
    (["remove", "9223372036854775808"], "9223372036854775808", "remove"),
    (["edit", "1", "--address", "nowhere"], "nowhere", "edit"),
    (["edit", "1", "--name", "n" * 201], "n" * 201, "edit"),
    (["edit", "1", "--every", "10"*20], "10"*20, "edit"),
    (["add", "poem", "1", "--every", "999ms"], "999ms", "add"),
    (["add", "poem", "1", "--every", "often"], "often", "add"),
    (["text"], "ID", "text"),
    (["export"], "DIR", "export"),
    (["import"], "FILE", "import"),
    (["list", "all"], "all", "list"),
    (["list", "--completion", "bash"], "--completion", "list"),
    (["request", "song", "1"], "song", "request"),
    (["request", "poem", "-1"], "-1", "request"),
    (["request", "poem"], "ID", "request"),
    (["log", "x"], "x", "log"),
    (["cancel"], "JOB", "cancel"),
    (["retry", "1", "2"], "2", "retry"),
    (["quit", "now"], "now", "quit"),
    (["status", "--wait"], "--wait", "status"),
    (["serve", "--jobs", "0"], "0", "serve"),
    (["serve", "--jobs", "1001"], "1001", "serve"),
    (["serve", "--engine", "magic"], "magic", "serve"),
    (["serve", "--lease", "0"], "0", "serve"),
    (["worker", "--lease", "299ms"], "299ms", "worker"),
    (["web", "--request-timeout", "0"], "0", "web"),
    (["web", "--keep-alive", "0"], "0", "web"),
    (["worker", "--keep-alive", "0"], "0", "worker"),
    (["worker", "--follow-time", "0"], "0", "worker"),
    (["worker", "--follow-records", "0"], "0", "worker"),
    (["worker", "--attempts", "0"], "0", "worker"),
    (["web", "--max-streams", "0"], "0", "web"),
    (["web", "--listen", "here:there"], "here:there", "web"),
    (["list", "--database", "mysql://x"], "mysql://x", "list"),
    (["list", "--database", ""], "", "list"),
])
def test_usage_errors(arguments, offender, command, tmp_path):
    given = [each if isinstance(each, bytes) else str(each) for each in arguments]
    result = subprocess.run([tool("poetry-sync"), *given], capture_output=True, timeout=WAIT,
                            env=with_home(tmp_path), stdin=subprocess.DEVNULL)
    err = result.stderr.decode()
    if arguments[-2:] == ["--database", ""]:
        offender = "--database"
    first, second = err.splitlines()
    name = f"poetry-sync {command}".rstrip()
    assert (result.returncode, result.stdout, second) == (2, b"", f"Try '{name} --help'.")
    assert first.startswith("poetry-sync: ") and first.endswith(f": {offender}"), first


@pytest.mark.parametrize("before, command, behind", [
    (["-d", "URL"], "list", ["--json"]), (["--database=URL", "--json"], "list", []),
    (["-dURL", "--log-level", "debug"], "list", []), (["--json", "-d", "URL"], "list", []),
    (["-d", "URL", "-n", "list"], "add", ["poem", "10000"]), (["-dURL"], "remove", ["1"]),
    (["-fd", "URL"], "log", ["7"]), (["-d", "URL", "--print-config"], "serve", []),
    (["-h", "-d", "URL"], "", []), (["--json"], "list", ["--help"]), (["-V"], "list", [])])
def test_options_may_stand_before_the_command(before, command, behind, tmp_path):
    def told(*words, database):
        url = f"sqlite:{tmp_path}/{database}.db"
        result = run("poetry-sync", *(word.replace("URL", url) for word in words if word))
        return result._replace(out=result.out.replace(url.encode(), b"URL"))
    first = told(*before, command, *behind, database="one")
    assert first == told(command, *before, *behind, database="two")
    assert "command" not in first.err


def test_a_near_command_behind_options_is_named(tmp_path):
    result = run("poetry-sync", "-d", f"sqlite:{tmp_path}/a.db", "lits")
    assert result.status == 2 and "did you mean list?): lits" in result.err


def test_unknown_words_tell_the_valid_ones(call):
    assert "valid: serve, web, worker, add," in run("poetry-sync", "sing").err
    assert "valid: poem, collection, weblog" in call("add", "song", "1").err
    assert "did you mean poem?): peom" in call("add", "peom", "1").err


def test_records_are_added_listed_and_removed(call):
    added = call("add", "poem", "10000", "--name", "Ecstasy \x1b[1m")
    assert (added.status, added.out.decode(), added.err) == (0, "record 1 Ecstasy \ufffd[1m\n", "")
    second = json.loads(call("add", "weblog", "[::1]:8080", "--json").out)
    assert (second["id"], second["type"], second["address"], second["name"], second["job"]) == (
        2, "weblog", "[::1]:8080", "[::1]:8080", None)
    # The same address as another type is another record.
    assert call("add", "collection", "127.0.0.1:10000").status == 0
    failed(call("add", "poem", "127.0.0.1:10000"), "there is a poem of 127.0.0.1:10000 already")
    head, *rows = call("list").out.decode().splitlines()
    assert head.split() == ["ID", "TYPE", "ADDRESS", "STATE", "JOB", "BYTES", "SYNCED",
                            "NEXT", "NAME"]
    assert rows[0].split() == ["1", "poem", "127.0.0.1:10000", "new", "-", "0", "never", "-", "Ecstasy",
                               "\ufffd[1m"]
    assert [each["id"] for each in json.loads(call("list", "--json").out)] == [1, 2, 3]
    assert call("remove", "2") == (0, b"", "", None)
    failed(call("remove", "2"), "no record 2")
    assert [each["id"] for each in json.loads(call("list", "--json").out)] == [1, 3]


def test_unknown_jobs_fail(call):
    for command in ("log", "cancel", "retry"):
        failed(call(command, "7"), "no job 7")


def test_status_of_nothing(call):
    assert call("status").out.decode() == (
        "0 queued, 0 running, 0 cancelling, 0 done, 0 failed, 0 cancelled\n")
    assert json.loads(call("status", "--json").out)["active"] == []


def test_a_request_is_followed_to_its_end(sync, peer):
    server = sync()
    record = server.add(peer(replying(POEM)).port)
    waited = server.run("request", "poem", record, "--wait")
    assert waited.status == 0 and waited.err == ""
    assert waited.out == server.run("log", 1).out != b""
    lines = [json.loads(line) for line in server.run("log", 1, "--json").out.splitlines()]
    assert [line["number"] for line in lines] == list(range(1, len(lines) + 1))
    assert "".join(line["text"] + "\n" for line in lines).encode() == waited.out
    again = json.loads(server.run("request", "poem", record, "--wait", "--json").out)
    assert (again["id"], again["state"], again["fetched"]) == (2, "done", len(POEM))
    assert server.run("log", 2, "--follow").status == 0
    assert server.run("log", 2, "-f", "--json").out == server.run("log", 2, "--json").out
    failed(server.run("retry", 2), "job 2 is done")
    failed(server.run("cancel", 2), "job 2 is over")


def test_a_second_request_is_the_same_job_until_it_is_cancelled(sync, peer, started):
    server = sync()
    record = server.add(peer(silent).port)
    first = server.run("request", "poem", record)
    assert first.out in (b"job 1 queued\n", b"job 1 running\n")
    assert json.loads(server.run("request", "poem", record, "--json").out)["id"] == 1
    followers = [started(Running, "poetry-sync", "log", "1", "--follow", "-d", server.database),
                 started(Running, "poetry-sync", "request", "poem", str(record), "-w", "-c",
                         str(server.control))]
    server.wait_for(1, "running")
    for each in followers:
        each.out.wait_for(".")
    failed(server.run("remove", record), f"record {record} is being synced: cancel job 1 first")
    rows = server.run("status").out.decode().splitlines()
    assert rows[0].startswith("0 queued, 1 running")
    assert rows[2].split()[:4] == ["1", str(record), "running", "1"]
    assert json.loads(server.run("cancel", 1, "--json").out)["state"] in ("cancelling", "cancelled")
    assert [each.wait() for each in followers] == [1, 1]
    assert server.state_of(1) == "cancelled"
    assert server.run("cancel", 1).out == b"job 1 cancelled\n"
    assert json.loads(server.run("retry", 1, "--json").out)["id"] > 1


def test_waiting_for_a_job_that_fails_exits_1(sync):
    with refused_port() as port:
        server = sync("--attempts", "1")
        record = server.add(port)
        waited = server.run("request", "poem", record, "--wait", "--json")
        assert waited.status == 1 and json.loads(waited.out)["state"] == "failed"
        assert "Connection refused" in json.loads(waited.out)["error"]
        assert server.run("log", 1, "--follow").status == 1


def test_requests_that_a_worker_refuses(sync):
    server = sync()
    record = server.add(10000)
    failed(server.run("request", "poem", 99), "no record 99")
    failed(server.run("request", "weblog", record), f"no weblog {record}")


def test_without_a_worker_one_line_says_whom_it_wanted(peer):
    with refused_port() as port:
        for command in (["request", "poem", "1"], ["quit"]):
            failed(run("poetry-sync", *command, "--control", port),
                   f"connect to the worker at 127.0.0.1:{port}: Connection refused")


@pytest.mark.parametrize("reply, text", [
    (b"HTTP/1.1 400 Bad Request\r\n\r\n", "is no control port of a worker"),
    (b"", "closed the connection"),
    (b"ok half of it", "closed the connection"),
])
def test_what_is_no_worker(peer, reply, text):
    def handle(sock, number, done):
        sock.recv(100)
        sock.sendall(reply)
    port = peer(handle).port
    failed(run("poetry-sync", "quit", "--control", port), f"127.0.0.1:{port} {text}")


def test_a_worker_lost_in_mid_job_ends_the_wait(sync, peer, started):
    server = sync()
    record = server.add(peer(trickling).port)
    waiting = started(Running, "poetry-sync", "request", "poem", str(record), "--wait", "-c",
                      str(server.control))
    waiting.out.wait_for("and so on")
    os.kill(server.pid, signal.SIGKILL)
    assert waiting.wait() == 1
    assert "127.0.0.1" in waiting.err.text()


def test_an_interrupted_wait_ends_by_the_signal(sync, peer, started):
    server = sync()
    record = server.add(peer(trickling).port)
    server.press(record)
    for command in (["log", "1", "--follow", "-d", server.database],
                    ["request", "poem", str(record), "--wait", "-c", str(server.control)]):
        follower = started(Running, "poetry-sync", *command)
        follower.out.wait_for("and so on")
        assert follower.stop(signal.SIGINT) == -signal.SIGINT
    assert server.state_of(1) == "running", "the job goes on"


def test_a_closed_pipe_ends_it_quietly(sync, peer):
    server = sync()
    record = server.add(peer(trickling).port)
    server.press(record)
    for command in (f"log 1 --follow -d {server.database}", f"list -d {server.database}",
                    f"request poem {record} --wait -c {server.control}"):
        process = subprocess.Popen([tool("poetry-sync"), *command.split()], stderr=subprocess.PIPE,
                                   stdout=subprocess.PIPE)
        process.stdout.close()
        _, err = process.communicate(timeout=WAIT)
        assert (process.returncode, err) == (-signal.SIGPIPE, b"")


def test_a_full_disk_is_an_error(call):
    with open("/dev/full", "wb") as full:
        result = call("status", stdout=full)
    assert result.status == 1 and "No space left" in result.err


def test_quit_ends_a_worker(sync):
    server = sync(command="worker")
    assert server.run("quit") == (0, b"", "", None)
    assert server.wait() == 0
    assert not is_running(server.pid)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_in_mid_job(sync, peer, number):
    server = sync()
    server.press(server.add(peer(trickling).port))
    server.wait_for(1, "running")
    assert server.stop(number) == 0


def test_a_second_signal_ends_it_at_once(sync, peer, tmp_path):
    server = sync()
    server.press(server.add(peer(trickling).port))
    server.wait_for(1, "running")
    with contextlib.closing(sqlite3.connect(tmp_path / "library.db", timeout=WAIT)) as other:
        other.execute("BEGIN IMMEDIATE")  # so that the job cannot be given back
        server.send(signal.SIGTERM)
        assert becomes_true(lambda: is_refused(server.page))
        assert server.process.poll() is None
        assert server.stop(signal.SIGTERM) == -signal.SIGTERM


def is_refused(port):
    try:
        connect(port).close()
    except (ConnectionRefusedError, ConnectionResetError):  # the latter as it closes
        return True
    return False


def test_the_default_database_is_where_xdg_says(tmp_path):
    home = with_home(tmp_path / "home")
    assert run("poetry-sync", "add", "poem", "1", env=home).status == 0
    assert (tmp_path / "home/.local/state/poetry-sync/library.db").exists()
    state = dict(home, XDG_STATE_HOME=str(tmp_path / "state"))
    assert run("poetry-sync", "add", "poem", "1", env=state).status == 0
    assert (tmp_path / "state/poetry-sync/library.db").exists()
    relative = dict(home, XDG_STATE_HOME="state")
    assert json.loads(run("poetry-sync", "list", "--json", env=relative).out)[0]["id"] == 1


def test_without_a_home_the_database_must_be_named(tmp_path):
    homeless = {"PATH": os.environ["PATH"]}
    refused(run("poetry-sync", "list", env=homeless), "--database", "list")
    refused(run("poetry-sync", env=homeless), "--database")
    assert run("poetry-sync", "list", "-d", f"sqlite:{tmp_path}/a.db", env=homeless).status == 0
    assert run("poetry-sync", "list", "--help", env=homeless).status == 0
    with refused_port() as port:  # these need no database
        assert run("poetry-sync", "quit", "-c", port, env=homeless).status == 1


def test_without_a_command_it_serves(tmp_path, started):
    file = tmp_path / "settings"
    printed = run("poetry-sync", "--listen", "0", "-c", "0", "--jobs", "2", "--print-config",
                  "-d", f"sqlite:{tmp_path}/a.db")
    assert printed.out == run("poetry-sync", "serve", "--listen", "0", "-c", "0", "--jobs", "2",
                              "--print-config", "-d", f"sqlite:{tmp_path}/a.db").out
    file.write_bytes(printed.out)
    server = started(Running, "poetry-sync", "--config", str(file))
    server.out.wait_for("^listening 127.0.0.1:[0-9]+ page$")
    server.out.wait_for("^listening 127.0.0.1:[0-9]+ control$")
    assert server.stop() == 0


def test_a_configuration_of_each_command(tmp_path):
    file = tmp_path / "settings"
    file.write_text("# mine\njson = true\nname = A name\n")
    printed = run("poetry-sync", "add", "--config", file, "--print-config", "poem", "1",
                  "--name", "Another", env=with_home(tmp_path)).out.decode()
    assert "json = true\n" in printed and "name = Another\n" in printed
    file.write_text("listen = 0\n")
    result = run("poetry-sync", "list", "--config", file, env=with_home(tmp_path))
    assert result.status == 2 and f"{file}:1: unknown key: listen" in result.err


def test_a_port_in_use_is_named(sync, tmp_path):
    server = sync()
    for option, port in (("--listen", server.page), ("--control", server.control)):
        other = "--control" if option == "--listen" else "--listen"
        failed(run("poetry-sync", "-d", f"sqlite:{tmp_path}/other.db", other, "0", option, port),
               f"listen on 127.0.0.1:{port}: Address already in use\n      another process has it "
               "(ss -ltnp shows which): stop it, or choose another port")


def test_a_database_that_cannot_be_opened_is_named(tmp_path):
    (tmp_path / "file").write_text("This is no database, and long enough to be seen as none. " * 99)
    for path in (tmp_path / "file", tmp_path / "file/library.db", tmp_path):
        result = run("poetry-sync", "list", "-d", f"sqlite:{path}")
        assert result.status == 1 and result.out == b"", path
        line, = result.err.splitlines()
        assert str(tmp_path) in line


def test_a_log_goes_where_it_is_told(tmp_path):
    file = tmp_path / "log"
    assert run("poetry-sync", "status", "-d", f"sqlite:{tmp_path}/a.db", "--log-file", file,
               "--log-level", "debug", "--log-format", "json").status == 0
    assert becomes_true(file.exists)
