"""The line of progress on a terminal: what it says, what it leaves alone, and that it goes."""

import os
import re
import signal

import pytest

from harness import (WAIT, refused_port, reset, run, silent, tool, trickling, unread_by_peer)
from terminal import Terminal

LINE = (r"(\d+) done, (\d+) failed, (\d+) in flight, (\d+) left, ([\d.]+ [kMG]?B), "
        r"([\d.]+ [kMG]?B)/s, (\d+\.\d s|[\d:]+)")


@pytest.fixture
def terminal(started):
    """terminal(ARG...): poetry-get on a terminal."""
    return lambda *args, **options: started(Terminal, "poetry-get", *args, **options)


@pytest.fixture
def endless(peer):
    return peer(trickling).port


@pytest.fixture
def mute(peer):
    return peer(silent).port


def progress_on(screen):
    return [line for line in screen if "in flight" in line]


def test_it_says_how_far_the_run_is(terminal, server, poem, endless):
    quick = server("-d0", poem(b"x\n")).port
    with refused_port() as refused:
        shown = terminal("-j", "4", "--print", "none", "--timeout", "3s", quick, refused, endless,
                         endless, endless, endless, endless, endless)
        found = shown.wait_for("1 done, 1 failed, 4 in flight, 2 left, ")
        line = shown.wait_for(LINE, after=found.start())
        assert (line[1], line[2], line[3], line[4]) == ("1", "1", "4", "2")
        assert shown.wait() == 1
    assert not progress_on(shown.screen())
    assert shown.screen()[-2].startswith("Got 1 of 8 poems in ")


def test_one_after_another_has_one_in_flight(terminal, mute):
    shown = terminal("-e", "sequential", "-n", "3", mute)
    shown.wait_for("0 done, 0 failed, 1 in flight, 2 left, 0 B, 0 B/s")


def test_bytes_of_a_broken_attempt_do_not_count(terminal, peer):
    def breaking(sock, number, done):
        sock.sendall(b"x" * (5000 if number == 1 else 500))
        while unread_by_peer(sock):
            done.wait(0.01)
        if number == 1:
            reset(sock)
        else:
            done.wait(WAIT)

    port = peer(breaking).port
    shown = terminal("--print", "none", "--retries", "1", "--retry-delay", "0.1", port)
    shown.wait_for("0 done, 0 failed, 1 in flight, 0 left, 500 B, ")


def test_a_list_of_nothing_but_silence_is_redrawn(terminal, mute):
    shown = terminal(mute)
    first = shown.wait_for(LINE)[7]
    shown.wait_for(rf"0 B/s, (?!{re.escape(first)})")


def test_it_is_redrawn_ten_times_a_second_at_most(terminal, server, poem):
    port = server("-d", "50ms", poem(b"x\n" * 20)).port
    shown = terminal("-n", "25", "--print", "none", port)
    assert shown.wait() == 0
    elapsed = float(re.search(r"Got 25 poems in ([\d.]+) s", shown.text())[1])
    assert 1 <= shown.text().count("in flight") <= elapsed * 10 + 1


@pytest.mark.parametrize("options, kind", [(["--quiet"], "xterm"), ([], "dumb"), ([], "")])
def test_it_is_not_wanted_everywhere(terminal, server, poem, options, kind):
    port = server("-d", "300ms", poem(b"x\n")).port
    shown = terminal(*options, port, env={"TERM": kind})
    assert shown.wait() == 0
    assert "in flight" not in shown.text() and "\x1b" not in shown.text()


def test_without_a_terminal_there_are_events_and_nothing_else(server, poem):
    port = server("-d", "300ms", poem(b"x\n")).port
    result = run("poetry-get", port)
    assert "Task 1 finished" in result.err
    assert not re.search("in flight|\r|\x1b", result.err + result.out.decode())


def test_not_even_if_standard_output_is_a_terminal(server, poem):
    port = server("-d", "300ms", poem(b"x\n")).port
    master, slave = os.openpty()
    result = run("poetry-get", port, stdout=slave)
    os.close(slave)
    os.close(master)
    assert "in flight" not in result.err and "Task 1 finished" in result.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("engines", ["select", "sequential", "sequential,select"])
def test_a_signal_leaves_the_terminal_clean(terminal, endless, number, engines):
    shown = terminal("-e", engines, "-n", "2", "--print", "none", endless)
    shown.wait_for(LINE)
    shown.send(number)
    assert shown.wait() == 130
    assert not progress_on(shown.screen())
    assert re.search(r"^Got 0 of 2 poems in", shown.screen()[-2])


