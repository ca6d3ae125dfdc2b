#!/usr/bin/env python3
"""Kills processes of poetry-sync again and again while records are synced, and looks for damage.

usage: sync_kills.py [SQLITE_KILLS [POSTGRESQL_KILLS [SEED]]]

Two processes share a library, a worker or a whole server each; the seed says which is killed when.
Some records are synced by themselves, too, and jobs that are old are deleted meanwhile. Now and then
it waits for all that was asked for, and looks at it.
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
ROUND = 100  # kills, after which is looked
KEPT = 60  # jobs of a record; more than a round makes
WORDS = "rose thorn moth lamp frost ember tide reed Flieder Größe ☃ silence".split()


class Outcome(NamedTuple):
    kills: int = 0
    jobs: int = 0
    acknowledged: int = 0
    resumed: int = 0  # how often a job was taken over
    lines: int = 0
    lost: int = 0
    doubled: int = 0
    unfinished: int = 0
    deleted: int = 0  # jobs, by their age
    problems: list = []  # all else, as texts

    def plus(self, other):
        return Outcome(*(one + more for one, more in zip(self, other)))

    @property
    def is_clean(self):
        return not (self.lost or self.doubled or self.unfinished or self.problems)

    def __str__(self):
        return (f"{self.kills:,} kills, {self.jobs:,} jobs for {self.acknowledged:,} acknowledged "
                f"presses, {self.resumed:,} times resumed, {self.deleted:,} deleted by their age, "
                f"{self.lines:,} lines: "
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
                       "--attempts", "1000000", "--keep-jobs", str(KEPT))


def press(process, record):
    """The job's id, once the press is acknowledged; nothing where a loaded PostgreSQL had no time for it,
    which is an answer, too."""
    try:
        return process.press(record["type"], record["id"])
    except ValueError as refused:
        if "lock timeout" not in str(refused):
            raise
        return None


def press_until_acknowledged(process, record):
    while True:
        if job := press(process, record):
            return job


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
                if job := press(process, record):
                    self.acknowledged.append((record["id"], job))
            except (OSError, http.client.HTTPException):
                continue  # it was killed
            except ValueError as refused:
                self.problems.append(f"a press was answered with {refused}")

    def stop(self):
        self.over.set()
        self.thread.join(WAIT)


def add(url, kind, port, every="0"):
    added = run("poetry-sync", "add", kind, f"127.0.0.1:{port}", "--every", every,
                "--database", url, "--json")
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
        records = [add(url, "poem", ports[poem.name]) for poem in poems[1:]]
        records.append(add(url, "poem", ports[poems[0].name], every="3s"))
        records.append(add(url, "collection", catalog, every="7s"))
        texts = {f"127.0.0.1:{ports[poem.name]}": poem.read_bytes() for poem in poems}
        processes = [start("serve", url), start("worker", url)]
        ends.callback(lambda: [each.kill() for each in processes])
        total = Outcome()
        seen = 0
        while total.kills < kills:
            presser = Presser(records, processes, random.Random(f"{seed} presses {seen}"))
            ends.callback(presser.stop)
            presser.acknowledged += [
                (record["id"], press_until_acknowledged(processes[1], record)) for record in records]
            some = min(kills - total.kills, ROUND)
            for _ in range(some):
                presser.over.wait(rng.uniform(0, LONGEST_PAUSE))
                place = rng.randrange(2)
                processes[place].kill()
                processes[place] = start(rng.choice(["worker", "serve"]), url)
            presser.stop()
            processes[0].kill()
            processes[0] = start("serve", url)
            jobs = jobs_once_over(processes[0])
            fresh = [job for job in jobs if job["id"] > seen]
            total = total.plus(examine(processes[0], fresh, records, texts))
            total = total.plus(Outcome(kills=some, acknowledged=len(presser.acknowledged),
                                       problems=presser.problems + missing(presser, jobs)))
            seen = jobs[0]["id"]
        return total._replace(deleted=total.jobs - len(jobs))


def jobs_once_over(page):
    """All jobs, once those that are there now are over, or as they are after a long time. Those
    that come meanwhile, by the schedules, are left out."""
    deadline = time.monotonic() + 4 * WAIT
    newest = page.get("/api/jobs")[0]["id"]
    while True:
        jobs, before = [], newest + 1
        while some := page.get(f"/api/jobs?before={before}"):
            jobs += some
            before = jobs[-1]["id"]
        active = [job for job in jobs if job["state"] in ("queued", "running", "cancelling")]
        if not active or time.monotonic() > deadline:
            return jobs
        time.sleep(0.2)


def missing(presser, jobs):
    """The jobs that were acknowledged, and are neither there nor old enough to be deleted."""
    there = collections.defaultdict(list)
    for job in jobs:
        there[job["record"]].append(job["id"])
    return [f"job {job} of record {record} was acknowledged, and is not there"
            for record, job in presser.acknowledged
            if job not in there[record] and sum(each > job for each in there[record]) < KEPT]


def examine(page, jobs, records, texts):
    """Compares what is stored and logged with what was served."""
    problems = []
    by_id = {record["id"]: record for record in records}
    names = list(texts)  # in the catalog's order
    called = {name: f"poem{number}" for number, name in enumerate(names)}  # as the catalog does
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
    return Outcome(jobs=len(jobs), resumed=resumed, lines=lines, lost=lost, doubled=doubled,
                   unfinished=sum(job["state"] != "done" for job in jobs), problems=problems)


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
