"""poetry-demo shows one after another against all at once, and leaves nothing behind."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from harness import WITH_TOOLS, Running, run, tool


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
    (["--delay"], "--delay"), (["poem.txt"], "poem.txt")], ids=str)
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
