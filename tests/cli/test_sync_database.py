"""poetry-sync whose database is locked, broken, read-only, full, newer, or goes away."""

import contextlib
import json
import os
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import threading

import pytest

from harness import SANITIZED, Lines, becomes_true, free_ports, refused_port, run
from postgres import Postgres
from sync_process import SyncProcess
from sync_server import ask

POEM = "".join(f"line {i} of the poem\n" for i in range(1, 201)).encode()


def sync(command, *args, database, **options):
    return run("poetry-sync", command, *args, "--database", database, **options)


def fails_in_one_line(result, *offenders):
    assert (result.status, result.out) == (1, b""), result
    line, = result.err.splitlines()
    assert line.startswith("poetry-sync: database") and all(str(each) in line for each in offenders)


def is_done(page, job):
    return page.get(f"/api/jobs/{job}")["state"] == "done"


def is_done_by_now(page, job):
    """The same while the database may be away."""
    with contextlib.suppress(ValueError):
        return is_done(page, job)


def health(page):
    """The status of /healthz, which reading and a writer elsewhere say nothing about."""
    return ask(page.ports["page"], "GET", "/healthz").status


def each_line_once(page, job, name, text=POEM):
    """Whether the log has every line of the text, in order and once."""
    told = [line for line in page.log(job) if re.match(re.escape(name) + r" \d+: ", line)]
    lines = text.decode().splitlines()
    return told == [f"{name} {i}: {line}" for i, line in enumerate(lines, 1)]


@pytest.fixture
def library(tmp_path):
    """The path of a library that has a record."""
    path = tmp_path / "library"
    assert sync("add", "poem", "10000", database=f"sqlite:{path}").status == 0
    return path


@pytest.fixture
def serving(started):
    """serving(KIND, URL, ARG...): a process of poetry-sync."""
    return lambda *args, **options: started(SyncProcess, *args, **options)


@contextlib.contextmanager
def locked(path):
    """As by another process, which writes."""
    other = sqlite3.connect(path, isolation_level=None)
    with contextlib.closing(other):
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def test_who_asks_while_it_is_locked_waits(library, serving):
    page = serving("web", f"sqlite:{library}")
    pressed = []
    with locked(library):
        press = threading.Thread(target=lambda: pressed.append(page.press("poem", 1)))
        press.start()
        assert page.get("/api/records")[0]["id"] == 1  # who reads does not wait
        assert not pressed
    press.join()
    assert pressed == [1]


def test_one_that_stays_locked_is_an_answer(library, serving):
    page = serving("web", f"sqlite:{library}")
    url = f"sqlite:{library}"
    with locked(library):
        results = []
        asked = threading.Thread(
            target=lambda: results.append(sync("add", "poem", "10001", database=url)))
        asked.start()
        with pytest.raises(ValueError, match="(?s)503.*Database unavailable.*is locked"):
            page.press("poem", 1)
        asked.join()
    fails_in_one_line(results[0], library, "is locked")
    assert page.press("poem", 1) == 1
    assert sync("add", "poem", "10001", database=url).status == 0


