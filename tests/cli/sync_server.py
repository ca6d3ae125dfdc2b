"""poetry-sync as a process, and how its ports are talked to."""

import contextlib
import http.client
import json
import os
import socket
from typing import NamedTuple

from harness import WAIT, Running, becomes_true, connect, read_line, read_to_end, run


class Sync(Running):
    """serve, web or worker, once it listens; a database of the test's own."""

    def __init__(self, folder, *args, command="serve", database=None, **options):
        self.database = database or f"sqlite:{folder}/library.db"
        ports = {"serve": ["--listen", "0", "--control", "0"], "web": ["--listen", "0"],
                 "worker": ["--control", "0"]}[command]
        super().__init__("poetry-sync", command, "--database", self.database,
                         *(each for each in ports), *args, **options)
        try:
            self.out.wait_for("^listening ", len(ports) // 2)
        except AssertionError as missing:
            self.end()
            raise AssertionError(f"{missing}\nstderr:\n{self.err.text()}") from None
        where = dict(line.split()[:0:-1] for line in self.out.lines)  # {"page": "HOST:PORT"}
        self.page = int(where.get("page", ":0").rpartition(":")[2])
        self.control = int(where.get("control", ":0").rpartition(":")[2])

    def run(self, command, *args, **options):
        """A command of poetry-sync that is about this server, to its end."""
        about = (["--control", self.control] if command in ("request", "quit")
                 else ["--database", self.database])
        return run("poetry-sync", command, *about, *args, **options)

    def add(self, address, type="poem"):
        """The id of a new record."""
        return self.json("POST", "/api/records", {"type": type, "address": str(address)}).json["id"]

    def press(self, record):
        """The id of the record's job."""
        return self.json("POST", "/api/jobs", {"record": record}).json["id"]

    def state_of(self, job):
        return self.ask("GET", f"/api/jobs/{job}").json["state"]

    def wait_for(self, job, *states):
        assert becomes_true(lambda: self.state_of(job) in states), self.state_of(job)

    def ask(self, method, path, body=None, **fields):
        return ask(self.page, method, path, body, **fields)

    def json(self, method, path, data, **fields):
        return ask(self.page, method, path, json.dumps(data),
                   **{"Content-Type": "application/json", **fields})

    def tell(self, *lines):
        """The control port's replies to some lines."""
        with ControlPort(self.control) as port:
            return [port.ask(line) for line in lines]


class ControlPort:
    """A connection to the control port."""

    def __init__(self, port):
        self.sock = connect(port)

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.sock.close()

    def ask(self, line):
        self.sock.sendall(line.encode() + b"\n")
        return self.reply()

    def reply(self):
        return read_line(self.sock).decode().rstrip("\n")

    def rest(self):
        """All replies to the end of the connection."""
        return read_to_end(self.sock).decode().splitlines()


class Answer(NamedTuple):
    status: int
    fields: http.client.HTTPMessage
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


def ask(port, method, path, body=None, **fields):
    """One request on a connection of its own; a field's name has _ for -."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT)
    try:
        connection.request(method, path, body,
                           {name.replace("_", "-"): value for name, value in fields.items()})
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


def read_answer(sock, method="GET"):
    """The next answer on a connection; without its end where there is none."""
    response = http.client.HTTPResponse(sock, method=method)
    response.begin()
    return Answer(response.status, response.headers, response.read())


def raw(port, sent, method="GET"):
    """The answer to some bytes, after which the server must close the connection."""
    with connect(port) as sock:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            sock.sendall(sent)
        with AllOf(sock) as stream:
            answer = read_answer(stream, method)
            assert stream.file.read() == b""
        return answer


class AllOf:
    """A socket for several HTTPResponse, whose file reads ahead and must be one."""

    def __init__(self, sock):
        self.file = sock.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.file.close()

    def makefile(self, _mode):
        return Unclosed(self.file)


class Unclosed:
    def __init__(self, file):
        self.file = file

    def close(self):
        pass

    def __getattr__(self, name):
        return getattr(self.file, name)


class Event(NamedTuple):
    id: str
    kind: str
    data: object


class Events:
    """A stream of /events."""

    def __init__(self, port, last=None, receive_buffer=None):
        self.sock = socket.socket()
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(WAIT)
        self.sock.connect(("127.0.0.1", port))
        mark = f"Last-Event-ID: {last}\r\n" if last else ""
        self.sock.sendall(f"GET /events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{mark}\r\n".encode())
        self.file = self.sock.makefile("rb")

    def begin(self):
        """The answer's head, read."""
        self.head = [self.file.readline().decode().strip()]
        while self.head[-1]:
            self.head.append(self.file.readline().decode().strip())
        return self

    def next(self):
        """The next event that is no heartbeat; None at the end."""
        found = {}
        for line in self.file:
            text = line.decode().rstrip("\n")
            if not text and found.get("event") == "heartbeat":
                found = {}
            elif not text and found:
                return Event(found["id"], found["event"], json.loads(found["data"]))
            name, _, value = text.partition(": ")
            if name and value:
                found[name] = value
        return None

    def until(self, wanted):
        """All events up to the first that is wanted."""
        seen = []
        while not seen or not wanted(seen[-1]):
            event = self.next()
            assert event, seen
            seen.append(event)
        return seen

    def close(self):
        self.file.close()
        self.sock.close()


def with_home(home):
    """An environment in which everything is kept below a folder."""
    kept = {name: value for name, value in os.environ.items() if name != "XDG_STATE_HOME"}
    return dict(kept, HOME=str(home))