def test_a_closed_pipe_leaves_the_terminal_clean(terminal, endless):
    reading, writing = os.pipe()
    shown = terminal(endless, stdout=writing)
    os.close(writing)
    shown.wait_for(LINE)
    os.close(reading)
    assert shown.wait() == -signal.SIGPIPE
    assert not progress_on(shown.screen())


def test_a_full_disk_leaves_the_terminal_clean(terminal, server, poem):
    port = server("-d", "300ms", "--first-delay", "300ms", poem(b"x\n")).port
    with open("/dev/full", "wb") as full:
        shown = terminal(port, stdout=full)
        shown.wait_for(LINE)
        assert shown.wait() == 1
    assert not progress_on(shown.screen())
    assert "No space left on device" in shown.screen()[-2]


def test_it_is_cut_to_the_width_of_the_terminal_as_that_changes(terminal, mute):
    shown = terminal(mute, columns=30)
    shown.wait_for("in fl")
    with shown.changed:
        assert all(len(line) < 30 for line in re.split(r"[\r\n]+", shown.text()))
    shown.resize(20)
    seen = len(shown.written)
    shown.wait_for(r"\r\x1b\[K0 done, 0 failed, 1\r\x1b", after=seen)
    shown.resize(100)
    shown.wait_for(LINE, after=seen)


def test_events_stand_above_it(terminal, server, poem, mute):
    port = server("-d", "150ms", poem(b"one\ntwo\nthree\n")).port
    shown = terminal("--print", "none", port, mute)
    shown.wait_for("1 done, 0 failed, 1 in flight")
    with shown.changed:
        screen = shown.screen()
    assert [line.split(" from ")[0] for line in screen[:-1]] == [
        "Task 1: got 4 bytes of poetry", "Task 1: got 4 bytes of poetry",
        "Task 1: got 6 bytes of poetry", "Task 1 finished"]
    assert screen[-1].startswith("1 done, 0 failed, 1 in flight")


def test_poems_on_the_same_terminal_are_left_whole(terminal, server, poem):
    text = b"".join(b"line %d of the poem\n" % number for number in range(8))
    port = server("-d", "60ms", poem(text)).port
    shown = terminal("-n", "25", "--print", "live", port)
    assert shown.wait() == 0
    assert "in flight" in shown.text()
    lines = [line for line in shown.screen() if line.startswith("[")]
    assert sorted(lines) == sorted(f"[{task}] line {number} of the poem"
                                   for task in range(1, 26) for number in range(8))
    assert len(shown.screen()) == 200 + 3  # two of the report, and the rest of the last line


def hesitating(sock, number, done):
    for piece in [b"begun\nhalf", b" a line", b" and its end\n"] if number == 1 else []:
        sock.sendall(piece)
        done.wait(0.5)


def test_an_unfinished_line_of_a_poem_is_not_drawn_over(terminal, peer):
    shown = terminal("-e", "sequential", "-n", "21", "--report", "none", peer(hesitating).port)
    assert shown.wait() == 0
    assert shown.screen() == ["begun", "half a line and its end", ""]
    assert "in flight" not in shown.text().split("half")[1].split(" end")[0]
    assert "in flight" in shown.text()


def test_an_event_begins_a_line(terminal, peer):
    shown = terminal("--report", "none", peer(hesitating).port)
    assert shown.wait() == 0
    assert [line.split(" from ")[0] for line in shown.screen()] == [
        "Task 1: got 10 bytes of poetry", "begun", "half", "Task 1: got 7 bytes of poetry",
        " a line", "Task 1: got 13 bytes of poetry", " and its end", "Task 1 finished", ""]


def test_a_job_in_the_background_draws_nothing(started, server, poem):
    port = server("-d", "400ms", poem(b"x\n")).port
    shown = started(Terminal, "/bin/bash", "-c",
                    f'set -m; "$0" --report none --print none {port} & wait', tool("poetry-get"))
    shown.wait()
    assert "Task 1 finished" in shown.text() and "in flight" not in shown.text()


@pytest.mark.parametrize("engine", ["sequential", "threads", "select"])
def test_further_signals_change_nothing(terminal, endless, engine):
    shown = terminal("-e", engine, "-n", "2", "--print", "none", endless)
    shown.wait_for(LINE)
    for _ in range(3):
        shown.send(signal.SIGINT)
    assert shown.wait() == 130
    assert re.search(r"^Got 0 of 2 poems in", shown.screen()[-2])
