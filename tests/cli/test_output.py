"""Where output goes, and what happens when it cannot."""

import os
import signal
import subprocess

import pytest

from harness import ENGINES, WAIT, run, tool, trickling

POEM = b"one\ntwo\nthree\n"
QUIET_ENDS = (0, 1, -signal.SIGPIPE)


@pytest.fixture
def full():
    with open("/dev/full", "wb") as file:
        yield file


@pytest.mark.parametrize("args", [
    ["poetry-server", "--help"], ["poetry-server", "-p0"], ["poetry-server", "--print-config"],
    ["poetry-get", "--help"], ["poetry-get", "--print-config", "1"]], ids=" ".join)
def test_a_full_disk_is_an_error(full, args):
    result = run(*args, stdout=full)
    assert result.status == 1
    assert "No space left on device" in result.err.splitlines()[0]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("printing", ["ordered", "live"])
def test_a_poem_onto_a_full_disk_is_an_error(full, server, poem, engine, printing):
    result = run("poetry-get", "-e", engine, "--print", printing,
                 server("-d0", poem(POEM)).port, stdout=full)
    assert result.status == 1 and "No space left on device" in result.err


@pytest.mark.parametrize("option", ["-o", "--report-file"])
def test_a_file_onto_a_full_disk_is_an_error(server, poem, option):
    result = run("poetry-get", option, "/dev/full", server("-d0", poem(POEM)).port)
    assert result.status == 1
    assert "/dev/full" in result.err and "No space left on device" in result.err


def ends_with_its_reader(process, read):
    with process:
        assert process.stdout.read(read)
        process.stdout.close()
        try:
            return process.wait(WAIT), process.stderr.read().decode()
        finally:
            if process.poll() is None:
                process.kill()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("printing", ["ordered", "live"])
def test_a_closed_pipe_ends_a_fetch_quietly(peer, engine, printing):
    process = subprocess.Popen(
        [tool("poetry-get"), "-q", "--report", "none", "-e", engine, "--print", printing,
         str(peer(trickling).port)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    status, err = ends_with_its_reader(process, 1)
    assert status in QUIET_ENDS and err == ""


@pytest.mark.parametrize("args", [["poetry-server", "--help"], ["poetry-server", "-p0"],
                                  ["poetry-get", "--help"]], ids=" ".join)
def test_a_closed_pipe_ends_the_tool_quietly(args):
    reading, writing = os.pipe()
    os.close(reading)
    result = run(*args, stdout=writing)
    os.close(writing)
    assert result.status in QUIET_ENDS and "rror" not in result.err and "ipe" not in result.err


def test_output_goes_to_a_file(server, poem, tmp_path):
    out = tmp_path / "poems"
    result = run("poetry-get", "--output", out, "-n", "2", server("-d0", poem(POEM)).port)
    assert (result.status, result.out, out.read_bytes()) == (0, b"", POEM * 2)


def test_output_goes_to_a_file_a_task(server, poem, tmp_path):
    out = tmp_path / "poems"
    port = server("-d0", poem(POEM)).port
    result = run("poetry-get", "--output-dir", out, "-n", "2", port)
    assert (result.status, result.out) == (0, b"")
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {
        f"{task}-127.0.0.1-{port}.txt": POEM for task in ("001", "002")}


def test_a_partial_file_keeps_its_suffix(peer, tmp_path):
    port = peer(trickling).port
    run("poetry-get", "-O", tmp_path / "poems", "--max-bytes", "15", port)
    path, = (tmp_path / "poems").iterdir()
    assert (path.name, path.read_bytes()) == (
        f"001-127.0.0.1-{port}.txt.part", b"and so on\nand s")


def test_a_poem_that_waits_its_turn_is_spooled(server, poem):
    slow = server("-d", "500ms", poem(b"slow\n", "slow.txt")).port
    big = b"fast\n" * 800_000
    result = run("poetry-get", slow, server("-d0", poem(big)).port)
    assert result.status == 0 and result.out == b"slow\n" + big