def test_health_does_not_wait_behind_a_writer_but_tells_one_that_hangs(library, serving):
    page = serving("web", f"sqlite:{library}")
    with contextlib.closing(sqlite3.connect(library, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert health(page) == 200, "before it has hung for long"
        assert becomes_true(lambda: health(page) == 503)
        other.execute("COMMIT")
        assert becomes_true(lambda: health(page) == 200)


@pytest.mark.parametrize("command", ["list", "serve", "worker"])
@pytest.mark.parametrize("damage", ["garbage", "page", "cut"])
def test_a_broken_file_is_named(library, damage, command):
    text = library.read_bytes()
    with open(library, "r+b") as file:
        if damage == "garbage":
            file.write(b"no database at all. " * 200)
        elif damage == "page":
            file.seek(100)
            file.write(b"\xff" * (len(text) - 100))
        else:
            file.truncate(len(text) // 2)
    fails_in_one_line(sync(command, database=f"sqlite:{library}"), library)


def test_a_directory_is_no_database(tmp_path):
    fails_in_one_line(sync("list", database=f"sqlite:{tmp_path}"), tmp_path)


def test_a_read_only_one_is_named(unprivileged, library):
    prefix, folder = unprivileged
    kept = folder / "library"
    shutil.copy(library, kept)
    os.chmod(kept, 0o444)
    os.chmod(folder, 0o555)
    fails_in_one_line(sync("add", "poem", "1", database=f"sqlite:{kept}", prefix=prefix), kept)
    fails_in_one_line(sync("list", database=f"sqlite:{folder}/new", prefix=prefix), folder)
    fails_in_one_line(sync("list", database=f"sqlite:{folder}/a/new", prefix=prefix), folder)


def test_one_without_room_goes_on_once_there_is_some(tmp_path, server, poem, serving):
    text = b"".join(b"%d %s\n" % (i, b"x" * 3000) for i in range(200))
    port = server("--delay", "0", poem(text)).port
    # A full disk, as a limit of the size of files that only this process has.
    small = ["sh", "-c", 'trap "" XFSZ; ulimit -S -f 600; exec "$@"', "sh"]
    page = serving("serve", f"sqlite:{tmp_path}/library", "--lease", "1s", prefix=small)
    record = page.add("poem", f"127.0.0.1:{port}")
    job = page.press("poem", record["id"])
    page.err.wait_for(f"database {tmp_path}/library: ")
    assert page.get(f"/api/jobs/{job}")["state"] in ("queued", "running")
    resource.prlimit(page.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    assert becomes_true(lambda: health(page) == 503), "a press would not be stored"
    resource.prlimit(page.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    assert becomes_true(lambda: health(page) == 200)
    assert becomes_true(lambda: is_done(page, job))
    assert page.ask("GET", f"/api/records/{record['id']}/text") == text
    assert len([line for line in page.log(job) if "x" * 200 in line]) == 200


def test_a_newer_one_is_refused(library, postgres):
    with contextlib.closing(sqlite3.connect(library)) as other:
        other.execute("UPDATE schema SET version = 99")
        other.commit()
    name = postgres.make_database()
    assert sync("list", database=postgres.url(name)).status == 0
    postgres.query(name, "UPDATE schema SET version = 99")
    for url in (f"sqlite:{library}", postgres.url(name)):
        for command in ("list", "serve", "web", "worker"):
            fails_in_one_line(sync(command, database=url), "version 99", "use a newer poetry-sync")


@pytest.mark.skipif(SANITIZED, reason="a sanitizer makes system calls of its own")
def test_what_is_acknowledged_is_on_the_disk(library, tmp_path):
    traced = ["strace", "-f", "-qq", "-y", "-e", "trace=fsync,fdatasync", "-o", tmp_path / "trace"]
    if not shutil.which("strace") or subprocess.run([*traced, "true"]).returncode:
        pytest.skip("strace is missing or not permitted")
    # While another has it open, and has begun the log, it is not synchronised for other reasons.
    with contextlib.closing(sqlite3.connect(library)) as other:
        other.execute("UPDATE records SET name = 'another'")
        other.commit()
        added = sync("add", "poem", "10001", database=f"sqlite:{library}", prefix=traced)
        assert added.status == 0
    assert re.search(r"sync\(\d+<.*/library-wal>\) += 0", (tmp_path / "trace").read_text())


def test_a_password_is_not_told(postgres):
    with refused_port() as port:
        result = sync("list", database=f"postgresql://me:se3ret@127.0.0.1:{port}/library")
        fails_in_one_line(result, "127.0.0.1", port)
        assert "se3ret" not in result.err
    for url in ("postgresql://me:se3ret%zz@127.0.0.1/library", "postgre://me:se3ret@host/library"):
        result = sync("worker", database=url)
        assert result.status != 0 and "se3ret" not in result.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_postgresql_restarted_in_mid_job(started, serving, server, poem, number):
    own_postgres = started(Postgres)
    url = own_postgres.url(own_postgres.make_database())
    port = server("--delay", "15ms", poem(POEM)).port
    page = serving("serve", url, "--lease", "2s")
    record = page.add("poem", f"127.0.0.1:{port}")
    with contextlib.closing(page.stream("/events")) as stream:
        events = Lines(stream)
        job = page.press("poem", record["id"])
        events.wait_for(r'"fetched":[1-9]')
        own_postgres.stop(number)
        page.err.wait_for("database: ")
        assert becomes_true(lambda: health(page) == 503)
        own_postgres.start()
        assert becomes_true(lambda: health(page) == 200)
        assert becomes_true(lambda: is_done_by_now(page, job))
        events.wait_for('"state":"done"')  # whoever looks on is told, too
    assert each_line_once(page, job, record["name"])
    assert page.ask("GET", f"/api/records/{record['id']}/text") == POEM


@pytest.mark.parametrize("reached", ["socket", "tcp"])
def test_postgresql_restarted_while_nothing_happens(started, serving, reached):
    own_postgres = started(Postgres, port=free_ports() if reached == "tcp" else None)
    url = own_postgres.url(own_postgres.make_database())
    page = serving("web", url)
    record = page.add("poem", "10000")
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        own_postgres.stop(number)
        own_postgres.start()
        # Not an error, though every connection is dead.
        pressed = ask(page.ports["page"], "POST", "/api/jobs", json.dumps({"record": record["id"]}),
                      Content_Type="application/json")
        assert pressed.status == 202, (number, pressed.body)
        assert pressed.json["id"] == 1
    own_postgres.stop()
    with pytest.raises(ValueError, match="(?s)503.*Database unavailable"):
        page.press("poem", record["id"])
    own_postgres.start()
    assert page.get(f"/api/jobs/{page.press('poem', record['id'])}")["state"] == "queued"


def test_two_workers_and_two_pages_share_200_jobs(postgres, serving, server, poem):
    url = postgres.url(postgres.make_database())
    port = server("--host", "0.0.0.0", "--delay", "5ms", poem(b"one\ntwo\n")).port
    pages = [serving("web", url) for _ in range(2)]
    records = [pages[0].add("poem", f"127.0.0.{i}:{port}") for i in range(1, 201)]
    workers = [serving("worker", url) for _ in range(2)]
    jobs = [pages[i % 2].press("poem", record["id"]) for i, record in enumerate(records)]
    assert len(set(jobs)) == 200
    # The page that was not pressed may not have heard of a job yet.
    done = lambda page: sum((each["job"] or {}).get("state") == "done"
                            for each in page.get("/api/records"))
    assert becomes_true(lambda: [done(page) for page in pages] == [200, 200])
    for job, record in zip(jobs, records):
        told = pages[0].log(job)
        assert len([text for text in told if text.startswith("attempt 1 by ")]) == 1
        assert told[1:3] == [f"{record['name']} 1: one", f"{record['name']} 2: two"]
    listed = pages[0].get("/api/jobs")
    assert len(listed) == 200 and {job["attempts"] for job in listed} == {1}
    pids = {int(job["worker"].rpartition(":")[2]) for job in listed}
    assert pids == {worker.pid for worker in workers}
