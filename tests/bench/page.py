#!/usr/bin/env python3
"""Measures what the page of poetry-sync costs beside a large library, and exits 1 beyond a bar.

usage: page.py [RECORDS]

20,000 records, unless told otherwise: presses of 2,000 in one request, 500 presses one after
another while another client asks /healthz, and the memory that 500 clients take who ask for the list
of all records, or the events that begin with it, and read nothing. Needs a built poetry-sync, in
build/dev/bin or where POETRY_BIN says.
"""

import contextlib
import http.client
import json
import multiprocessing
import sqlite3
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cli"))

from harness import SANITIZED, WAIT, run  # noqa: E402
from sync_server import Events, Sync  # noqa: E402

BATCH, SINGLE, SILENT = 2_000, 500, 500
BARS = {"batch_s": 2, "single_s": 5, "healthz_ms": 100, "silent_mib": 100}


def fill(database, records):
    """A library of that many, once its tables are made."""
    assert run("poetry-sync", "list", "--database", database).status == 0
    with contextlib.closing(sqlite3.connect(database.removeprefix("sqlite:"))) as library, library:
        library.executemany(
            "INSERT INTO records (type, address, name, created) VALUES ('poem', ?, ?, 0)",
            ((f"127.0.0.1:{each}", f"Poem number {each}") for each in range(1, records + 1)))


class Probe(multiprocessing.Process):
    """Asks /healthz all the time, and keeps how long the slowest answer took; in a process of its
    own, since a thread would wait for this one's."""

    def __init__(self, server):
        super().__init__()
        self.server, self.slowest = server, multiprocessing.Value("d", 0.0)
        self.stopping = multiprocessing.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *failure):
        self.stopping.set()
        self.join()

    def run(self):
        page = http.client.HTTPConnection("127.0.0.1", self.server.page, timeout=WAIT)
        while not self.stopping.wait(0.02):
            began = time.monotonic()
            page.request("GET", "/healthz")
            answer = page.getresponse()
            assert (answer.status, answer.read()) == (200, b"ok\n")
            self.slowest.value = max(self.slowest.value, time.monotonic() - began)
        page.close()


def press(page, what):
    page.request("POST", "/api/jobs", json.dumps(what), {"Content-Type": "application/json"})
    answer = page.getresponse()
    answer.read()
    assert answer.status == 202


def resident(server):
    """Of the process, in MiB."""
    status = Path(f"/proc/{server.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def measure(server):
    found = {}
    page = http.client.HTTPConnection("127.0.0.1", server.page, timeout=WAIT)
    watching = Events(server.page).begin()
    reader = threading.Thread(target=lambda: list(iter(watching.next, None)))
    reader.start()
    with Probe(server) as probe:
        began = time.monotonic()
        press(page, {"records": list(range(1, BATCH + 1))})
        found["batch_s"] = time.monotonic() - began
        began = time.monotonic()
        for record in range(BATCH + 1, BATCH + SINGLE + 1):
            press(page, {"record": record})
        found["single_s"] = time.monotonic() - began
    found["healthz_ms"] = probe.slowest.value * 1000
    before = resident(server)
    silent = [Events(server.page, receive_buffer=4096) for _ in range(SILENT // 2)]
    for each in range(SILENT - len(silent)):
        lister = http.client.HTTPConnection("127.0.0.1", server.page)
        lister.request("GET", "/api/records")  # and reads nothing
        silent.append(lister)
        if each % 50 == 0:
            press(page, {"record": BATCH + SINGLE + 1 + each})
    time.sleep(1)
    found["silent_mib"] = resident(server) - before
    size = len(server.ask("GET", "/api/records").body) / (1 << 20)
    print(f"{SILENT} clients that do not read a list of {size:.2f} MiB")
    for each in silent:
        each.close()
    page.close()
    server.end()
    reader.join()
    return found


def main():
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    with tempfile.TemporaryDirectory() as folder:
        fill(f"sqlite:{folder}/library.db", records)
        found = measure(Sync(folder, command="web"))
    late = {name: value for name, value in found.items() if value > BARS[name]}
    for name, value in found.items():
        print(f"{name:12}{value:10.2f}   (bar {BARS[name]}{', MISSED' if name in late else ''})")
    return 1 if late and not SANITIZED else 0


if __name__ == "__main__":
    sys.exit(main())
