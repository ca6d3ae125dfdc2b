"""What is a task's own: its label, its text, its turn, and its line in a report that grows."""

import datetime
import json
import os
import re
import subprocess
import time

import pytest

from harness import ENGINES, WAIT, Lines, refused_port, replying, run, silent, tool, trickling
from terminal import Terminal

POEM = b"one\ntwo\n"


def parrot(sock, _number, _done):
    """Answers with what it was sent, up to the first newline."""
    with sock.makefile("rb") as sent:
        sock.sendall(b"got " + sent.readline())


@pytest.fixture(params=ENGINES)
def engine(request):
    return request.param


def test_a_line_of_a_list_has_a_label_and_a_text_of_its_own(peer, tmp_path, engine):
    port = peer(parrot).port
    servers = tmp_path / "servers"
    servers.write_text(f"{port}\tthe first\thello\\n\n"
                       f"{port}\t\tworld # 1\\n  \n"
                       f"{port} \t third\t# no text, but a comment\n"
                       f"{port}  # neither\n")
    out = tmp_path / "out"
    result = run("poetry-get", "-q", "-e", engine, "-f", servers, "--send", "common\n", "-O", out,
                 "--report", "json")
    assert result.status == 0, result.err
    tasks = json.loads(result.err)["tasks"]
    assert [(task["label"], task["sent"], task["bytes"]) for task in tasks] == [
        ("the first", 6, 10), ("", 10, 14), ("third", 7, 11), ("", 7, 11)]
    assert {file.name: file.read_bytes() for file in out.iterdir()} == {
        "001-the_first.txt": b"got hello\n", f"002-127.0.0.1-{port}.txt": b"got world # 1\n",
        "003-third.txt": b"got common\n", f"004-127.0.0.1-{port}.txt": b"got common\n"}


def test_every_server_of_a_line_has_its_label(server, poem):
    first, second = server("-d0", poem(b"1\n"), poem(b"2\n", "b"), listeners=2).ports
    result = run("poetry-get", "-q", "-f", "-", "--report", "csv", "--print", "none",
                 stdin=b"%d,%d\t=both\n" % (first, second))
    assert [line.split(",")[16] for line in result.err.splitlines()[1:]] == ["'=both", "'=both"]


def test_a_text_that_is_no_text_is_told_with_its_line():
    result = run("poetry-get", "-f", "-", stdin=b"1\n2\tlabel\t\\q\n")
    assert result.status == 2 and "standard input:2: not a C escape: \\q" in result.err


def test_a_label_stands_in_both_pictures(server, poem, tmp_path):
    port = server("-d0", poem(POEM)).port
    svg = tmp_path / "svg"
    result = run("poetry-get", "-q", "-f", "-", "--print", "none", "--report", "none", "--timeline",
                 "--timeline-svg", svg, stdin="{}\tÖde <1>\n".format(port).encode(),
                 env=os.environ | {"LC_ALL": "C.UTF-8"})
    assert "1 Öde <1> " in result.err
    assert "Öde &lt;1&gt;" in svg.read_text() and str(port) not in svg.read_text()


