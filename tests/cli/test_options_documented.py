"""Every option stands in --help, in the man page and in a test, and they agree."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from harness import ROOT, run
from sync_server import with_home

TOOLS = ["poetry-server", "poetry-get", "poetry-demo"]
PAGES = [*TOOLS, "poetry-sync"]
COMMANDS = ["serve", "web", "worker", "add", "edit", "remove", "list", "request", "status", "log",
            "text", "export", "import", "cancel", "retry", "backup", "quit", "help"]  # of poetry-sync
HERE = Path(__file__)
tools = pytest.mark.parametrize("name", TOOLS)
commands = pytest.mark.parametrize("command", COMMANDS)


def page(name):
    return (ROOT / "man" / f"{name}.1").read_text()


def in_help(name, *command):
    """{option: (letter, default)} of the lines `  -d, --delay DUR  text (default: 1s)`."""
    text = run(name, *command, "--help", "all").out.decode()
    found = {}
    for line in re.split(r"\n(?=  (?:-\w, |    )--)", text)[1:]:
        letter, option = re.match(r"  (?:-(\w), |    )--([\w-]+)", line).groups()
        default = re.search(r"\(default:\s([^)]*)\)", line.split("\n\n")[0])
        found[option] = (letter, default and " ".join(default[1].split()))
    return found


def in_man(name, command=""):
    """The same of the items `.It Fl d , Fl Fl delay Ar DUR` and their lines `Default: 1s.`; those
    of one command, which the line `Commands: add, list.` names, or which have no such line."""
    options = page(name).split(".Sh OPTIONS\n")[1].split("\n.Sh ")[0]
    found = {}
    for item in re.split(r"^\.It ", options, flags=re.M)[1:]:
        letter, option = re.match(r"(?:Fl (\w) , )?Fl Fl ([\w-]+)", item).groups()
        default = re.search(r"^Default: (.*)\.$", item, re.M)
        of = re.search(r"^Commands: (.*)\.$", item, re.M)
        if not command or not of or command in of[1].split(", "):
            found[option] = (letter, default and default[1])
    return found


@tools
def test_help_and_man_page_agree(name):
    assert in_help(name) == in_man(name)
    assert list(in_help(name)) == list(in_man(name)), "the order"


@commands
def test_the_help_of_a_command_and_man_page_agree(command):
    documented = in_man("poetry-sync", command)
    documented.pop("completion")  # which is given without a command
    assert in_help("poetry-sync", command) == documented
    assert list(in_help("poetry-sync", command)) == list(documented), "the order"


def test_the_man_page_names_each_command_and_no_other():
    listed = page("poetry-sync").split(".Sh COMMANDS\n")[1].split("\n.Sh ")[0]
    assert re.findall(r"^\.It Cm (\w+)", listed, re.M) == COMMANDS
    shown = run("poetry-sync", "--help").out.decode().split("Commands:\n")[1].split("\n\n")[0]
    assert re.findall(r"^  (\w+)", shown, re.M) == COMMANDS
    named = set(", ".join(re.findall(r"^Commands: (.*)\.$", page("poetry-sync"), re.M)).split(", "))
    assert named <= set(COMMANDS)


@pytest.mark.parametrize("name", PAGES)
def test_every_option_occurs_in_a_test(name):
    tests = "".join(path.read_text() for path in HERE.parent.glob("*.py") if path != HERE)
    missing = [option for option in in_man(name)
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


@commands
def test_printed_configuration_of_a_command_shows_the_defaults_of_its_help(command, tmp_path):
    printed = dict(line.split(" = ", 1) for line in run(
        "poetry-sync", command, "--print-config", env=with_home(tmp_path),
    ).out.decode().splitlines())
    told = {option: default.replace("~", str(tmp_path)) for option, (_, default)
            in in_help("poetry-sync", command).items() if default}
    assert {option: printed.get(option) for option in told} == told
    assert set(printed) <= {*told, "json", "wait", "follow", "all", "metrics-token"}, "what has no default is not set"


@pytest.mark.parametrize("args, section", [(["--fault", "?"], "FAULTS"),
                                           (["--serve", "0=?"], "SERVICES")])
def test_the_man_page_has_every_fault_and_service(args, section):
    names = re.search(r"\(valid: ([^)]*)\)", run("poetry-server", *args).err)[1].split(", ")
    items = page("poetry-server").split(f".Sh {section}\n")[1].split("\n.Sh ")[0]
    documented = re.findall(r"^\.It Cm ([\w-]+)", items, re.M)
    assert set(names) <= set(documented)


@pytest.mark.parametrize("name", TOOLS[:2])
def test_the_man_page_has_every_engine(name):
    said = run(name, "--version").out.decode()
    names = re.search(r"^Engines: (.*)$", said, re.M)[1].split()
    item = page(name).split("\n.It Fl e , Fl Fl engine ")[1].split("\n.It ")[0]
    documented = re.findall(r"\w+", " ".join(re.findall(r"^\.Cm (.*)$", item, re.M)))
    assert set(names) <= set(documented)


def test_the_course_has_every_lesson_and_every_engine():
    text = (ROOT / "man/poetry-lessons.7").read_text()
    listed = run("poetry-demo", "--list").out.decode().splitlines()
    for lesson in (line.split()[0] for line in listed):
        assert f"poetry-demo {lesson} )" in text, lesson
    for name in TOOLS[:2]:
        said = run(name, "--version").out.decode()
        for engine in re.search(r"^Engines: (.*)$", said, re.M)[1].split():
            assert f"\n.Ss {engine}\n" in text, engine
    for files in re.findall(r"^\.Pa (.*)$", text, re.M):
        assert all((ROOT / file).exists() for file in files.split(" , ")), files


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.skipif(not shutil.which("mandoc"), reason="mandoc is not installed")
def test_the_man_page_is_clean(name):
    result = subprocess.run(["mandoc", "-Tlint", "-W", "warning", ROOT / "man" / f"{name}.1"],
                            capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stdout) == (0, "")
