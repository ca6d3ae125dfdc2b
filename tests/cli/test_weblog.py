"""The weblog service: a log that is written, rotated and truncated, as its clients see it."""

import contextlib
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.request
import xml.etree.ElementTree as ElementTree

import pytest

from harness import (SANITIZED, SERVER_ENGINES, WAIT, Lines, Server, can_trace, connect, free_ports,
                     read_to_end, run, tool)

every_engine = pytest.mark.parametrize("engine", SERVER_ENGINES)
FORMATS = ["line", "xml", "json"]
PATHS = os.environ["PATH"] + ":/usr/sbin:/sbin"
NGINX = shutil.which("nginx", path=PATHS)
LOGROTATE = shutil.which("logrotate", path=PATHS)


with_logrotate = pytest.mark.skipif(not (NGINX and LOGROTATE), reason="no nginx, no logrotate")

COMBINED = (b'::1 - frank [10/Oct/2000:13:55:36 -0700] "GET /%d?a=<b>&c HTTP/1.1" 200 2326 '
            b'"-" "Mozilla/5.0 \\"x\\""')


class Follower:
    """A client that reads all the time; what it has read, to be waited for."""

    def __init__(self, port):
        self.sock = connect(port)
        self.sock.settimeout(None)
        self.pieces = []
        self.ended = threading.Event()
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self.collect, daemon=True)
        self.thread.start()

    def collect(self):
        with contextlib.suppress(OSError):
            while piece := self.sock.recv(1 << 20):
                with self.lock:
                    self.pieces.append(piece)
        self.ended.set()

    @property
    def data(self):
        with self.lock:
            self.pieces = [b"".join(self.pieces)]
            return self.pieces[0]

    def has(self, condition, patience=WAIT):
        """Whether the condition on the bytes so far comes true."""
        deadline = time.monotonic() + patience
        # Not at every piece, which would leave no time for reading them.
        while not condition(self.data) and time.monotonic() < deadline:
            if self.ended.wait(0.02):
                return condition(self.data)
        return condition(self.data)

    def wait_for(self, text):
        assert self.has(lambda data: text in data), f"no {text!r} in {self.data[-2000:]!r}"

    def to_end(self):
        assert self.ended.wait(WAIT)
        return self.data

    def since_start(self):
        """The bytes after the line that follow() ends with."""
        return re.split(rb"[^\n]*start of the test[^\n]*\n", self.data, maxsplit=1)[1]

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.thread.join(WAIT)
        self.sock.close()


def append(path, text):
    with open(path, "ab", buffering=0) as log:
        log.write(text)


def follow(started, log, ports):
    """Clients of these ports, all of which get what is appended to the log from now on."""
    clients = [started(Follower, port) for port in ports]
    for client in clients:
        for _ in range(int(WAIT / 0.1)):
            append(log, b"is anybody there?\n")
            if client.has(lambda data: b"anybody" in data, 0.1):
                break
    append(log, b"start of the test\n")
    for client in clients:
        client.wait_for(b"start of the test")
    return clients


@pytest.fixture
def weblog(server, started, tmp_path):
    """weblog(FORMAT...): the log, and a client of it in each format, on one server."""

    def start(*formats, engine="asio"):
        log = tmp_path / "access.log"
        specs = [f"0=weblog:{log},format={each}" for each in formats]
        start.running = server("--engine", engine,
                               *[word for spec in specs for word in ("--serve", spec)],
                               listeners=len(formats))
        return log, follow(started, log, start.running.ports)

    return start


def numbers(data):
    return [int(number) for number in re.findall(rb"line (\d+)\b", data)]


def each_once(found, count):
    """Whether every number below `count` is there once; says which are not, and no more."""
    missing = sorted(set(range(count)) - set(found))
    assert not missing, f"{len(missing)} of {count} missing, such as {missing[:10]}"
    return len(found) == count


