#!/usr/bin/env python3
"""Kills processes of poetry-sync again and again while records are synced, and looks for damage.

usage: sync_kills.py [SQLITE_KILLS [POSTGRESQL_KILLS [SEED]]]

Two processes share a library, a worker or a whole server each; the seed says which is killed when.
Needs a built poetry-sync and poetry-server, in build/dev/bin or where POETRY_BIN says, and
PostgreSQL's programs. Exits 1 where a line was lost or doubled, a job that was acknowledged is
missing or unfinished, or a text is not what was served.
"""

import collections
import contextlib
import http.client
import json
import random
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cli"))

from harness import SANITIZED, WAIT, Server, run  # noqa: E402
from postgres import Postgres  # noqa: E402
from sync_process import SyncProcess  # noqa: E402

POEMS = 6
LONGEST_PAUSE = 3 if SANITIZED else 0.5  # seconds from one kill to the next, at random
LONGEST_PRESS = 0.5 if SANITIZED else 0.15  # from one press to the next
LEASE = "2s" if SANITIZED else "300ms"
WORDS = "rose thorn moth lamp frost ember tide reed Flieder Größe ☃ silence".split()


class Outcome(NamedTuple):
    kills: int
    jobs: int
    acknowledged: int
    resumed: int  # how often a job was taken over
    lines: int
    lost: int
    doubled: int
    unfinished: int
    problems: list  # all else, as texts

    @property
    def is_clean(self):
        return not (self.lost or self.doubled or self.unfinished or self.problems)

    def __str__(self):
        return (f"{self.kills:,} kills, {self.jobs:,} jobs for {self.acknowledged:,} acknowledged "
                f"presses, {self.resumed:,} times resumed, {self.lines:,} lines: "
                f"{self.lost or 'none'} lost, {self.doubled or 'none'} doubled, "
                f"{self.unfinished or 'none'} unfinished")


def make_poems(folder, rng):
    """Poems of some hundred lines, no two of them alike; one ends without a newline."""
    paths = []
    for poem in range(POEMS):
        lines = [f"{poem}.{i} {' '.join(rng.choices(WORDS, k=3))}" for i in range(30 + 40 * poem)]
        text = "\n".join(lines) + ("" if poem == 1 else "\n")
        paths.append(folder / f"poem{poem}")
        paths[-1].write_text(text)
    return paths


def start(kind, url):
    # However often one is killed, that is not to be the job's fault.
    return SyncProcess(kind, url, "--lease", LEASE, "--retry-delay", "100ms",
                       "--attempts", "1000000")


class Presser:
    """Presses records' buttons until it is told to stop, and keeps what was acknowledged."""

    def __init__(self, records, processes, rng):
        self.records, self.processes, self.rng = records, processes, rng
        self.acknowledged, self.problems = [], []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        while not self.over.wait(self.rng.uniform(0, LONGEST_PRESS)):
            record = self.rng.choice(self.records)
            process = self.rng.choice(self.processes)
            try:
                self.acknowledged.append(process.press(record["type"], record["id"]))
            except (OSError, http.client.HTTPException):
                continue  # it was killed
            except ValueError as refused:
                self.problems.append(f"a press was answered with {refused}")

    def stop(self):
        self.over.set()
        self.thread.join(WAIT)


def add(url, kind, port):
    added = run("poetry-sync", "add", kind, f"127.0.0.1:{port}", "--database", url, "--json")
    assert added.status == 0, added.err
    return json.loads(added.out)


