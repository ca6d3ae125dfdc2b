"""Every recipe of the README and every example of a man page, in their order, from one shell."""

import re

import pytest

from harness import ROOT, SANITIZED, can_trace
from recipes import OWN_NETWORK, Shell, commands_of, has_own_network

# What stands in for a machine of the reader's, or takes root and systemd.
ELSEWHERE = ("postgresql://", "systemd-socket-activate", "systemctl", "example.org", "proxy_pass")

pytestmark = pytest.mark.skipif(SANITIZED, reason="they are the same commands")


@pytest.fixture
def shell(tmp_path):
    if not has_own_network():
        pytest.skip("no network namespaces here, and the pages' ports may be taken")
    shell = Shell(tmp_path, OWN_NETWORK)
    yield shell
    shell.end()


def play(shell, commands):
    for command, expected in commands:
        if "--calls" in command and not can_trace():
            continue
        status, printed, missing = shell.run(command, expected)
        seen = f"$ {command}\n" + "\n".join(printed)
        assert missing is None, f"no line like {missing!r} in:\n{seen}"
        assert status in (0, 143) or "kill" in command or "report.json" in command, f"{status}: {seen}"


def test_the_readme(shell):
    play(shell, commands_of((ROOT / "README.md").read_text()))


def test_the_readme_has_no_other_commands():
    text = (ROOT / "README.md").read_text()
    others = re.findall(r"^```sh\n(.*?)^```$", text.split("## Recipes")[1], re.M | re.S)
    assert others
    for block in others:
        assert any(word in block for word in ELSEWHERE), block


def examples(page):
    """The same form as commands_of(), from the displays of a man page's EXAMPLES."""
    section = page.read_text().split(".Sh EXAMPLES\n")[1].split("\n.Sh ")[0]
    blocks = re.findall(r"^\.Bd -literal.*\n((?:.*\n)*?)\.Ed$", section, re.M)
    shown = [re.sub(r"\\&", "", each).replace(r"\e", "\\").replace(r"\-", "-") for each in blocks]
    run = [each for each in shown if each.startswith("$ ")]
    for each in shown:
        assert each in run or any(word in each for word in ELSEWHERE), each
    return commands_of("".join(f"```console\n{each}```\n" for each in run))


@pytest.mark.parametrize("page", sorted((ROOT / "man").glob("*.1")), ids=lambda page: page.stem)
def test_a_man_page(page, shell):
    commands = examples(page)
    assert commands
    play(shell, commands)
