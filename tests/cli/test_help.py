"""--help: what it tells, how wide, and by which words."""

import re
import shlex
import shutil

import pytest

from harness import POEMS, WITH_TOOLS, free_ports, run
from sync_server import with_home

TOOLS = ["poetry-server", "poetry-get", "poetry-sync"]
GROUPS = {"poetry-get": ["fetch", "print", "limits", "answer", "other"],
          "poetry-server": ["serve", "clients", "run", "other"]}
tools = pytest.mark.parametrize("name", TOOLS)
grouped = pytest.mark.parametrize("name", GROUPS)


def told(*args, **options):
    result = run(*args, **options)
    assert (result.status, result.err) == (0, "")
    return result.out.decode()


def options(text):
    return re.findall(r"^  (?:-\w, |    )--([\w-]+)", text, re.M)


def examples(name):
    part = told(name, "--help").split("Examples:\n")[1].split("\n\n")[0]
    return re.findall(r"^  (poetry-.*)$", part, re.M)


@pytest.mark.parametrize("args", [
    *([name, "--help"] for name in TOOLS), *([name, "--help", "all"] for name in TOOLS),
    *([name, "--help", group] for name, groups in GROUPS.items() for group in groups),
    *(["poetry-sync", command, "--help"] for command in ("serve", "add", "request", "log"))],
    ids=" ".join)
def test_no_line_is_wider_than_80_columns(args):
    assert max(len(line) for line in told(*args).splitlines()) <= 80


@grouped
def test_the_groups_are_all_options_once_and_in_order(name):
    whole = options(told(name, "--help", "all"))
    assert [each for group in GROUPS[name] for each in options(told(name, "--help", group))] == whole
    foremost = options(told(name, "--help"))
    assert foremost == [each for each in whole if each in foremost] and len(foremost) < len(whole)
    assert "hold" not in whole


@tools
def test_it_begins_with_three_examples_and_ends_with_the_manual(name):
    text = told(name, "--help")
    assert len(examples(name)) == 3 and text.endswith(f"\nManual: man {name}\n")
    assert text.index("Examples:") < text.index("  -h, --help")


@grouped
def test_a_group_is_named_in_every_form(name):
    group = GROUPS[name][1]
    asked = told(name, "--help", group)
    for form in ([f"--help={group}"], ["-h", group], [f"-h{group}"]):
        assert told(name, *form) == asked
    assert f"{name} --help {'|'.join(GROUPS[name])}|all\n" in told(name, "-h")


@pytest.mark.parametrize("args", [["poetry-get", "--help", "10000"], ["poetry-get", "10000", "-h"],
                                  ["poetry-get", "-h", "--", "-x"],
                                  ["poetry-server", "--help", "poem.txt"]], ids=" ".join)
def test_what_cannot_be_a_group_is_an_operand(args):
    assert told(*args) == told(args[0], "--help")


@pytest.mark.parametrize("args, complaint", [
    (["poetry-get", "--help", "limts"], "unknown group of options (valid: fetch, print, limits, "
     "answer, other, all; did you mean limits?): limts"),
    (["poetry-get", "--help=10000"], "(valid: fetch, print, limits, answer, other, all): 10000"),
    (["poetry-sync", "--help", "stauts"], "did you mean status?): stauts")], ids=str)
def test_another_group_is_refused(args, complaint):
    result = run(*args)
    assert (result.status, result.out) == (2, b"") and complaint in result.err.splitlines()[0]


def words(line, first):
    """Its words, with free ports from the first one on in place of 10000 and up."""
    return shlex.split(re.sub(r"\b1000(\d)\b", lambda port: str(first + int(port[1])), line))


@pytest.mark.parametrize("line", examples("poetry-sync"))
def test_the_examples_of_poetry_sync_are_understood(line, tmp_path):
    told(*shlex.split(line), "--print-config", env=with_home(tmp_path))


@pytest.mark.parametrize("line", examples("poetry-server"))
def test_the_examples_of_poetry_server_work(line, tmp_path):
    shutil.copy(POEMS / "ecstasy.txt", tmp_path / "poem.txt")
    ended = [] if "--run" in line else ["--run", "true"]
    placed = ["-p0"] if "1000" not in line else []
    result = run(*words(line, free_ports(3)), *ended, *placed, cwd=tmp_path, env=WITH_TOOLS)
    assert result.status == 0, result.err


@pytest.mark.parametrize("line", examples("poetry-get"))
def test_the_examples_of_poetry_get_work(line, server):
    first = free_ports(3)
    server("-d0", "-p", f"{first}-{first + 2}")
    result = run(*words(line, first))
    assert result.status == 0 and result.out, result.err
