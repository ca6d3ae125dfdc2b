"""poetry-demo's lessons show what they say, and leave nothing behind."""

import os
import pty
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from harness import SANITIZED, WAIT, WITH_TOOLS, Running, becomes_true, run, tool


@pytest.fixture
def marked(tmp_path):
    """An environment that every process started from it carries, and who still does."""
    mark = f"POETRY_TEST_MARK={tmp_path}"

    def carriers():
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if mark.encode() in (process / "environ").read_bytes():
                    found.append((process / "cmdline").read_bytes())
            except OSError:
                pass  # ended meanwhile, or another user's
        return found

    return dict(WITH_TOOLS, POETRY_TEST_MARK=str(tmp_path)), carriers


def test_shows_both_timelines_and_the_comparison(marked):
    environment, carriers = marked
    result = run("poetry-demo", "--delay", "100ms", env=environment)
    assert result.status == 0, result.err
    shown = result.out.decode()
    sequential, select = (float(re.search(rf"^\s*{engine}\s+(\d+\.\d+)", shown, re.M)[1])
                          for engine in ("sequential", "select"))
    assert sequential >= 1.2 and select >= 0.4 and sequential / select > 2
    assert not carriers()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_no_process_behind(started, marked, number):
    environment, carriers = marked
    demo = started(Running, "poetry-demo", "--delay=10s", "--engines=select", env=environment,
                   start_new_session=True)
    demo.out.wait_for(r"\[\d\]")  # a first line has come: all is running
    os.killpg(demo.pid, number)  # as a terminal does
    assert demo.wait() != 0
    demo.out.text()  # ends once the last process that holds it has
    assert not carriers()


# Threads; a sanitizer may have one of its own.
ONE, THREE = ("[12]", "[34]") if SANITIZED else ("1", "3")
SHOWN = {  # by each lesson, each in its turn
    "blocking": [r"\nsequential +\d", r"\nspin +\d", r"\nselect +\d"],
    "crowd": [r"\nepoll +\d", r"\nasio +\d", r"\nthreads +\d"],
    "deadlines": ["connect: Connection refused", "Not fetched, connect-timeout: ",
                  "Not fetched, idle-timeout: ", "38 of 63 bytes", "Connection reset by peer",
                  "sha256 differs", "Got 1 of 8 poems", "starts over in", "Got 1 poem in"],
    "fibonacci": [*["\\n\\d+\n\\d+\n\\d+\n\\$ kill -KILL "] * 4, "uniq -d", r"\n12\n0\n"],
    "models": [*(rf"\n{engine} \d" for engine in ("sequential", "threads", "asio")),
               r"\nsequential +\d", r"\nthreads +\d.*\nselect +\d", "Got 1500 poems", r"\nepoll +\d"],
    "servers": ["--engine select", r"(?s)\[1\] (\d+): hello.*\[1\] \1: hello", rf"\n *\d+ +\d+ +{ONE} ",
                "--engine threads", r"(?s)\[1\] (\d+): hello.*\[1\] \1: hello", rf"\n *\d+ +\d+ +{THREE} ",
                "--engine fork", r"(?s)\[1\] (\d+): hello.*\[1\] (?!\1)\d+: hello"],
    "sync": ["job 1 queued", *["job 1 (?:queued|running)"] * 2, "kill -KILL", "attempt 1 by",
             "attempt 2, resumed after", "\ndone", "the same"],
    "weblog": [r"\[\d\] .*/poems/1", *[r"\[\d\] .*/poems/3"] * 3, "mv access.log",
               *[r"\[\d\] .*/poems/6"] * 3, r"\[3\] </hits>"],
}


@pytest.mark.parametrize("lesson", SHOWN)
def test_a_lesson_shows_what_it_says(lesson, marked, tmp_path):
    environment, carriers = marked
    environment["TMPDIR"] = str(tmp_path)
    # Each with time enough between what it starts and what it looks at.
    delay = "600ms" if SANITIZED else "50ms" if lesson == "crowd" else "250ms"
    result = run("poetry-demo", lesson, "--delay", delay, env=environment, timeout=6 * WAIT)
    assert result.status == 0, result.err
    shown, at = result.out.decode(), 0
    for pattern in SHOWN[lesson]:
        found = re.compile(pattern).search(shown, at)
        assert found, f"{pattern} is not in: {shown[at:]}"
        at = found.end() - 1
    assert not carriers() and not list(tmp_path.iterdir())