def test_a_line_is_told_as_its_task_ends(peer, server, poem, engine):
    quick, mute = server("-d0", poem(POEM)).port, peer(silent).port
    process = subprocess.Popen(
        [tool("poetry-get"), "-q", "-e", engine, "--print", "none", "--report", "jsonl", str(quick),
         str(mute)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with process:
        told = Lines(process.stderr)
        first = json.loads(told.wait_for("^{.*}$")[0])
        assert process.poll() is None
        process.terminate()
        assert process.wait(WAIT) == 130
        told.thread.join(WAIT)
    assert list(first)[:4] == ["engine", "task", "host", "port"]
    assert (first["engine"], first["task"], first["port"], first["outcome"], first["bytes"]) == (
        engine, 1, quick, "ok", len(POEM))
    assert 0 <= first["started_s"] <= first["resolved_s"] <= first["connected_s"]
    assert first["connected_s"] <= first["first_byte_s"] <= first["ended_s"]
    started = datetime.datetime.fromisoformat(first["started_at"].replace("Z", "+00:00"))
    now = datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta(0) <= now - started < datetime.timedelta(seconds=WAIT)


def test_lines_are_the_tasks_of_the_json_report(server, poem, tmp_path):
    port = server("-d0", poem(POEM)).port
    report = tmp_path / "report"
    with refused_port() as refused:
        args = ["-q", "-n3", "-e", "select,epoll", "--report-file", report, port, refused]
        run("poetry-get", "--report", "json", *args)
        objects = json.loads(report.read_text())
        run("poetry-get", "--report", "jsonl", *args)
        lines = [json.loads(line) for line in report.read_text().splitlines()]

    def same(engine, task):
        return engine, *(task[key] for key in ("task", "port", "outcome", "bytes", "sha256"))

    assert sorted(same(line["engine"], line) for line in lines) == sorted(
        same(each["engine"], task) for each in objects for task in each["tasks"])
    assert set(lines[0]) == {"engine"} | set(objects[0]["tasks"][0])


def test_lines_and_progress_share_a_terminal(started, peer, server, poem):
    shown = started(Terminal, "poetry-get", "-j1", "--print", "none", "--report", "jsonl",
                    server("-d0", poem(POEM)).port, peer(trickling).port, columns=500)
    line = shown.wait_for('"task": 1,')
    shown.wait_for("1 done, 0 failed, 1 in flight", after=line.start())
    assert [line[:1] for line in shown.screen() if '"task"' in line] == ["{"]


def test_a_report_that_cannot_grow_is_an_error(server, poem):
    port = server("-d0", poem(POEM)).port
    result = run("poetry-get", "-q", "--print", "none", "--report", "jsonl", "--report-file",
                 "/dev/full", port)
    assert result.status == 1 and "/dev/full: No space left on device" in result.err


def test_connects_keep_to_a_rate(peer, fetch, engine):
    port = peer(replying(b"x\n")).port
    before = time.monotonic()
    result = fetch("-e", engine, "-n", "11", "--rate", "20", port)
    assert result.status == 0
    assert time.monotonic() - before >= 0.5  # the last turn is ten steps behind the first


def test_attempts_keep_to_a_rate_as_well(fetch, engine):
    before = time.monotonic()
    with refused_port() as port:
        result = fetch("-e", engine, "-n", "3", "--rate", "10", "--retries", "2", "--retry-delay",
                       "0", port)
    assert [task["attempts"] for task in result.report["tasks"]] == [3, 3, 3]
    assert result.err.count("starts over") == 6
    assert time.monotonic() - before >= 0.8  # nine turns


def test_a_signal_ends_the_wait_for_a_turn(peer, engine):
    process = subprocess.Popen(
        [tool("poetry-get"), "-v", "-e", engine, "-n2", "--rate", "1", "--print", "none",
         str(peer(replying(b"x\n")).port)], stderr=subprocess.PIPE)
    with process:
        told = Lines(process.stderr)
        told.wait_for("^Task 1 finished")
        process.terminate()
        assert process.wait(WAIT) == 130
        told.wait_for("Got 1 of 2 poems")
        told.thread.join(WAIT)


def test_a_constant_delay_does_not_double(fetch):
    with refused_port() as port:
        result = fetch("-v", "--retries", "8", "--retry-delay", "10ms", "--retry-backoff",
                       "constant", port)
    delays = [float(each) for each in re.findall(r"starts over in ([\d.]+)ms", result.err)]
    assert len(delays) == 8 and all(10 <= each <= 15 for each in delays), result.err


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_an_internationalized_name_is_looked_up_as_such(server, poem, with_file, engine, locale):
    port = server("-d0", poem(POEM)).port
    result = run("poetry-get", "-e", engine, f"bücher.example:{port}",
                 prefix=with_file("/etc/hosts", "127.0.0.1 xn--bcher-kva.example\n"),
                 env=os.environ | {"LC_ALL": locale})
    assert (result.status, result.out) == (0, POEM), result.err
