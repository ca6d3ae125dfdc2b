"""cmake --install puts everything where the GNU directories say, and it works there."""

import shutil
import subprocess

import pytest

from harness import BIN, POEMS, ROOT

BUILD = BIN.parent


@pytest.mark.skipif(not (BUILD / "CMakeCache.txt").exists() or not shutil.which("cmake"),
                    reason="not run from a build directory")
def test_installs_tools_man_pages_and_poems(tmp_path):
    subprocess.run(["cmake", "--install", BUILD, "--prefix", tmp_path], check=True,
                   capture_output=True, timeout=120)
    tools = {"poetry-server", "poetry-get", "poetry-sync", "poetry-demo"}
    assert {path.name for path in (tmp_path / "bin").iterdir()} == tools
    assert {path.name for path in (tmp_path / "share/man/man1").iterdir()} == {
        f"{name}.1" for name in tools}
    assert (tmp_path / "share/man/man7/poetry-lessons.7").exists()
    for tool in ("poetry-server", "poetry-get", "poetry-sync"):
        for place in (f"bash-completion/completions/{tool}", f"zsh/site-functions/_{tool}",
                      f"fish/vendor_completions.d/{tool}.fish"):
            assert tool in (tmp_path / "share" / place).read_text()
    for poem in POEMS.iterdir():
        installed = tmp_path / "share/slow-poetry/poems" / poem.name
        assert installed.read_bytes() == poem.read_bytes()
    for lesson in ("waiting", "deadlines"):
        demo = subprocess.run([tmp_path / "bin/poetry-demo", lesson, "--delay", "1ms"], timeout=60,
                              capture_output=True, cwd=ROOT)
        assert demo.returncode == 0, demo.stderr
