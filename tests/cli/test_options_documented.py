"""Every option stands in --help, in the man page and in a test, and they agree."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from harness import ROOT, run

TOOLS = ["poetry-server", "poetry-get", "poetry-demo"]
HERE = Path(__file__)
tools = pytest.mark.parametrize("name", TOOLS)


def page(name):
    return (ROOT / "man" / f"{name}.1").read_text()


def in_help(name):
    """{option: (letter, default)} of the lines `  -d, --delay DUR  text (default: 1s)`."""
    text = run(name, "--help").out.decode()
    found = {}
    for line in re.split(r"\n(?=  (?:-\w, |    )--)", text)[1:]:
        letter, option = re.match(r"  (?:-(\w), |    )--([\w-]+)", line).groups()
        default = re.search(r"\(default: ([^)]*)\)", line.split("\n\n")[0])
        found[option] = (letter, default and " ".join(default[1].split()))
    return found


def in_man(name):
    """The same of the items `.It Fl d , Fl Fl delay Ar DUR` and their lines `Default: 1s.`"""
    options = page(name).split(".Sh OPTIONS\n")[1].split("\n.Sh ")[0]
    found = {}
    for item in re.split(r"^\.It ", options, flags=re.M)[1:]:
        letter, option = re.match(r"(?:Fl (\w) , )?Fl Fl ([\w-]+)", item).groups()
        default = re.search(r"^Default: (.*)\.$", item, re.M)
        found[option] = (letter, default and default[1])
    return found


@tools
def test_help_and_man_page_agree(name):
    assert in_help(name) == in_man(name)
    assert list(in_help(name)) == list(in_man(name)), "the order"


@tools
def test_every_option_occurs_in_a_test(name):
    tests = "".join(path.read_text() for path in HERE.parent.glob("*.py") if path != HERE)
    missing = [option for option in in_help(name)
               if not re.search(rf"--{option}(?![\w-])", tests)]
    assert not missing


@pytest.mark.parametrize("name", TOOLS[:2])
def test_printed_configuration_shows_the_defaults_of_the_help(name):
    printed = dict(line.split(" = ", 1) for line in run(
        name, "--print-config", *(["1"] if name == "poetry-get" else [])
    ).out.decode().splitlines())
    wrong = {option: (default, printed.get(option)) for option, (_, default)
             in in_help(name).items() if default and default.split(",")[0] != printed.get(option)}
    assert not wrong


@tools
@pytest.mark.skipif(not shutil.which("mandoc"), reason="mandoc is not installed")
def test_the_man_page_is_clean(name):
    result = subprocess.run(["mandoc", "-Tlint", "-W", "warning", ROOT / "man" / f"{name}.1"],
                            capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stdout) == (0, "")