def as_xml_text(line):
    """What must become of a line's bytes; Python's decoder replaces maximal subparts as well."""
    text = line[:-1] if line.endswith(b"\r") else line
    return re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd",
                  text.decode("utf-8", "replace"))


@every_engine
def test_every_client_gets_every_record_alike(weblog, engine):
    log, clients = weblog(*FORMATS, engine=engine)
    lines = [COMBINED % i if i % 3 else b"line %d, no record\r" % i for i in range(1000)]
    for line in lines:
        append(log, line + b"\n")
    for client in clients:
        client.wait_for(b"/998?")
    assert weblog.running.stop() == 0
    line, xml, objects = [client.to_end() for client in clients]
    assert clients[0].since_start() == b"".join(each + b"\n" for each in lines)
    assert xml.startswith(b"<hits>\n") and xml.endswith(b"</hits>\n")
    hits = list(ElementTree.fromstring(xml))[-1000:]
    records = [json.loads(each) for each in clients[2].since_start().splitlines()]
    fields = {"host": "::1", "user": "frank", "time": "10/Oct/2000:13:55:36 -0700",
              "method": "GET", "path": "", "protocol": "HTTP/1.1", "status": 200, "bytes": 2326,
              "agent": 'Mozilla/5.0 \\"x\\"'}
    for i, (hit, record) in enumerate(zip(hits, records, strict=True)):
        if i % 3 == 0:
            assert (hit.tag, hit.text) == ("unparsed", f"line {i}, no record")
            assert record == {"unparsed": f"line {i}, no record"}
        else:
            expected = fields | {"path": f"/{i}?a=<b>&c"}
            assert record == expected and list(record) == list(expected)
            assert (hit.tag, hit.attrib) == ("hit", {k: str(v) for k, v in expected.items()})


@every_engine
def test_the_log_may_appear_later_and_vanish_for_a_while(server, started, tmp_path, engine):
    log = tmp_path / "logs" / "access.log"
    running = server("-e", engine, "-s", f"0=weblog:{log},format=xml,poll=50ms")
    client = started(Follower, running.port)
    client.wait_for(b"<hits>\n")
    for i in range(3):
        log.parent.mkdir()
        append(log, b"line %d\n" % i)
        client.wait_for(b"<unparsed>line %d</unparsed>\n" % i)
        shutil.rmtree(log.parent)
    assert running.stop() == 0
    assert numbers(client.to_end()) == [0, 1, 2]


@pytest.mark.parametrize("backlog, expected", [(0, []), (1, [149]), (100, list(range(50, 150)))])
def test_the_backlog_comes_first(server, tmp_path, backlog, expected):
    log = tmp_path / "access.log"
    append(log, b"".join(b"line %d\n" % i for i in range(150)))
    running = server("-s", f"0=weblog:{log},backlog={backlog}")
    with connect(running.port) as sock:
        sock.shutdown(socket.SHUT_WR)
        assert numbers(read_to_end(sock)) == expected


def test_input_is_ignored_and_half_closing_ends_the_session(server, started, tmp_path):
    running = server("-s", f"0=weblog:{tmp_path / 'log'},format=xml")
    with connect(running.port) as sock:
        sock.sendall(b"GET / HTTP/1.0\r\n\r\n" * 1000)
        sock.shutdown(socket.SHUT_WR)
        assert read_to_end(sock) == b"<hits>\n</hits>\n"
    running.err.wait_for("closed .*service=weblog .*reason=finished")


def test_what_is_no_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, "/dev/null"):
        result = run("poetry-server", "-s", f"0=weblog:{path}")
        assert (result.status, result.out) == (1, b"") and str(path) in result.err
    for args in (["-e", "fork"], ["--workers", "2"]):
        for path in (tmp_path / "fifo", "-"):
            result = run("poetry-server", *args, "-s", f"0=weblog:{path}")
            assert result.status == 2 and "a stream has one reader" in result.err


