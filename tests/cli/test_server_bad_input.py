"""Bad input to poetry-server: one line that names the offender, the status, nothing half done."""

import re
import socket
from pathlib import Path

import pytest

from harness import connect, fails, free_ports, run

USAGE = [
    (["--port", "65536"], "65536"),
    (["--port", "99999999999999999999"], "99999999999999999999"),
    (["--port", "-1"], "-1"),
    (["--port", "http"], "http"),
    (["--port", "10-"], "10-"),
    (["--port", "12-10"], "12-10"),
    (["--port", "10000,,10001"], "10000,,10001"),
    (["--port", ""], "port"),
    (["--port", "10000-10003"], "10000-10003"),  # for the three built-in poems
    (["--delay", "soon"], "soon"),
    (["--delay=-1s"], "-1s"),
    (["--delay", "5parsecs"], "5parsecs"),
    (["--delay", "99999999999999999999h"], "99999999999999999999h"),
    (["--delay", "nan"], "nan"),
    (["--delay"], "--delay"),
    (["--first-delay", "1e400"], "1e400"),
    (["--chunk", "word"], "word"),
    (["--chunk=-5"], "-5"),
    (["--chunk", "0"], "0"),
    (["--chunk", "10XB"], "10XB"),
    (["--chunk", "99999999999GiB"], "99999999999GiB"),
    (["--repeat", "often"], "often"),
    (["--repeat=-2"], "-2"),
    (["--engine", "warp"], "warp"),
    (["--tick", "0"], "0"),
    (["--tick", "0ms"], "0ms"),
    (["--tick=-1ms"], "-1ms"),
    (["--tick", "often"], "often"),
    (["--max-clients", "many"], "many"),
    (["--workers", "0"], "0"),
    (["--workers=-2"], "-2"),
    (["--workers", "some"], "some"),
    (["--workers", "1.5"], "1.5"),
    (["--workers", "99999999999999999999"], "99999999999999999999"),
    (["--backlog=-1"], "-1"),
    (["--send-timeout", "1x"], "1x"),
    (["--drain-timeout", "x1"], "x1"),
    (["--exit-after", "1.5"], "1.5"),
    (["--log-level", "loud"], "loud"),
    (["--log-format", "xml"], "xml"),
    (["--colour"], "--colour"),
    (["-Z"], "-Z"),
    (["--serve", "nonsense"], "nonsense"),
    (["--serve", "0=juggle:x"], "juggle"),
    (["--serve", "0=poem"], "poem"),
    (["--serve", "70000=poem:x"], "70000"),
    (["--serve", "0=poem:x,colour=red"], "colour"),
    (["--serve", "0=poem:x,await="], "await"),
    (["--serve", "0=poem:x,await=0bytes"], "await"),
    (["--serve", "0=poem:x,await=0lines"], "await"),
    (["--serve", "0=poem:x,await=99999999999999999999lines"], "await"),
    (["--serve", r"0=poem:x,await=\q"], "await"),
    (["--serve", "0=poem:x,rounds=2"], "rounds needs await"),
    (["--serve", "0=poem:x,await-timeout=5s"], "await-timeout needs await"),
    (["--serve", "0=poem:x,await=any,rounds=0"], "rounds"),
    (["--serve", "0=poem:x,await=any,rounds="], "rounds"),
    (["--serve", "0=poem:x,await=any,rounds=99999999999999999999"], "rounds"),
    (["--serve", "0=poem:x,await=any,await-timeout=soon"], "await-timeout"),
    (["--serve", "0=poem:x,await=any,await-timeout="], "await-timeout"),
    (["--serve", "0=poem:random,repeat=2"], "repeat"),
    (["--serve", "0=poem:random,duration=1s"], "duration"),
    (["--serve", "0=echo,await=any"], "await"),
    (["--serve", "0=chargen,await=any"], "await"),
    (["--serve", "0=metrics:x"], "metrics"),
    (["--serve", "0=metrics,delay=1s"], "delay"),
    (["--control", ""], "control"),
    (["--control", "/" + "x" * 108], "107 bytes"),
    (["--v6only=perhaps"], "v6only"),
    (["--serve", "0=poem:x,delay=soon"], "soon"),
    (["--serve", "0=poem:x,delay="], "delay"),
    (["--serve", "0=poem:x,rate="], "rate"),
    (["--rate", "0"], "rate"),
    (["--rate", "9999999999GiB"], "9999999999GiB"),
    (["--duration", "-1s"], "-1s"),
    (["--max-poem", "much"], "much"),
    (["--serve", "0=poem:x,jitter=-1s"], "-1s"),
    (["--serve", "0=discard:x"], "discard:x"),
    (["--serve", "0=discard,delay=1s"], "delay"),
    (["--serve", "0=chargen:x"], "chargen:x"),
    (["--serve", "0=chargen,delay=soon"], "soon"),
    (["--serve", "0=chargen,chunk=0"], "0"),
    (["--serve", "0=chargen,repeat=2"], "repeat"),
    (["--serve", "0=echo:x"], "echo:x"),
    (["--serve", "0=echo,prefix=name"], "name"),
    (["--serve", "0=echo,delay=1s"], "delay"),
    (["--serve", "0=weblog"], "weblog:FILE"),
    (["--serve", "0=weblog:x,format=html"], "html"),
    (["--serve", "0=weblog:x,backlog=101"], "101"),
    (["--serve", "0=weblog:x,poll=often"], "often"),
    (["--serve", "0=fibonacci:"], "fibonacci:STATE"),
    (["--serve", "0=fibonacci:x,lease=0"], "0"),
    (["--serve", "0=catalog,chunk=1"], "chunk"),
    (["--serve", "0=poem:x,fault=explode"], "explode"),
    (["--jitter=-1ms"], "-1ms"),
    (["--seed", "lucky"], "lucky"),
    (["--fault", "explode"], "explode"),
    (["--fault", "stall-after"], "stall-after"),
    (["--fault", "stall-after=soon"], "soon"),
    (["--fault", "stall-after=-1B"], "-1B"),
    (["--fault", "reset-after=1.5lines"], "1.5lines"),
    (["--fault", "never-reply=1"], "never-reply=1"),
    (["--fault", "slice=0"], "slice=0"),
    (["--fault", "latency=long"], "long"),
    (["--fault", "101%:never-reply"], "101%"),
    (["--fault", "#0:never-reply"], "#0"),
    (["--fault", "some:never-reply"], "some"),
    (["--fault", "#1:refuse"], "refuse"),
    (["--fault", "50%:accept-delay=1s"], "accept-delay"),
    (["--fault", "stall-after=1B", "--fault", "reset-after=2B"], "reset-after=2B"),
    (["--fault", "#3:never-reply", "--fault", "#3:close-after=1line"], "#3:close-after=1line"),
    (["--fault", "refuse", "--fault", "blackhole"], "blackhole"),
    (["--fault", "latency=1s", "--fault", "blackhole"], "blackhole"),
    (["--fault", "latency=1s", "--fault", "latency=2s"], "latency=2s"),
]


