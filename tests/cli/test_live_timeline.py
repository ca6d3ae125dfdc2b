"""--timeline live: the tasks' bars grow on a terminal, one engine under the other."""

import re
import signal

import pytest

from harness import run, silent, trickling
from terminal import Terminal


@pytest.fixture
def live(started):
    """live(ARG..., columns=80): poetry-get on a terminal."""
    return lambda *args, **options: started(
        Terminal, "poetry-get", "--print", "none", "--timeline", "live", *args,
        env={"LC_ALL": "C.UTF-8", "NO_COLOR": "1"}, **options)


def bars(screen):
    """{engine: the bars of its rows}, as they stand on the screen."""
    found, engine = {}, None
    for line in screen:
        if heading := re.match(r"(\w+) \d+ done, ", line):
            engine = found.setdefault(heading[1], [])
        elif row := re.match(r" +\d+ \S+:\d+ +(\S.*)?$", line):
            engine.append(row[1] or "")
    return found


def test_the_engines_stand_under_each_other_when_they_are_over(live, server, poem):
    port = server("-d", "200ms", poem(b"one\ntwo\n")).port
    shown = live("-q", "-n", "2", "-e", "sequential,select,threads", port)
    assert shown.wait() == 0
    screen = shown.screen()
    drawn = bars(screen)
    assert list(drawn) == ["sequential", "select", "threads"]
    assert all(len(rows) == 2 and all(row.endswith("▏") for row in rows) for rows in drawn.values())
    lengths = {engine: [len(row) for row in rows] for engine, rows in drawn.items()}
    assert min(lengths["sequential"]) < max(lengths["select"]) + 3, "they share a scale"
    assert sum(line.startswith("Got 2 poems") for line in screen) == 3
    assert not [line for line in screen if "times the floor" in line], "not drawn a second time"


def test_a_bar_grows_while_its_task_goes_on(live, peer):
    shown = live("-q", "--timeout", "1500ms", peer(silent).port, peer(trickling).port)
    going = shown.wait_for(r"(?s)1 \S+  (·+)\r.*2 \S+  ([·━█─]+)\r")
    assert "█" in going[2] or "·" in going[2]
    assert shown.wait() == 3
    after = bars(shown.screen())["select"]
    assert all("✗" in row and row.endswith("timeout") for row in after)
    frames = shown.text().count("\x1b[J")
    assert 3 <= frames <= 20, "ten a second at most"


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_no_line_is_wider_than_the_window(live, server, poem, tmp_path, columns):
    port = server("-d", "150ms", poem(b"one\ntwo\n")).port
    servers = tmp_path / "servers"
    servers.write_text(f"{port}\t春晓 孟浩然\n{port}\tplain\n")
    shown = live("-q", "--report", "none", "-f", servers, columns=columns)
    assert shown.wait() == 0
    width = lambda line: sum(2 if ord(each) > 0x2e80 else 1 for each in line)
    written = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", shown.text())
    assert max(width(line) for line in re.split(r"[\r\n]+", written)) < columns
    assert any("春晓 孟浩然" in line for line in shown.screen())


def test_of_many_tasks_the_first_are_drawn_and_the_others_counted(live, server, poem):
    port = server("-d", "100ms", poem(b"one\ntwo\n")).port
    shown = live("-q", "-n", "100", port, lines=50)
    assert shown.wait() == 0
    screen = shown.screen()
    assert len(bars(screen)["select"]) == 20
    assert "  (the first 20 of 100 tasks)" in screen
    assert any(line.startswith("select 100 done, 0 failed") for line in screen)


def test_events_stand_above_it(live, server, poem):
    port = server("-d", "300ms", poem(b"one\ntwo\n")).port
    shown = live("-n", "2", port)
    assert shown.wait() == 0
    screen = shown.screen()
    heading = next(at for at, line in enumerate(screen) if line.startswith("select 2 done"))
    assert {"Task 1 finished", "Task 2 finished"} <= set(screen[:heading])
    assert sum(line.startswith("select ") for line in screen) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_one_picture_and_the_terminal_in_order(live, peer, number):
    shown = live("-q", "-e", "sequential,select", peer(silent).port)
    shown.wait_for("sequential 0 done")
    shown.send(number)
    assert shown.wait() == 130
    screen = shown.screen()
    assert list(bars(screen)) == ["sequential"] and bars(screen)["sequential"][0].endswith("interrupted")
    assert screen[-1] == "" and shown.text().rstrip().endswith("s")


def test_a_resized_window_is_drawn_anew(live, peer):
    shown = live("-q", "--timeout", "2s", peer(silent).port, peer(silent).port)
    shown.wait_for("select 0 done")
    shown.resize(100)
    shown.wait_for(r"\x1b\[H\x1b\[2J")
    assert shown.wait() == 3
    assert sum(line.startswith("select ") for line in shown.screen()) == 1


def test_a_small_window_has_a_line_of_progress_until_the_end(live, server, poem):
    port = server("-d", "400ms", poem(b"one\ntwo\n")).port
    shown = live("-q", port, lines=8)
    shown.wait_for("0 done, 0 failed, 1 in flight")
    assert shown.wait() == 0
    assert "\x1b[J" not in shown.text() and list(bars(shown.screen())) == ["select"]


def test_without_a_terminal_it_is_the_present_one(server, poem):
    port = server("-d", "10ms", poem(b"one\n")).port
    result = run("poetry-get", "-q", "--print", "none", "--timeline", "live", port)
    assert re.search(r"^select \d.* times the floor", result.err, re.M) and "\x1b" not in result.err


def test_the_option_takes_what_it_took_before(server, poem, tmp_path):
    port = server("-d", "10ms", poem(b"one\n")).port
    config = tmp_path / "config"
    for text, drawn in (("timeline = true", True), ("timeline = false", False)):
        config.write_text(text + "\n")
        result = run("poetry-get", "-q", "--print", "none", "--config", config, port)
        assert ("times the floor" in result.err) == drawn
    assert "times the floor" in run("poetry-get", "-q", "--print", "none", "--timeline", port).err
    wrong = run("poetry-get", "--timeline=sometimes", port)
    assert wrong.status == 2 and "sometimes" in wrong.err
