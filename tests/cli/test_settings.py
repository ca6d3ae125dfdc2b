"""What both tools share: help, version, configuration, logs."""

import json
import os
import re

import pytest

from harness import WAIT, read_poem, run

TOOLS = ["poetry-server", "poetry-get"]
both = pytest.mark.parametrize("name", TOOLS)


@both
@pytest.mark.parametrize("option, pattern", [
    ("--help", r"Usage: {}(.|\n)*--version"), ("-h", r"Usage: {}"),
    ("--version", r"{} \d+\.\d+\.\d+\n"), ("-V", r"{} \d+\.\d+\.\d+\n")])
def test_help_and_version_go_to_standard_output(name, option, pattern):
    result = run(name, option)
    assert (result.status, result.err) == (0, "")
    assert re.match(pattern.format(name), result.out.decode(), re.IGNORECASE)


@pytest.mark.parametrize("name, feature", [
    ("poetry-server", "Engines: asio "), ("poetry-get", "Engines: sequential "),
    ("poetry-sync", "Databases: SQLite, PostgreSQL by libpqxx/")])
def test_the_version_says_what_was_built_in(name, feature):
    first, built, features = run(name, "--version").out.decode().splitlines()
    assert first == run("poetry-server", "--version").out.decode().splitlines()[0].replace(
        "poetry-server", name)
    assert re.fullmatch(r"Built with: (\S+/\d+\.\d+\S* ?){6,}", built)
    assert {"Boost", "SQLite"} <= {each.split("/")[0] for each in built.split()}
    assert features.startswith(feature)
    assert ("liburing/" in built) == (" uring" in features) or name == "poetry-sync"


@both
def test_printed_configuration_reads_back_as_itself(name, tmp_path):
    config = tmp_path / "settings.conf"
    operands = ["-p0"] if name == "poetry-server" else ["10000"]
    first = run(name, "--log-level", "debug", "--repeat", "3", "--print-config", *operands)
    assert (first.status, first.err) == (0, "")
    assert b"log-level = debug\n" in first.out and b"repeat = 3\n" in first.out
    config.write_bytes(first.out)
    again = run(name, "--config", config, "--print-config", *operands[1:] or operands)
    assert (again.status, again.out) == (0, first.out)


@both
def test_the_command_line_wins_over_the_configuration(name, tmp_path):
    config = tmp_path / "settings.conf"
    config.write_text("# settings\n\nrepeat = 3\n  log-level=warn \n")
    printed = run(name, "--config", config, "--repeat=5", "--print-config",
                  *(["10000"] if name == "poetry-get" else [])).out.decode()
    assert "repeat = 5\n" in printed and "log-level = warn\n" in printed


@both
@pytest.mark.parametrize("line, offender", [
    ("colour = red", "colour"), ("repeat", "repeat"), ("repeat = often", "often")])
def test_a_bad_configuration_line_is_named(name, line, offender, tmp_path):
    config = tmp_path / "settings.conf"
    config.write_text(f"log-level = info\n{line}\n")
    result = run(name, "--config", config, "10000" if name == "poetry-get" else "-p0")
    assert (result.status, result.out) == (2, b"")
    assert re.search(rf"{config}:2\b.*{offender}", result.err.splitlines()[0])


@both
def test_a_missing_configuration_is_named(name, tmp_path):
    result = run(name, "--config", tmp_path / "none.conf")
    assert result.status in (1, 2) and str(tmp_path / "none.conf") in result.err


def test_log_level_off_is_silent(server, poem):
    running = server("--log-level", "off", "-d0", "--exit-after", "1", poem(b"x\n"))
    read_poem(running.port)
    assert running.wait() == 0
    assert running.err.text() == ""


def test_log_file_takes_the_log_as_json(server, poem, tmp_path):
    log = tmp_path / "server.log"
    running = server("--log-file", log, "--log-format", "json", "--exit-after", "1", "-d0",
                     poem(b"x\n", 'a "quoted".txt'))
    read_poem(running.port)
    assert running.wait() == 0
    records = [json.loads(line) for line in log.read_text().splitlines()]
    assert all({"time", "level", "message"} <= set(record) for record in records)
    closed, = [record for record in records if record["message"] == "closed"]
    assert closed["peer"].startswith("127.0.0.1:") and closed["port"] == running.port
    assert (closed["conn"], closed["service"], closed["bytes"]) == (1, "poem", 2)
    assert closed["reason"] == "finished" and 0 <= closed["elapsed"] < WAIT
    assert running.err.text() == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
@pytest.mark.parametrize("options", [["-e", "epoll"], ["-e", "fork"], ["--workers", "2"]], ids=" ".join)
def test_a_log_file_that_takes_nothing_is_told_once(options, server, poem):
    running = server("--log-file", "/dev/full", "-d0", "--exit-after", "3", *options, poem(b"x\n"))
    for _ in range(3):
        assert read_poem(running.port) == b"x\n"
    assert running.wait() == 0
    assert running.err.text() == "poetry-server: write to /dev/full: No space left on device"


def test_get_logs_at_its_level(server, poem, tmp_path):
    port = server("-d0", poem(b"x\n")).port
    log = tmp_path / "get.log"
    run("poetry-get", "--log-level", "trace", "--log-format", "json", "--log-file", log, port)
    assert log.exists()
    assert all("message" in json.loads(line) for line in log.read_text().splitlines())


@both
def test_a_double_dash_ends_the_options(name, tmp_path):
    result = run(name, *(["-p0"] if name == "poetry-server" else []), "--", "--delay",
                 cwd=tmp_path)
    assert result.status in (1, 2, 3) and "--delay" in result.err
    assert "unrecogni" not in result.err and "unknown option" not in result.err


@pytest.mark.parametrize("args, said", [
    (["poetry-get", "--enigne", "select", "1"], "unknown option (did you mean --engine?): --enigne"),
    (["poetry-get", "-e", "slect", "1"], "did you mean select?): slect"),
    (["poetry-get", "--print", "orderd", "1"], "(valid: ordered, live, none; did you mean ordered?)"),
    (["poetry-server", "-e", "epol"], "did you mean epoll?): epol"),
    (["poetry-server", "--serve", "0=wblog:x"], "did you mean weblog?): wblog"),
    (["poetry-server", "--serve", "0=poem:x,dealy=1s"], "did you mean delay?): dealy"),
    (["poetry-server", "--fault", "stall-aftr=1B"], "did you mean stall-after?): stall-aftr"),
    (["poetry-sync", "stauts"], "did you mean status?): stauts"),
    (["poetry-get", "--completion", "bsh"], "(valid: bash, zsh, fish; did you mean bash?): bsh"),
    (["poetry-sync", "add", "--every-thing"], "unknown option: --every-thing")], ids=str)
def test_a_name_that_is_nearly_right_is_told(args, said):
    result = run(*args)
    assert result.status == 2 and said in result.err.splitlines()[0]