@pytest.mark.parametrize("engine", [name for name in SERVER_ENGINES if name != "fork"])
@pytest.mark.parametrize("kind", ["fifo", "standard input"])
def test_a_stream_is_followed(started, tmp_path, engine, kind):
    os.mkfifo(tmp_path / "fifo")
    path = tmp_path / "fifo" if kind == "fifo" else "-"
    reading, writing = os.pipe()
    try:
        running = started(Streamed, "-e", engine, "-s", f"0=weblog:{path},format=line",
                          stdin=reading)
        with connect(running.port) as one, connect(running.port) as other:
            for sock in (one, other):
                running.err.wait_for("accepted", 1 if sock is one else 2)
            for text in (b"a\nb", b"c\n", b"x" * 70_000 + b"\n"):
                if kind == "fifo":  # each time by another writer
                    (tmp_path / "fifo").write_bytes(text)
                else:
                    threading.Thread(target=os.write, args=[writing, text]).start()
                for sock in (one, other):
                    expected = text[:2] if text == b"a\nb" else b"bc\n" if text == b"c\n" else text
                    got = b""
                    while len(got) < len(expected):
                        got += sock.recv(1 << 16)
                    assert got == expected
        if kind != "fifo":
            os.close(writing)
            writing = -1
            running.err.wait_for("- has ended")
    finally:
        for fd in (reading, writing):
            if fd >= 0:
                os.close(fd)