def campaign(kills, url, seed):
    """Kills so many processes on one library; the seed decides which and when."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as ends:
        poems = make_poems(Path(name), rng)
        server = Server("--port", "0", "--delay", "1ms", "--serve", "0=catalog", *poems,
                        listeners=POEMS + 1)
        ends.callback(server.end)
        ports = {what: int(port) for _, port, _, what in server.listening}
        catalog = next(int(port) for _, port, kind, _ in server.listening if kind == "catalog")
        records = [add(url, "poem", ports[poem.name]) for poem in poems]
        records.append(add(url, "collection", catalog))
        texts = {f"127.0.0.1:{ports[poem.name]}": poem.read_bytes() for poem in poems}
        processes = [start("serve", url), start("worker", url)]
        ends.callback(lambda: [each.kill() for each in processes])
        presser = Presser(records, processes, random.Random(f"{seed} presses"))
        presser.acknowledged += [processes[1].press(record["type"], record["id"])
                                 for record in records]
        ends.callback(presser.stop)
        for _ in range(kills):
            presser.over.wait(rng.uniform(0, LONGEST_PAUSE))
            place = rng.randrange(2)
            processes[place].kill()
            processes[place] = start(rng.choice(["worker", "serve"]), url)
        presser.stop()
        processes[0].kill()
        processes[0] = start("serve", url)
        return examine(processes[0], kills, records, texts, presser)


def jobs_once_over(page):
    """All jobs, once none is active, or as they are after a long time."""
    deadline = time.monotonic() + 4 * WAIT
    while True:
        jobs, before = [], 0
        while some := page.get(f"/api/jobs?before={before}"):
            jobs += some
            before = jobs[-1]["id"]
        active = [job for job in jobs if job["state"] in ("queued", "running", "cancelling")]
        if not active or time.monotonic() > deadline:
            return jobs
        time.sleep(0.2)


def examine(page, kills, records, texts, presser):
    """Compares what is stored and logged with what was served."""
    problems = list(presser.problems)
    by_id = {record["id"]: record for record in records}
    names = list(texts)  # in the catalog's order
    called = {name: f"poem{number}" for number, name in enumerate(names)}  # as the catalog does
    jobs = jobs_once_over(page)
    lost = doubled = lines = resumed = 0
    for job in jobs:
        record = by_id[job["record"]]
        log = page.log(job["id"])
        if len(log) != job["lines"]:
            problems.append(f"job {job['id']} counts {job['lines']} lines of {len(log)}")
        told = collections.Counter(log)
        is_poem = record["type"] == "poem"
        parts = {record["address"]: record["name"]} if is_poem else called
        due = collections.Counter(f"{name} {number}: {line}" for part, name in parts.items()
                                  for number, line in
                                  enumerate(texts[part].decode().splitlines(), 1)
                                  if f"{name}: unchanged, and not fetched" not in told)
        if job["state"] == "done":
            lost += sum((due - told).values())
        doubled += sum(told[line] - 1 for line in due if told[line] > 1)
        lines += sum(due.values())
        resumed += sum(text.startswith("attempt ") for text in log) - 1
    for record in records:
        stored = page.ask("GET", f"/api/records/{record['id']}/text")
        parts = [record["address"]] if record["type"] == "poem" else names
        if stored != b"".join(texts[part] for part in parts):
            problems.append(f"the text of record {record['id']} is not what was served")
    missing = set(presser.acknowledged) - {job["id"] for job in jobs}
    problems += [f"job {job} was acknowledged, and is not there" for job in missing]
    unfinished = sum(job["state"] != "done" for job in jobs)
    return Outcome(kills, len(jobs), len(presser.acknowledged), resumed, lines, lost, doubled,
                   unfinished, problems)


def report(name, outcome):
    print(f"{name}: {outcome}", flush=True)
    for problem in outcome.problems:
        print(f"{name}: {problem}")
    return outcome.is_clean


def main():
    sqlite, postgresql, seed = (sys.argv[1:] + ["1000", "200", ""][len(sys.argv) - 1:])[:3]
    seed = seed or str(random.randrange(1 << 32))
    print(f"seed {seed}", flush=True)
    clean = True
    if int(sqlite):
        with tempfile.TemporaryDirectory() as folder:
            clean &= report("SQLite", campaign(int(sqlite), f"sqlite:{folder}/library", seed))
    if int(postgresql):
        server = Postgres()
        try:
            url = server.url(server.make_database())
            clean &= report("PostgreSQL", campaign(int(postgresql), url, seed))
        finally:
            server.close()
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
