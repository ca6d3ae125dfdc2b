"""A long-lived process of poetry-sync, and what it is asked over its ports."""

import contextlib
import http.client
import json
import signal

from harness import WAIT, Running, connect, read_line


class SyncProcess(Running):
    """`poetry-sync serve`, `web` or `worker` on free ports, once it listens; `ports` has "page",
    "control" or both."""

    def __init__(self, kind, url, *args, **options):
        places = {"page": "--listen", "control": "--control"}
        mine = {"serve": ["page", "control"], "web": ["page"], "worker": ["control"]}[kind]
        free = [word for each in mine for word in (places[each], "127.0.0.1:0")]
        super().__init__("poetry-sync", kind, "--database", url, "--log-level", "error", *free,
                         *args, **options)
        try:
            listening = self.out.wait_for("^listening ", len(mine))
        except AssertionError as missing:
            self.end()
            raise AssertionError(f"{missing}\nstderr:\n{self.err.text()}") from None
        self.ports = {what: int(where.rpartition(":")[2])
                      for _, where, what in map(str.split, listening)}

    def ask(self, method, path, body=None):
        """The reply's body; raises ValueError with that of an error."""
        page = http.client.HTTPConnection("127.0.0.1", self.ports["page"], timeout=WAIT)
        with contextlib.closing(page):
            page.request(method, path, None if body is None else json.dumps(body),
                         {} if body is None else {"Content-Type": "application/json"})
            reply = page.getresponse()
            text = reply.read()
        if reply.status >= 400:
            raise ValueError(reply.status, text.decode())
        return text

    def stream(self, path):
        """A reply that goes on, to be read by lines."""
        page = http.client.HTTPConnection("127.0.0.1", self.ports["page"], timeout=WAIT)
        page.request("GET", path)
        return page.getresponse()

    def get(self, path):
        return json.loads(self.ask("GET", path))

    def add(self, kind, address):
        return json.loads(self.ask("POST", "/api/records", {"type": kind, "address": address}))

    def press(self, kind, record):
        """The job's id, once the press is acknowledged: by the page, where there is one."""
        if "page" in self.ports:
            return json.loads(self.ask("POST", "/api/jobs", {"record": record}))["id"]
        with connect(self.ports["control"]) as sock:
            sock.sendall(f"request {kind} {record}\n".encode())
            reply = read_line(sock).decode()
        if not reply.endswith("\n"):
            raise ConnectionError
        if not reply.startswith("ok "):
            raise ValueError(reply)
        return json.loads(reply[3:])["id"]

    def log(self, job):
        """The texts of a job's log; asserts that they are numbered from 1."""
        lines = [line.split(" ", 2) for line in
                 self.ask("GET", f"/api/jobs/{job}/log.txt").decode().splitlines()]
        assert [int(number) for number, _, _ in lines] == list(range(1, len(lines) + 1))
        return [text for _, _, text in lines]

    def kill(self):
        self.send(signal.SIGKILL)
        self.wait()
        self.end()
