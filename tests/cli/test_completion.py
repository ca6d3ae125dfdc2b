"""Completion scripts, tried in the shells that they are for."""

import contextlib
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import time

import pytest

from harness import BIN, WAIT, WITH_TOOLS, run

TOOLS = ["poetry-server", "poetry-get"]
tools = pytest.mark.parametrize("name", TOOLS)


def needs(shell):
    return pytest.mark.skipif(not shutil.which(shell), reason=f"{shell} is not installed")


def script(name, shell):
    result = run(name, "--completion", shell)
    assert (result.status, result.err) == (0, "")
    return result.out.decode()


def long_options(name, *command):
    text = run(name, *command, "--help", "all").out.decode()
    return set(re.findall(r"^  (?:-\w, |    )(--[\w-]+)", text, re.M))


SYNC_COMMANDS = {"serve", "web", "worker", "add", "edit", "remove", "list", "request", "status", "log",
                 "text", "export", "import", "cancel", "retry", "backup", "quit", "help"}


def in_bash(name, *words):
    """The completions of the last word."""
    result = subprocess.run(
        ["bash", "--norc", "-c", script(name, "bash") + f"""
         COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
         compopt() {{ :; }}
         _{name.replace('-', '_')}
         printf '%s\\n' "${{COMPREPLY[@]}}" """, "bash", name, *words],
        capture_output=True, text=True, timeout=WAIT)
    assert not result.stderr
    return set(result.stdout.split())


@needs("bash")
@tools
def test_bash_completes_every_option(name):
    assert in_bash(name, "--") == long_options(name)
    assert in_bash(name, "--engi") == {"--engine"}


@needs("bash")
def test_bash_completes_values():
    assert in_bash("poetry-server", "--engine", "sel") == {"select"}
    assert in_bash("poetry-server", "--engine", "=", "ep") == {"epoll"}
    assert in_bash("poetry-server", "-e", "as") == {"asio"}
    assert in_bash("poetry-server", "--engine", "=") >= {"asio", "select", "epoll"}
    assert in_bash("poetry-server", "--log-level", "") == {
        "trace", "debug", "info", "warn", "error", "off"}
    assert in_bash("poetry-get", "--print", "l") == {"live"}
    assert in_bash("poetry-get", "--timeout", "") == set()
    assert in_bash("poetry-server", "--chunk", "") == {"line"}
    assert in_bash("poetry-get", "--help", "li") == {"limits"}
    assert in_bash("poetry-sync", "--help", "qu") == {"quit"}


@needs("bash")
def test_bash_completes_commands_and_what_follows():
    assert in_bash("poetry-sync", "") == SYNC_COMMANDS
    assert in_bash("poetry-sync", "re") == {"remove", "request", "retry"}
    assert in_bash("poetry-sync", "--") == long_options("poetry-sync") | long_options(
        "poetry-sync", "serve")
    for command in SYNC_COMMANDS:
        assert in_bash("poetry-sync", command, "--") == long_options("poetry-sync", command)
    assert in_bash("poetry-sync", "add", "") == {"poem", "collection", "weblog"}
    assert in_bash("poetry-sync", "request", "we") == {"weblog"}
    assert in_bash("poetry-sync", "help", "qu") == {"quit"}
    assert in_bash("poetry-sync", "worker", "--engine", "=", "ep") == {"epoll"}
    assert in_bash("poetry-sync", "-e", "ep") == {"epoll"}
    assert in_bash("poetry-sync", "list", "--engine", "") == set()
    assert in_bash("poetry-sync", "-d", "sqlite:x", "re") == {"remove", "request", "retry"}
    assert in_bash("poetry-sync", "-d", "sqlite:x", "add", "we") == {"weblog"}
    assert in_bash("poetry-sync", "--json", "list", "--") == long_options("poetry-sync", "list")


@needs("fish")
@tools
def test_fish_completes_options_and_values(name, tmp_path):
    (tmp_path / "complete.fish").write_text(script(name, "fish"))

    def completions(line):
        shell = subprocess.run(
            ["fish", "--no-config", "-c", f"source complete.fish; complete -C '{line}'"],
            cwd=tmp_path, env=dict(WITH_TOOLS, HOME=str(tmp_path)), capture_output=True, text=True,
            timeout=WAIT)
        assert not shell.stderr
        return {line.split("\t")[0] for line in shell.stdout.splitlines()}

    assert completions(f"{name} --") >= long_options(name)
    assert completions(f"{name} --log-format ") == {"text", "json"}
    assert completions(f"{name} --engine sel") == {"select"}