VALID = [
    (["--serve", "0=juggle:x"], "poem, "),
    (["--serve", "0=weblog:x,format=html"], "line, xml, json"),
    (["--serve", "0=poem:x,colour=red"],
     "await, await-timeout, chunk, delay, duration, fault, first-delay, for, gap, jitter, "
     "max-clients, rate, repeat, rounds, send-timeout"),
    (["--fault", "explode"], "none, stall-after, "),
    (["--engine", "warp"], "asio, "),
]


@pytest.mark.parametrize("args, valid", VALID, ids=lambda value: " ".join(value)
                         if isinstance(value, list) else None)
def test_what_is_unknown_is_answered_with_what_there_is(args, valid):
    result = run("poetry-server", *args)
    assert result.status == 2 and re.search(f"valid: {valid}", result.err)


@pytest.mark.parametrize("args, offender", USAGE, ids=lambda value: " ".join(value)
                         if isinstance(value, list) else None)
def test_usage_errors(args, offender):
    result = run("poetry-server", *args)
    assert (result.status, result.out) == (2, b"")
    wrong, hint = result.err.splitlines()
    assert wrong.startswith("poetry-server: ") and offender in wrong
    assert hint == "Try 'poetry-server --help'."


@pytest.mark.parametrize("how", ["argument", "service"])
def test_a_poem_that_is_missing(tmp_path, how):
    missing = tmp_path / "missing.txt"
    fails(run("poetry-server", *(["-p0", missing] if how == "argument" else
                                 ["--serve", f"0=poem:{missing}"])), missing)


def test_a_poem_that_is_a_directory(tmp_path):
    fails(run("poetry-server", "-p0", tmp_path), tmp_path)


def test_an_address_that_does_not_resolve():
    fails(run("poetry-server", "-p0", "--host", "no-such-host.invalid"), "no-such-host.invalid")


@pytest.mark.parametrize("option", ["--ready-file", "--log-file"])
def test_a_file_that_cannot_be_written(tmp_path, option):
    (tmp_path / "file").write_text("in the way\n")
    target = tmp_path / "file" / "below"
    fails(run("poetry-server", "-p0", option, target), target)


def test_a_port_that_is_taken_leaves_nothing_served(poem, tmp_path):
    first = free_ports(2)
    ready = tmp_path / "ready"
    with socket.create_server(("127.0.0.1", first + 1)):
        fails(run("poetry-server", "-p", f"{first}-{first + 1}", "--ready-file", ready,
                  poem(b"x\n")), first + 1)
    assert not ready.exists()
    with pytest.raises(ConnectionRefusedError):
        connect(first)


def test_a_poem_that_is_unreadable(unprivileged):
    prefix, directory = unprivileged
    path = directory / "secret.txt"
    path.write_text("psst\n")
    path.chmod(0)
    fails(run("poetry-server", "-p0", path, prefix=prefix), path)


def test_a_port_that_is_privileged(unprivileged):
    start = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    if start.exists() and int(start.read_text()) <= 81:
        pytest.skip("no port is privileged here")
    prefix, directory = unprivileged
    (directory / "poem.txt").write_text("x\n")
    fails(run("poetry-server", "-p", "81", directory / "poem.txt", prefix=prefix), 81)
