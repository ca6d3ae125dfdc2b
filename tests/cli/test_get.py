"""What poetry-get fetches, prints and reports."""

import csv
import hashlib
import io
import json
import os
import re
import xml.etree.ElementTree

import pytest

from harness import ENGINES, SANITIZED, free_ports, has_ipv6, read_to_end, refused_port, run

POEM = b"one\ntwo\nthree\n"
engines = pytest.mark.parametrize("engine", ENGINES)


@pytest.fixture
def port(server, poem):
    return server("-d0", poem(POEM)).port


@engines
def test_poems_come_in_task_order(server, poem, engine):
    slow = server("-d", "100ms", poem(b"slow\nand slow\n", "slow.txt")).port
    fast = server("-d0", poem(b"fast\n")).port
    result = run("poetry-get", "--engine", engine, f"127.0.0.1:{slow}", fast)
    assert (result.status, result.out) == (0, b"slow\nand slow\nfast\n")
    assert f"Task 1: got 5 bytes of poetry from 127.0.0.1:{slow}" in result.err
    assert re.search(r"^Task 2 finished$", result.err, re.M)
    assert re.search(r"^Got 2 poems in \d+\.\d{3} s$", result.err.splitlines()[-1])


def test_select_is_the_default_and_fetches_all_at_once(server, poem, fetch):
    ports = server("-d", "200ms", poem(POEM), poem(POEM, "b"), poem(POEM, "c"), listeners=3).ports
    report = fetch(*ports).report
    assert report["engine"] == "select"
    assert 2.0 < report["speedup"] <= 3.0
    starts = [task["started_s"] for task in report["tasks"]]
    assert max(starts) < min(task["ended_s"] for task in report["tasks"])


def test_sequential_fetches_one_after_another(server, poem, fetch):
    ports = server("-d", "50ms", poem(POEM), poem(POEM, "b"), listeners=2).ports
    report = fetch("-e", "sequential", *ports).report
    first, second = report["tasks"]
    assert second["started_s"] >= first["ended_s"] and report["elapsed_s"] >= 0.3


@engines
def test_the_json_report_is_complete_and_true(server, poem, fetch, engine):
    port = server("-d", "40ms", poem(POEM)).port
    report = fetch("--engine", engine, port).report
    task, = report.pop("tasks")
    assert set(report) >= {
        "engine", "servers", "fetched", "failed", "bytes", "elapsed_s", "longest_s", "sum_s",
        "speedup", "cpu_user_s", "cpu_system_s", "wakeups", "context_switches", "max_rss_kib"}
    assert (report["engine"], report["servers"], report["fetched"], report["failed"],
            report["bytes"]) == (engine, 1, 1, 0, len(POEM))
    assert report["elapsed_s"] >= report["longest_s"] == report["sum_s"] >= 0.12
    assert {key: task[key] for key in ("task", "host", "port", "address", "outcome", "attempts",
                                       "bytes", "lines", "sha256")} == {
        "task": 1, "host": "127.0.0.1", "port": port, "address": f"127.0.0.1:{port}",
        "outcome": "ok", "attempts": 1, "bytes": len(POEM), "lines": 3,
        "sha256": hashlib.sha256(POEM).hexdigest()}
    assert not task["error"]
    assert task["started_s"] <= task["connected_s"] <= task["first_byte_s"] <= task["ended_s"]
    assert 0.02 <= task["longest_gap_s"] <= task["ended_s"]  # a late read makes a gap shorter


def test_several_engines_give_an_array_and_a_comparison(server, poem, fetch):
    ports = server("-d", "100ms", poem(POEM), poem(POEM, "b"), poem(POEM, "c"), listeners=3).ports
    sequential, select_ = fetch("--engine", "sequential,select", *ports).report
    assert (sequential["engine"], select_["engine"]) == ("sequential", "select")
    assert sequential["elapsed_s"] >= 0.9 > 3 * 0.3 - 0.01 and select_["elapsed_s"] >= 0.3
    assert sequential["elapsed_s"] > select_["elapsed_s"]