@pytest.mark.parametrize("lesson", SHOWN)
def test_a_lesson_that_is_broken_off_leaves_nothing_behind(lesson, started, marked, tmp_path):
    environment, carriers = marked
    environment["TMPDIR"] = str(tmp_path)
    demo = started(Running, "poetry-demo", lesson, "--delay=10s", env=environment)
    demo.out.wait_for("^listening")
    demo.send(signal.SIGTERM)
    assert demo.wait() == 128 + signal.SIGTERM
    demo.out.text()  # ends once the last process that holds it has
    assert not carriers() and not list(tmp_path.iterdir())


def test_a_lesson_that_pauses_is_broken_off_at_once(started, marked, tmp_path):
    environment, carriers = marked
    environment["TMPDIR"] = str(tmp_path)
    demo = started(Running, "poetry-demo", "weblog", "--delay=1h", env=environment)
    assert becomes_true(lambda: any(each.startswith(b"sleep\0") and b"3600" in each
                                    for each in carriers()))
    demo.send(signal.SIGTERM)
    assert demo.wait() == 128 + signal.SIGTERM
    demo.out.text()
    assert not carriers() and not list(tmp_path.iterdir())


def test_step_waits_for_enter_before_each_command():
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(tool("poetry-demo"), ["poetry-demo", "fibonacci", "--step", "--delay=10ms"],
                   WITH_TOOLS)
    shown, deadline = "", time.monotonic() + WAIT
    presses = 0
    while time.monotonic() < deadline:
        try:
            shown += os.read(terminal, 65536).decode()
        except OSError:
            break  # it has ended
        if shown.count("Press Enter. ") > presses:
            assert shown.count("$ poetry") == shown.count("Press Enter. ") - 1
            os.write(terminal, b"\n")
            presses += 1
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert presses == 9 and "uniq -d" in shown  # a start and a draw four times, and the count


def test_the_lessons_are_listed():
    listed = run("poetry-demo", "--list").out.decode().splitlines()
    assert {line.split()[0] for line in listed} == {*SHOWN, "waiting"}
    assert all(len(line) < 100 for line in listed)


def test_finds_its_tools_beside_itself(tmp_path):
    for name in ("poetry-demo", "poetry-server", "poetry-get"):
        (tmp_path / name).symlink_to(tool(name))
    demo = subprocess.run([tmp_path / "poetry-demo", "--delay", "1ms", "--engines", "select"],
                          env={"PATH": "/usr/bin:/bin"}, capture_output=True, timeout=60)
    assert demo.returncode == 0, demo.stderr


def test_a_tool_that_is_missing_is_named():
    result = run("poetry-demo", env=dict(WITH_TOOLS, POETRY_GET="/no/such/get"))
    assert result.status != 0 and "/no/such/get" in result.err


@pytest.mark.parametrize("args, offender", [
    (["--colour"], "--colour"), (["--delay", "soon"], "soon"), (["--engines", "warp"], "warp"),
    (["--delay"], "--delay"), (["poem.txt"], "poem.txt"), (["crowd", "sync"], "sync"),
    (["../waiting"], "../waiting")], ids=str)
def test_usage_errors(args, offender):
    result = run("poetry-demo", *args, env=WITH_TOOLS)
    assert (result.status, result.out) == (2, b"")
    wrong, hint = result.err.splitlines()
    assert wrong.startswith("poetry-demo: ") and offender in wrong
    assert hint == "Try 'poetry-demo --help'."


def test_help_and_version():
    result = run("poetry-demo", "--help")
    assert (result.status, result.err) == (0, "") and result.out.startswith(b"Usage: poetry-demo")
    version = run("poetry-server", "--version").out.splitlines()[0].split()[1]
    result = run("poetry-demo", "--version", env=WITH_TOOLS)
    assert (result.status, result.out) == (0, b"poetry-demo %s\n" % version)