class Streamed(Server):
    """A server whose standard input is the test's, and that tells whom it accepted."""

    def __init__(self, *args, stdin):
        self.process = subprocess.Popen(
            [tool("poetry-server"), "--log-level", "debug", *map(str, args)],
            stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.out = Lines(self.process.stdout)
        self.err = Lines(self.process.stderr)
        self.out.wait_for("^listening ")


@pytest.mark.parametrize("settings, offender", [
    ("format=html", "html"), ("backlog=101", "101"), ("poll=0", "poll"), ("lease=1", "lease")])
def test_bad_settings_are_named(tmp_path, settings, offender):
    result = run("poetry-server", "-s", f"0=weblog:{tmp_path / 'log'},{settings}")
    assert (result.status, result.out) == (2, b"") and offender in result.err


@pytest.mark.skipif(SANITIZED, reason="a sanitizer may not be traced")
@pytest.mark.skipif(not can_trace(), reason="strace is missing or not permitted")
def test_polling_alone_follows_a_log(server, started, tmp_path):
    log = tmp_path / "access.log"
    # The tracer is the server's child, so that the server is what the test ends.
    running = server("-s", f"0=weblog:{log},poll=20ms", prefix=[
        "strace", "-D", "-f", "-qq", "-o", tmp_path / "trace", "-e", "trace=inotify_init1",
        "-e", "inject=inotify_init1:error=EMFILE"])
    client, = follow(started, log, running.ports)
    for i in range(20):
        append(log, b"line %d\n" % i)
        client.wait_for(b"line %d\n" % i)
        os.rename(log, f"{log}.{i}")
    assert each_once(numbers(client.data), 20)
    assert "INJECTED" in (tmp_path / "trace").read_text()


def test_no_line_is_lost_or_doubled_by_renaming(weblog):
    log, (client,) = weblog("line")
    files = [open(log, "ab", buffering=0) for _ in range(2)]
    written = 0

    def write(count):
        nonlocal written
        for _ in range(count):
            files[written % 2].write(b"line %d\n" % written)
            written += 1

    for rotation in range(200):
        write(20)
        os.rename(log, f"{log}.{rotation}")
        write(rotation % 5)
        if rotation % 2:
            append(log, b"")  # as logrotate's "create"
        write(rotation % 7)
        for i in range(2):  # writers reopen their log one after the other
            files[i].close()
            files[i] = open(log, "ab", buffering=0)
            write(3)
    client.wait_for(b"line %d\n" % (written - 1))
    assert client.has(lambda data: len(numbers(data)) >= written)
    assert each_once(numbers(client.data), written)
    for each in files:
        each.close()


def test_no_line_is_lost_or_doubled_by_truncating(weblog):
    log, (client,) = weblog("line")
    written = 0
    with open(log, "ab", buffering=0) as writer:
        for rotation in range(30):
            for _ in range(rotation * 3 + 1):  # longer each time: beyond the end of the last one
                writer.write(b"line %d\n" % written)
                written += 1
            client.wait_for(b"line %d\n" % (written - 1))
            shutil.copy(log, f"{log}.1")
            os.truncate(log, 0)
    assert each_once(numbers(client.data), written)


@pytest.fixture
def nginx(tmp_path, started):
    """A real nginx with two workers, which logs into tmp_path; its port and how to rotate."""
    port = free_ports(1)
    places = "".join(f"{kind}_temp_path {tmp_path}/{kind};"
                     for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (tmp_path / "nginx.conf").write_text(f"""
        {"user root;" if os.getuid() == 0 else ""}
        daemon off; worker_processes 2; pid {tmp_path}/nginx.pid; error_log {tmp_path}/error.log;
        events {{ worker_connections 64; }}
        http {{
          {places} access_log {tmp_path}/access.log combined;
          server {{ listen 127.0.0.1:{port}; location / {{ return 200 "ok"; }} }}
        }}""")
    process = subprocess.Popen([NGINX, "-p", tmp_path, "-c", tmp_path / "nginx.conf",
                                "-e", tmp_path / "error.log"], stdin=subprocess.DEVNULL)
    try:
        for _ in range(int(WAIT / 0.05)):
            try:
                connect(port).close()
                break
            except ConnectionRefusedError:
                assert process.poll() is None, (tmp_path / "error.log").read_text()
                time.sleep(0.05)  # until it listens
        yield port
    finally:
        process.terminate()
        process.wait(WAIT)


def rotate(tmp_path, how):
    config, state = tmp_path / "logrotate.conf", tmp_path / "logrotate.state"
    config.write_text(f"""
        {tmp_path}/access.log {{
          rotate 100
          nodateext
          {how}
        }}""")
    config.chmod(0o644)
    subprocess.run([LOGROTATE, "--force", "--state", state, config], check=True, timeout=WAIT)


def request(port, number):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/{number}", timeout=WAIT) as reply:
        assert reply.read() == b"ok"


def requested(data):
    return [int(number) for number in re.findall(rb'path="/(\d+)" .*status="200" bytes="2"', data)]


@with_logrotate
def test_every_request_to_nginx_arrives_once_while_logrotate_renames(nginx, weblog, tmp_path):
    log, (client,) = weblog("xml")
    done = threading.Event()
    sent = []

    def browse():
        while not done.is_set() or len(sent) < 100:
            request(nginx, len(sent))
            sent.append(len(sent))

    browsers = threading.Thread(target=browse)
    browsers.start()
    try:
        for _ in range(12):
            before = len(sent)
            rotate(tmp_path, f"create\npostrotate\nkill -USR1 $(cat {tmp_path}/nginx.pid)\n"
                             "endscript")
            # Requests come between rotations; some of them while nginx reopens its log.
            assert client.has(lambda data: len(requested(data)) > before)
    finally:
        done.set()
        browsers.join(WAIT)
    assert client.has(lambda data: len(requested(data)) >= len(sent))
    assert weblog.running.stop() == 0
    assert each_once(requested(client.to_end()), len(sent))
    assert len(list(tmp_path.glob("access.log.*"))) == 12
    assert ElementTree.fromstring(client.data).tag == "hits"


@with_logrotate
def test_every_request_to_nginx_arrives_once_while_logrotate_truncates(nginx, weblog, tmp_path):
    log, (client,) = weblog("xml")
    sent = 0
    for rotation in range(6):
        for _ in range(20 + 10 * rotation):
            request(nginx, sent)
            sent += 1
        # What is written between the copy and the truncation is lost to everybody.
        assert client.has(lambda data: len(requested(data)) >= sent)
        rotate(tmp_path, "copytruncate")
    assert each_once(requested(client.data), sent)
    assert log.stat().st_size == 0


def memory_peak(pid):
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read())[1]) << 10