@needs("fish")
def test_fish_completes_commands_and_what_follows(tmp_path):
    (tmp_path / "complete.fish").write_text(script("poetry-sync", "fish"))

    def completions(*lines):
        asked = "".join(f"; complete -C '{line}'; echo -" for line in lines)
        shell = subprocess.run(
            ["fish", "--no-config", "-c", "source complete.fish" + asked],
            cwd=tmp_path, env=dict(WITH_TOOLS, HOME=str(tmp_path)), capture_output=True, text=True,
            timeout=WAIT)
        assert not shell.stderr
        # From version 4 on it also lists what merely contains the word, and shows that only where
        # nothing begins with it.
        return [{name for name in (each.split("\t")[0] for each in listed.splitlines())
                 if name.startswith(line.rpartition(" ")[2])}
                for line, listed in zip(lines, shell.stdout.split("-\n"))]

    whole, commands, add, operand, words, value, behind, late = completions(
        "poetry-sync --l", "poetry-sync re", "poetry-sync add --", "poetry-sync add ",
        "poetry-sync help qu", "poetry-sync worker --engine ep",
        "poetry-sync -d sqlite:x re", "poetry-sync -d sqlite:x add we")
    assert (behind, late) == ({"remove", "request", "retry"}, {"weblog"})
    assert whole == {"--listen", "--lease", "--log-file", "--log-format", "--log-level"}
    assert commands == {"remove", "request", "retry"}
    # A value that may be left out follows an equals sign.
    assert add == long_options("poetry-sync", "add") | {"--help="}
    assert (operand, words, value) == ({"poem", "collection", "weblog"}, {"quit"}, {"epoll"})


@contextlib.contextmanager
def zsh(name, tmp_path):
    """wait_for(pattern) and type(text) of an interactive shell."""
    functions = tmp_path / "functions"
    functions.mkdir()
    (functions / f"_{name}").write_text(script(name, "zsh"))
    (tmp_path / ".zshrc").write_text(
        f"PS1='> '; fpath=({functions} $fpath); autoload -U compinit; compinit -u -D\n"
        "echo ready\n")
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        os.execvpe("zsh", ["zsh", "-i"], dict(
            os.environ, PATH=f"{BIN}:{os.environ['PATH']}", ZDOTDIR=str(tmp_path), TERM="vt100"))
    shown = ""

    def wait_for(pattern):
        """Waits until the terminal shows it, whatever its attributes and padding."""
        nonlocal shown
        deadline = time.monotonic() + WAIT
        while not re.search(pattern, re.sub(r"\x1b\[[\d;?]*\w|[\0\r]", "", shown)):
            assert time.monotonic() < deadline, shown
            if select.select([terminal], [], [], 0.1)[0]:
                shown += os.read(terminal, 65536).decode(errors="replace")
        shown = ""

    try:
        wait_for(r"ready[\s\S]*> ")
        yield wait_for, lambda text: os.write(terminal, text)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)


@needs("zsh")
@tools
def test_zsh_completes_options_and_values(name, tmp_path):
    with zsh(name, tmp_path) as (wait_for, type_in):
        type_in(f"{name} --engin\t".encode())
        wait_for("--engine=")
        type_in(b"sel\t")
        wait_for("select")
        type_in(b"--log-for\t")
        wait_for("--log-format=")
        type_in(b"js\t")
        wait_for("on")


@needs("zsh")
def test_zsh_completes_commands_and_what_follows(tmp_path):
    with zsh("poetry-sync", tmp_path) as (wait_for, type_in):
        type_in(b"poetry-sync req\t")
        wait_for("uest ")
        type_in(b"weblo\t")
        wait_for("weblog")
        type_in(b"--wai\t")
        wait_for("--wait")
        type_in(b"\x15poetry-sync --attem\t")
        wait_for("--attempts=")
        type_in(b"\x15poetry-sync -c 8081 request we\t")
        wait_for("weblog")
        type_in(b"--wai\t")
        wait_for("--wait")


def test_another_shell_is_refused():
    result = run("poetry-server", "--completion", "tcsh")
    assert result.status == 2 and "bash, zsh, fish): tcsh" in result.err
