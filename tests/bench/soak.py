#!/usr/bin/env python3
"""Syncs some records again and again, and tells how much room a library takes.

usage: soak.py [SYNCS [RECORDS [KIND...]]]

By default 100,000 syncs of 100 records, of which a third changes each time, in SQLite and in
PostgreSQL (sqlite, postgresql). Needs a built poetry-sync, in build/bench/bin or where POETRY_BIN
says. Exits 1 where the size at the end is more than twice that after 1,000 syncs.
"""

import collections
import contextlib
import os
import socketserver
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cli"))

from postgres import Postgres  # noqa: E402
from sync_process import SyncProcess  # noqa: E402

EARLY = 1000  # syncs, after which the size is looked at for the first time
LINE = b"a line of a poem that is synced again and again\n"


class Poems(socketserver.ThreadingTCPServer):
    """A poem at every loopback address, each of a length of its own."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 1024

    def __init__(self):
        super().__init__(("0.0.0.0", 0), None)
        self.asked = collections.Counter()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def finish_request(self, request, client_address):
        number = int(request.getsockname()[0].rpartition(".")[2])
        self.asked[number] += 1
        changes = self.asked[number] if number % 3 == 0 else 0
        request.sendall(LINE * (20 + number % 50) + b"%d\n" % changes)


def size_of(url, postgres):
    """Bytes."""
    if postgres:
        name = url.partition("?")[0].rpartition("/")[2]
        return int(postgres.query(name, "SELECT pg_database_size(current_database())")[0][0])
    path = url.partition(":")[2]
    return sum(os.stat(each).st_size for each in (path, path + "-wal") if os.path.exists(each))


def soak(url, syncs, records, port, postgres=None):
    """The sizes after the first syncs and at the end."""
    page = SyncProcess("serve", url, "--jobs", "8", "--keep-jobs", "5")
    with contextlib.ExitStack() as ends:
        ends.callback(page.end)
        for number in range(1, records + 1):
            page.add("poem", f"127.0.0.{number}:{port}")
        done = early = 0
        began = time.monotonic()
        while done < syncs:
            page.ask("POST", "/api/jobs", {"all": True})
            is_over = lambda each: each["job"]["state"] in ("done", "failed")
            while not all(map(is_over, found := page.get("/api/records"))):
                time.sleep(0.02)
            assert all(each["job"]["state"] == "done" for each in found), found
            done += records
            if done == max(EARLY, records):
                early = size_of(url, postgres)
        seconds = time.monotonic() - began
        time.sleep(2)  # for what the last ones leave to be deleted
        late = size_of(url, postgres)
        kept = max(len(page.get(f"/api/records/{number}/jobs")) for number in (1, records))
    print(f"{url.partition(':')[0]}: {early / 2**20:.2f} MiB after {EARLY:,} syncs, "
          f"{late / 2**20:.2f} MiB after {done:,}: {late / early:.2f} times; {kept} jobs a record, "
          f"{done / seconds:.0f} syncs a second", flush=True)
    return late <= 2 * early and kept <= 8


def main():
    syncs = int((sys.argv[1:] + ["100000"])[0])
    records = int((sys.argv[2:] + ["100"])[0])
    kinds = sys.argv[3:] or ["sqlite", "postgresql"]
    fine = True
    with Poems() as poems, tempfile.TemporaryDirectory() as folder:
        port = poems.server_address[1]
        if "sqlite" in kinds:
            fine &= soak(f"sqlite:{folder}/library", syncs, records, port)
        if "postgresql" in kinds:
            postgres = Postgres("fsync=off")
            try:
                url = postgres.url(postgres.make_database())
                fine &= soak(url, syncs, records, port, postgres)
            finally:
                postgres.close()
        poems.shutdown()
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