def test_the_comparison_of_all_engines_is_a_table(port):
    result = run("poetry-get", "--engine", "all", port)
    assert result.status == 0
    for engine in ENGINES:
        assert re.search(rf"^\s*{engine}\s.*\d\.\d", result.err, re.M), result.err


def test_the_csv_report_has_a_row_a_task(port):
    result = run("poetry-get", "-q", "--report", "csv", "-n", "2", "-e", "all", port)
    rows = list(csv.DictReader(io.StringIO(result.err)))
    assert [(row["engine"], row["task"], row["outcome"], row["bytes"]) for row in rows] == [
        (engine, task, "ok", "14") for engine in ENGINES for task in ("1", "2")]
    assert list(rows[0])[0] == "engine"


def test_no_report(port):
    assert run("poetry-get", "--report", "none", "--quiet", port) == (0, POEM, "", None)


def test_the_timeline_draws_every_task(port):
    without = run("poetry-get", "-q", port).err
    drawn = run("poetry-get", "-q", "--timeline", "-n", "3", port).err
    extra = [line for line in drawn.splitlines() if line not in without.splitlines()]
    assert len([line for line in extra if re.match(r"\s*(Task )?[123]\b", line)]) >= 3, drawn
    assert "\x1b" not in drawn


@engines
def test_live_lines_carry_their_task(server, poem, engine):
    port = server("-d", "20ms", poem(b"one\ntwo\nend")).port
    out = run("poetry-get", "--print", "live", "-e", engine, "-n", "2", port).out
    for task in (b"[1] ", b"[2] "):
        mine = [line for line in out.split(b"\n") if line.startswith(task)]
        assert mine == [task + line for line in (b"one", b"two", b"end")]


def test_print_none_prints_nothing(port):
    assert run("poetry-get", "--print", "none", port)[:2] == (0, b"")


def test_servers_come_from_a_file_and_standard_input(server, poem, tmp_path):
    one, two, three = server("-d0", poem(b"1\n"), poem(b"2\n", "b"), poem(b"3\n", "c"),
                             listeners=3).ports
    listed = tmp_path / "servers"
    listed.write_text(f"# my servers\n\n127.0.0.1:{two}  # the second\n")
    assert run("poetry-get", "-f", listed, "--from", "-", one,
               stdin=b"%d\n" % three).out == b"1\n2\n3\n"


def test_servers_are_named_by_ranges_and_lists(server, poem):
    first = free_ports(3)
    server("-d0", "--port", f"{first}-{first + 2}", poem(POEM))
    assert run("poetry-get", f"{first}-{first + 2},tcp://localhost:{first}").out == POEM * 4
    assert run("poetry-get", "-f", "-", stdin=b"localhost:%d-%d\n" % (first, first + 2)).out == (
        POEM * 3)


@pytest.mark.skipif(not os.path.exists("/etc/services"), reason="needs /etc/services")
def test_a_port_may_be_named_by_its_service(fetch):
    task, = fetch("localhost:tcpmux").report["tasks"]
    assert (task["host"], task["port"]) == ("localhost", 1)


def test_a_dash_is_standard_output(server, poem):
    port = server("-d0", poem(POEM)).port
    assert run("poetry-get", "-o", "-", "--print", "none", port).out == POEM
    report = run("poetry-get", "-q", "--print", "none", "--report", "json", "--report-file", "-",
                 port)
    assert json.loads(report.out)["fetched"] == 1 and report.err == ""
    drawn = run("poetry-get", "-q", "--print", "none", "--timeline-svg", "-", port)
    assert drawn.out.startswith(b"<svg ") and drawn.out.endswith(b"</svg>\n")


def test_a_picture_moves_where_it_is_asked_for(server, poem):
    port = server("-d", "50ms", poem(b"one\ntwo\n")).port
    drawing = ["poetry-get", "-q", "--print", "none", "--timeline-svg", "-"]
    still, moving = run(*drawing, port), run(*drawing, "--animate", port)
    assert b"pt-sweep" not in still.out and b"prefers-reduced-motion" in moving.out
    seconds = float(re.search(rb"animation:pt-sweep ([\d.]+)s linear", moving.out)[1])
    assert 0.1 <= seconds < 10
    assert moving.out.count(b'clip-path="url(#pt-sweep)"') == moving.out.count(b'class="pt-bar"') == 1
    xml.etree.ElementTree.fromstring(moving.out)
    bare = run("poetry-get", "--animate", port)
    assert bare.status == 2 and "--timeline-svg" in bare.err


