"""Runs the lines of the man pages' EXAMPLES that begin with a prompt."""

import os
import re
import shutil
import signal
import subprocess

import pytest

from harness import POEMS, ROOT, WAIT, WITH_TOOLS


def examples():
    for path in sorted((ROOT / "man").glob("*.1")):
        section = path.read_text().split(".Sh EXAMPLES\n")[1].split("\n.Sh ")[0]
        for line in re.findall(r"^(?:\.Dl )?\$ (.*)$", section, re.M):
            line = line.replace(r"\e", "\\").replace(r"\-", "-").replace(r"\(aq", "'")
            yield pytest.param(line, id=f"{path.stem}: {line}")


@pytest.mark.parametrize("command", examples())
def test_example(command, tmp_path):
    shutil.copytree(POEMS, tmp_path / "poems")
    shell = subprocess.Popen(["sh", "-c", command], cwd=tmp_path, env=WITH_TOOLS,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, start_new_session=True)
    try:
        out, _ = shell.communicate(timeout=WAIT)
    finally:
        try:
            os.killpg(shell.pid, signal.SIGKILL)  # whatever the example left behind
            left_behind = shell.returncode is not None
        except ProcessLookupError:
            left_behind = False
        shell.wait()
    assert shell.returncode == 0, out.decode()
    assert out and not left_behind
