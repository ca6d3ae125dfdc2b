"""The timeline on a terminal: how wide it is, with which signs and colours, and what it says."""

import json
import os
import re

import pytest

from harness import half_then_reset, refused_port, replying, run, silent
from terminal import Terminal

POEM = b"one\ntwo\nthree\n"
DRAW = ["-q", "--print", "none", "--report", "none", "--timeline"]


def environment(**variables):
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith("LC_") and name not in ("LANG", "TERM", "COLUMNS", "NO_COLOR")}
    return {**kept, **variables}


@pytest.fixture
def port(server, poem):
    return server("-d", "50ms", poem(POEM)).port


def draw(*args, **variables):
    return run("poetry-get", *DRAW, *args, env=environment(**variables)).err


def widest(text):
    return max(len(line) for line in text.splitlines()[1:])


@pytest.mark.parametrize("columns, expected", [
    ("60", 60), ("100", 100), ("200", 200), ("", 80), ("none", 80), ("-5", 80), ("1", 40),
    ("99999999", 1000)])
def test_columns_say_how_wide_it_may_be(port, columns, expected):
    text = draw("-n", "2", port, COLUMNS=columns)
    assert expected - 10 <= widest(text) <= expected


@pytest.mark.parametrize("columns", [70, 132])
def test_it_is_as_wide_as_the_terminal_it_goes_to(started, port, columns):
    shown = started(Terminal, "poetry-get", *DRAW, port, columns=columns)
    assert shown.wait() == 0
    assert columns - 10 <= widest("\n".join(shown.screen())) <= columns


@pytest.mark.parametrize("variables, expected", [
    ({"LANG": "C.UTF-8"}, True),
    ({"LC_CTYPE": "C.UTF-8"}, True),
    ({"LC_ALL": "C", "LANG": "C.UTF-8"}, False),
    ({"LANG": "xx_XX.utf8"}, True),  # not installed: told by its name
    ({"LANG": "xx_XX.ISO-8859-1"}, False),
    ({"LANG": "C.UTF-8", "TERM": "dumb"}, False),
    ({}, False)])
def test_the_locale_says_which_signs_there_are(port, variables, expected):
    assert draw(port, **variables).isascii() is not expected


def test_colour_only_on_a_terminal_and_not_with_no_color(started, port):
    assert "\x1b" not in draw(port, TERM="xterm")
    for variables, expected in [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True),
                                ({"TERM": "dumb"}, False)]:
        shown = started(Terminal, "poetry-get", *DRAW, port, env=variables)
        assert shown.wait() == 0
        assert ("\x1b[" in shown.text()) is expected, variables


def test_the_legend_explains_what_is_there_and_nothing_else(port, peer):
    lines = draw(port).splitlines()
    bar, = [line.split(str(port))[1] for line in lines if f"127.0.0.1:{port}" in line]
    explained = {each[0]: each[2:] for each in lines[-1].split("  ") if each}
    assert set(explained) == set(bar) - {" "}
    assert re.fullmatch(r"idle for \d+ ms or longer", explained["_"])
    assert (explained["#"], explained["|"]) == ("arrival", "whole")
    with refused_port() as refused:
        text = draw("--retries", "1", "--retry-delay", "150ms", "--idle-timeout", "200ms",
                    "--max-bytes", "100B", peer(silent).port, refused,
                    peer(replying(b"x" * 200)).port, peer(half_then_reset).port, COLUMNS="120")
    for sign, word, remark in [("~", "broken attempts", "idle-timeout, try 2"),
                               ("x", "failed", "connect, try 2"), (">", "limit", "limit"),
                               (".", "waiting", "reset, try 2")]:
        assert f"{sign} {word}" in text and re.search(rf" {remark}$", text, re.M), text
    assert "whole" not in text


def test_engines_stand_under_each_other_on_one_scale(port, tmp_path):
    file = tmp_path / "report.json"
    text = draw("-n", "2", "-e", "sequential,select", "--report", "json", "--report-file", file,
                port)
    lines = text.splitlines()
    assert [line.split()[0] for line in lines if not line.startswith(" ")] == [
        "sequential", "select"]
    bars = [line[line.index("#"):] for line in lines if f"127.0.0.1:{port}" in line]
    seconds = [task["ended_s"] - task["first_byte_s"]
               for engine in json.loads(file.read_text()) for task in engine["tasks"]]
    columns = max(map(len, bars)) / max(seconds)  # a second
    assert [len(bar) for bar in bars] == [pytest.approx(each * columns, abs=2) for each in seconds]
    assert sum(line.lstrip().startswith("0 ") for line in lines) == 1


def test_a_long_list_is_sampled_and_says_so(server, poem):
    port = server("-d0", poem(b"x\n")).port
    lines = draw("-n", "500", port).splitlines()
    tasks = [int(line.split()[0]) for line in lines if f"127.0.0.1:{port}" in line]
    assert len(tasks) == 40 and tasks[0] == 1 and tasks[-1] == 500
    assert "  (40 of 500 tasks shown)" in lines


def test_names_cannot_move_the_cursor(tmp_path):
    listed = tmp_path / "servers"
    listed.write_bytes(b"c\x9b2J.invalid:1\n")  # CSI, in a terminal of 8-bit controls
    text = draw("--from", listed, LANG="C.UTF-8")
    assert re.search("^  1 c\ufffd2J.invalid:1 ", text, re.M)