def test_a_client_that_does_not_read_learns_what_it_missed(server, tmp_path):
    log = tmp_path / "access.log"
    append(log, b"")
    total = 400_000 if SANITIZED else 1_000_000
    running = server("-s", f"0=weblog:{log},format=xml", "--send-timeout", "0")
    idle = memory_peak(running.pid)
    slow, fast = connect(running.port), connect(running.port)
    with slow, fast, slow.makefile("rb") as slow_stream, fast.makefile("rb") as fast_stream:
        for stream in (slow_stream, fast_stream):
            assert stream.readline() == b"<hits>\n"
        with open(log, "ab") as writer:
            for i in range(total):
                writer.write(b"line %09d %s\n" % (i, b"." * 85))
        for stream in (fast_stream, slow_stream):  # the fast one ends when all has been read
            next_number = missed = 0
            while next_number < total:
                line = stream.readline()
                if found := re.fullmatch(rb"<unparsed>line (\d+) \.+</unparsed>\n", line):
                    assert int(found[1]) == next_number
                    next_number += 1
                else:
                    count = int(re.fullmatch(rb'<missed count="(\d+)"/>\n', line)[1])
                    next_number += count
                    missed += count
            assert next_number == total
        assert missed > 0
        if not SANITIZED:
            assert memory_peak(running.pid) - idle < 48 << 20


def hostile_lines(seed, count):
    """Records and other lines with random bytes, markup and control characters in them."""
    rng = random.Random(seed)
    pieces = [b"<", b">", b"&", b'"', b"'", b"]]>", b"&amp;", b"<!--", b"\\", b"\t", b"\r", b"\0",
              b"\x0b", b"\x7f", b"\xc2\x85", b"\xe2\x80\xa8", b"\xef\xbf\xbe", b"\xed\xa0\x80",
              b"\xc0\xaf", b"\xf4\x90", "ü€😀".encode(), b" ", b"-"]
    for number in range(count):
        line = bytearray(COMBINED % number if rng.random() < 0.6 else rng.randbytes(rng.randrange(40)))
        for _ in range(rng.randrange(4)):
            at = rng.randrange(len(line) + 1)
            line[at:at] = rng.choice(pieces) if rng.random() < 0.7 else rng.randbytes(2)
        yield bytes(line).replace(b"\n", b" ")


@every_engine
def test_hostile_lines_make_sound_documents_until_sigterm(weblog, engine):
    log, clients = weblog(*FORMATS, engine=engine)
    lines = list(hostile_lines(2024, 20_000))
    append(log, b"".join(line + b"\n" for line in lines) + b"end of the test\n")
    for client in clients:
        client.wait_for(b"end of the test")
    assert weblog.running.stop(signal.SIGTERM) == 0
    raw, xml, objects = [client.to_end() for client in clients]
    assert clients[0].since_start() == b"".join(line + b"\n" for line in lines + [b"end of the test"])
    records = [json.loads(line) for line in clients[2].since_start().splitlines()[:-1]]
    elements = list(ElementTree.fromstring(xml))[-len(lines) - 1:-1]
    parsed = 0
    for line, element, record in zip(lines, elements, records, strict=True):
        if element.tag == "unparsed":
            assert record == {"unparsed": element.text or ""}
            assert (element.text or "") == as_xml_text(line)
        else:
            parsed += 1
            extra = record.pop("extra", [])
            assert all(field in element.attrib["extra"] for field in extra)
            attributes = {key: each for key, each in element.attrib.items() if key != "extra"}
            assert {key: str(value) for key, value in record.items()} == attributes
            assert all(value in as_xml_text(line) for value in attributes.values())
    assert 4_000 < parsed < 16_000