def test_parallel_bounds_the_tasks_in_flight(peer, fetch):
    def handle(sock, number, done):
        done.wait(0.05)
        sock.sendall(b"x\n")

    busy = peer(handle)
    assert fetch("--parallel", "2", "--repeat", "7", busy.port).status == 0
    assert (busy.accepted, busy.most_held <= 3) == (7, True)


def test_parallel_tasks_never_overlap_more_than_allowed(server, poem, fetch):
    port = server("-d", "20ms", poem(POEM)).port
    tasks = fetch("-j", "2", "-n", "7", port).report["tasks"]
    for task in tasks:
        running = [each for each in tasks
                   if each["started_s"] <= task["started_s"] < each["ended_s"]]
        assert len(running) <= 2


def test_thousands_of_tasks_at_once_pass_fd_setsize(server, poem, fetch):
    count = 1100 if SANITIZED else 5000
    port = server("-d", "8s", "--log-level", "warn", poem(b"x\n")).port
    result = fetch("-n", count, "-q", "--print", "none", "--connect-timeout", "30s", port)
    assert result.status == 0 and result.report["fetched"] == count
    tasks = result.report["tasks"]
    assert min(task["ended_s"] for task in tasks) > max(task["started_s"] for task in tasks)


def test_a_text_and_a_file_are_sent(peer, tmp_path):
    def echo(sock, number, done):
        sock.sendall(read_to_end(sock))

    port = peer(echo).port
    text = tmp_path / "text"
    text.write_bytes(b"from\0a file\n")
    sending = ["poetry-get", "--half-close", "--send"]
    assert run(*sending, r"say\t\x41\n", port).out == b"say\tA\n"
    assert run(*sending, f"@{text}", "-e", "sequential", port).out == b"from\0a file\n"


def test_only_that_family(server, poem, fetch):
    port = server("-d0", poem(POEM)).port
    for option in ("-4", "--ipv4"):
        task, = fetch(option, f"localhost:{port}").report["tasks"]
        assert (task["outcome"], task["host"], task["address"]) == (
            "ok", "localhost", f"127.0.0.1:{port}")
    assert fetch("--ipv6", f"127.0.0.1:{port}").report["tasks"][0]["outcome"] == "resolve"


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 loopback")
@engines
def test_ipv6(server, poem, fetch, engine):
    port = server("--host", "::1", "-d0", poem(POEM)).port
    task, = fetch("-6", "-e", engine, f"[::1]:{port}").report["tasks"]
    assert (task["outcome"], task["address"]) == ("ok", f"[::1]:{port}")


@engines
def test_a_name_with_two_addresses_tries_both(server, poem, engine):
    port = server("-d0", poem(POEM)).port
    assert run("poetry-get", "-e", engine, f"localhost:{port}").out == POEM


@pytest.mark.parametrize("options, expected", [
    ([], False), (["-v"], True), (["--verbose"], True), (["--quiet"], False)])
def test_beyond_twenty_tasks_events_are_asked_for(port, options, expected):
    err = run("poetry-get", "-n", "25", *options, port).err
    assert ("Task 3 finished" in err, "Task 3: got 14 bytes" in err) == (expected, expected)


def test_beyond_twenty_tasks_failures_are_still_told(port):
    with refused_port() as refused:
        err = run("poetry-get", "-n", "21", port, refused).err
    assert err.count(f"failed: 127.0.0.1:{refused}: connect: Connection refused") == 21
    assert "finished" not in err


def test_the_report_can_go_to_a_file(port, tmp_path):
    path = tmp_path / "report"
    result = run("poetry-get", "-q", "--report-file", path, port)
    assert (result.status, result.err) == (0, "")
    assert re.search(r"^Got 1 poems? in \d+\.\d{3} s$", path.read_text(), re.M)
