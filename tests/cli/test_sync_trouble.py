"""Jobs in trouble: each ends, with its reason, and holds nobody else up."""

import concurrent.futures
import contextlib
import hashlib
import json
import os
import signal
import sqlite3
import stat
import subprocess
import tempfile
import threading
import time

import pytest

from harness import SANITIZED, Running, as_user, becomes_true, connect, free_ports, replying, run, silent
from name_server import RESOLV_CONF, NameServer
from postgres import NOBODY, Postgres
from sync_process import SyncProcess
from sync_server import Events

UNUSED_USER = 61_873
LEASE = "2s" if SANITIZED else "300ms"


def catalog_of(*poems):
    """A catalog of (name, host, port, text)."""
    return json.dumps([
        {"host": host, "port": port, "service": "poem", "name": name, "bytes": len(text),
         "sha256": hashlib.sha256(text).hexdigest()} for name, host, port, text in poems]).encode()


def job_of(page, job):
    return page.ask("GET", f"/api/jobs/{job}").json


def log_of(page, job):
    return [line["text"] for line in page.ask("GET", f"/api/jobs/{job}/log?after=0").json]


def synced(page, record, *states):
    job = page.press(record)
    page.wait_for(job, *(states or ("done",)))
    return job_of(page, job)


def test_a_job_that_kills_its_worker_ends(sync, peer):
    page = sync(command="web")
    port = peer(silent).port
    page.add(port)
    job = page.press(1)
    worker = ("--lease", LEASE, "--attempts", "3")
    for attempt in range(1, 4):
        server = sync(*worker, command="worker")
        assert becomes_true(lambda: job_of(page, job)["attempts"] == attempt)
        server.send(signal.SIGKILL)
        server.wait()
    sync(*worker, command="worker")
    page.wait_for(job, "failed")
    assert job_of(page, job)["error"] == "each attempt ended with its worker"
    assert log_of(page, job)[-1] == "failed: each attempt ended with its worker"


def test_a_worker_that_stops_costs_no_attempt(sync, peer):
    page = sync(command="web")
    page.add(peer(silent).port)
    job = page.press(1)
    for _ in range(3):
        server = sync("--attempts", "2", command="worker")
        page.wait_for(job, "running")
        server.send(signal.SIGTERM)
        assert server.wait() == 0
    assert job_of(page, job)["attempts"] == 0


def test_what_cannot_be_stored_is_told_and_given_up(started, postgres, peer):
    """The disk is full, but for what is small."""
    name = postgres.make_database()
    page = started(SyncProcess, "serve", postgres.url(name), "--lease", LEASE, "--attempts", "2",
                   "--retry-delay", "10ms")
    postgres.query(name, """
        CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE 'No space left on device' USING ERRCODE = '53100'; END $$;
        CREATE TRIGGER full_disk BEFORE INSERT ON pieces EXECUTE FUNCTION full_disk()""")
    server = peer(replying(b"a line\n"))
    record = page.add("poem", f"127.0.0.1:{server.port}")
    job = page.press("poem", record["id"])
    assert becomes_true(lambda: page.get(f"/api/jobs/{job}")["state"] == "failed")
    told = page.get(f"/api/jobs/{job}")
    assert "No space left on device" in told["error"] and told["attempts"] == 2
    assert "No space left on device" in page.log(job)[-1]
    assert server.accepted == 2, "it is not fetched each time that it cannot be stored"


def test_a_job_in_trouble_is_cancelled_and_its_record_removed(sync, peer):
    page = sync(command="web")
    for _ in range(2):
        page.add(peer(silent).port)
    jobs = [page.press(record) for record in (1, 2)]
    worker = sync("--lease", LEASE, command="worker")
    for job in jobs:
        page.wait_for(job, "running")
    worker.send(signal.SIGKILL)
    worker.wait()
    cancel = lambda: page.json("POST", f"/api/jobs/{jobs[0]}/cancel", {}).json["state"]
    assert becomes_true(lambda: cancel() == "cancelled")
    assert becomes_true(lambda: page.ask("DELETE", "/api/records/2").status == 204)
    assert [each["id"] for each in page.ask("GET", "/api/records").json] == [1]


def test_a_name_that_is_not_answered_costs_no_lease(sync, peer, started, with_file):
    """And a cancelled job does not wait for it."""
    names = started(NameServer, {})
    catalog = peer(replying(catalog_of(("ode", "slow.example", 1, b"x"))))
    page = sync("--lease", LEASE, "--attempts", "1",
                prefix=with_file("/etc/resolv.conf", RESOLV_CONF))
    record = page.add(catalog.port, "collection")
    job = page.press(record)
    assert becomes_true(lambda: "slow.example" in names.asked)
    page.wait_for(job, "failed")
    assert "slow.example" in job_of(page, job)["error"]
    told = log_of(page, job)
    assert len([line for line in told if line.startswith("attempt ")]) == 1, told
    asked = len(names.asked)
    job = page.press(record)
    assert becomes_true(lambda: len(names.asked) > asked)
    page.json("POST", f"/api/jobs/{job}/cancel", {})
    page.wait_for(job, "cancelled")


def test_a_name_leads_to_this_machine_only_where_it_is_its_own(sync, peer, started, with_file):
    started(NameServer, {"evil.example": ["127.0.0.1"]})
    victim = peer(replying(b"secret\n"))
    page = sync("--attempts", "1", prefix=with_file("/etc/resolv.conf", RESOLV_CONF))
    named = catalog_of(("ode", "evil.example", victim.port, b"secret\n"))
    for record in (page.add(f"evil.example:{victim.port}"),
                   page.add(peer(replying(named)).port, "collection")):
        job = synced(page, record, "failed")
        assert "stands for this machine" in job["error"], job
    assert victim.accepted == 0
    synced(page, page.add(f"localhost:{victim.port}"))


def test_a_restart_of_postgresql_loses_no_record_of_a_weblog(started, tmp_path, server):
    own_postgres = started(Postgres)
    log = tmp_path / "access.log"
    log.touch()
    running = server("--serve", f"0=weblog:{log}")
    page = started(SyncProcess, "serve", own_postgres.url(own_postgres.make_database()),
                   "--follow-records", "300")
    record = page.add("weblog", f"127.0.0.1:{running.port}")
    job = page.press("weblog", record["id"])
    lines = [b'127.0.0.1 - - [01/Jan/2026:00:00:00 +0000] "GET /%d HTTP/1.1" 200 1\n' % number
             for number in range(300)]

    def write(some):
        with open(log, "ab") as file:
            for line in some:
                file.write(line)
                file.flush()
                time.sleep(0.002)

    assert becomes_true(lambda: page.log(job))
    time.sleep(0.2)  # for its connection to the weblog, which tells what comes from then on
    write(lines[:100])
    assert becomes_true(lambda: page.get(f"/api/jobs/{job}")["fetched"] > 0)
    own_postgres.stop()
    write(lines[100:200])
    own_postgres.start()
    write(lines[200:])
    with contextlib.suppress(ValueError):
        page.get("/healthz")
    is_done = lambda: page.get(f"/api/jobs/{job}")["state"] == "done"
    assert becomes_true(is_done)
    assert page.ask("GET", f"/api/records/{record['id']}/text") == b"".join(lines)
    assert page.get(f"/api/jobs/{job}")["attempts"] == 1


def test_what_is_more_than_a_record_may_have_is_not_taken(sync, peer):
    page = sync("--max-bytes", "1000", "--attempts", "1")
    endless = lambda sock, _number, _done: [sock.sendall(b"x" * 4096) for _ in range(100_000)]
    many = peer(replying(b"x" * 600))
    catalog = catalog_of(*((f"poem {i}", "127.0.0.1", many.port, b"") for i in range(2)))
    unsized = json.dumps([{key: value for key, value in each.items()
                           if key not in ("bytes", "sha256")}
                          for each in json.loads(catalog)]).encode()
    huge = catalog.replace(b'"bytes": 0', b'"bytes": 18446744073709551615')
    for record, message in (
            (page.add(peer(endless).port), "more than 1000 bytes (see --max-bytes)"),
            (page.add(peer(replying(unsized)).port, "collection"), "more than 1000 bytes"),
            (page.add(peer(replying(huge)).port, "collection"), "promises more than 1000 bytes")):
        job = synced(page, record, "failed")
        assert message in job["error"], job


def test_an_unchanged_poem_is_not_fetched_again(sync, peer):
    texts = {"ode": b"old\n", "elegy": b"as ever\n"}
    servers = {name: peer(lambda sock, _number, _done, name=name: sock.sendall(texts[name]))
               for name in texts}
    told = lambda: catalog_of(*((name, "127.0.0.1", servers[name].port, texts[name])
                                for name in texts))
    catalog = peer(lambda sock, _number, _done: sock.sendall(told()))
    page = sync("--keep-jobs", "1")
    record = page.add(catalog.port, "collection")
    synced(page, record)
    for number in range(3):
        texts["ode"] = b"new %d\n" % number
        job = synced(page, record)
        assert "elegy: unchanged, and not fetched" in log_of(page, job["id"])
        assert f"ode 1: new {number}" in log_of(page, job["id"])
        assert page.ask("GET", f"/api/records/{record}/text").body == texts["ode"] + b"as ever\n"
        assert job["fetched"] == job["expected"] == len(texts["ode"]) + 8
    assert (servers["elegy"].accepted, servers["ode"].accepted) == (1, 4)
    texts["elegy"] = b"never\n"
    synced(page, record)
    assert page.ask("GET", f"/api/records/{record}/text").body == texts["ode"] + b"never\n"


@pytest.mark.parametrize("guard, taken", [("50", False), ("90", True), ("0", True)])
def test_a_text_that_has_shrunk_is_not_taken_without_a_word(sync, peer, guard, taken):
    texts = [b"a line\n" * 10, b"a line\n" * 2]
    page = sync("--shrink-guard", guard)
    record = page.add(peer(lambda sock, number, _done: sock.sendall(texts[number - 1])).port)
    synced(page, record)
    job = synced(page, record, "done", "failed")
    assert job["state"] == ("done" if taken else "failed")
    if not taken:
        assert job["error"] == \
            "shrunk from 70 bytes to 14 bytes, and not taken (see --shrink-guard)"
        assert job["attempts"] == 1
    assert page.ask("GET", f"/api/records/{record}/text").body == texts[1 if taken else 0]
    for number, text in enumerate(texts, 1):  # kept aside, or as it was before
        assert page.ask("GET", f"/api/jobs/{number}/text").body == text


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_history_of_a_record_is_bounded(started, tmp_path, peer, kind, request):
    url = f"sqlite:{tmp_path / 'library'}"
    if kind == "postgresql":
        postgres = request.getfixturevalue("postgres")
        url = postgres.url(postgres.make_database())
    page = started(SyncProcess, "serve", url, "--keep-jobs", "3", "--keep-days", "9")
    record = page.add("poem", f"127.0.0.1:{peer(replying(b'line' * 9)).port}")["id"]
    for _ in range(10):
        job = page.press("poem", record)
        assert becomes_true(lambda: page.get(f"/api/jobs/{job}")["state"] == "done")
    jobs = lambda: [each["id"] for each in page.get(f"/api/records/{record}/jobs")]
    assert becomes_true(lambda: jobs() == [10, 9, 8])
    assert len(page.log(8)) > 2
    page.ask("DELETE", f"/api/records/{record}")
    if kind == "sqlite":
        count = "SELECT (SELECT count(*) FROM jobs) + (SELECT count(*) FROM pieces)"
        with contextlib.closing(sqlite3.connect(tmp_path / "library")) as library:
            assert becomes_true(lambda: library.execute(count).fetchone() == (0,))


def test_space_is_given_back(sync, peer):
    page = sync()
    database = page.database.removeprefix("sqlite:")
    record = page.add(peer(replying(os.urandom(1 << 20) * 20)).port)
    synced(page, record)
    size = lambda: sum(os.stat(path).st_size for path in (database, database + "-wal")
                       if os.path.exists(path))
    assert size() > 20 << 20
    assert page.ask("DELETE", f"/api/records/{record}").status == 204
    assert becomes_true(lambda: os.stat(database).st_size < 5 << 20)


def test_no_crowd_takes_the_descriptors_of_jobs(sync, peer):
    few = ["sh", "-c", 'ulimit -n 160; exec "$@"', "sh"]
    page, other = sync(prefix=few), sync(command="web")
    record = other.add(peer(replying(b"a line\n")).port)
    with contextlib.ExitStack() as crowd:
        for _ in range(200):
            crowd.enter_context(connect(page.page))
        page.err.wait_for("accept: .*")
        other.wait_for(other.press(record), "done")
        time.sleep(0.5)  # in which it tries to accept some more
        assert len(page.err.matching("accept: ")) == 1, page.err.text()
    assert becomes_true(lambda: page.ask("GET", "/healthz").status == 200)


def test_the_library_is_its_users_alone(tmp_path):
    folder = tmp_path / "a" / "b"
    old = os.umask(0)
    try:
        assert run("poetry-sync", "list", "-d", f"sqlite:{folder}/library").status == 0
    finally:
        os.umask(old)
    for path, mode in ((folder, 0o700), (folder.parent, 0o700), (folder / "library", 0o600)):
        assert stat.S_IMODE(path.stat().st_mode) == mode, path


@pytest.mark.parametrize("url", [
    "postgresql://me:se3ret@127.0.0.1:1/db", "postgresql://127.0.0.1:1/db?password=se3ret",
    "postgresql://127.0.0.1:1/db?user=me&password=se3ret&connect_timeout=1"])
def test_a_password_is_told_nowhere(url):
    printed = run("poetry-sync", "list", "--database", url, "--print-config")
    assert printed.status == 0 and b"***" in printed.out and b"se3ret" not in printed.out
    failed = run("poetry-sync", "list", "--database", url)
    assert failed.status == 1 and "127.0.0.1" in failed.err and "se3ret" not in failed.err


@pytest.fixture
def pooled(started, tmp_path):
    """The URLs of a database, straight and through PgBouncer, which pools transactions."""
    port = free_ports(2)
    pool_port = port + 1
    own_postgres = started(Postgres, port=port)
    name = own_postgres.make_database()
    settings = own_postgres.folder / "pgbouncer.ini"
    settings.write_text(f"""[databases]
{name} = host=127.0.0.1 port={port} dbname={name} user=poet
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {pool_port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
""")
    os.chmod(settings, 0o644)
    prefix = []
    if os.geteuid() == 0:
        prefix = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    pool = started(Running, "/usr/sbin/pgbouncer", settings, prefix=prefix)
    pool.err.wait_for("listening on")
    return own_postgres.url(name), f"postgresql://poet@127.0.0.1:{pool_port}/{name}"


@pytest.mark.skipif(not os.path.exists("/usr/sbin/pgbouncer"), reason="needs pgbouncer")
def test_news_that_do_not_come_are_looked_for(started, pooled, peer):
    straight, through = pooled
    page = started(SyncProcess, "serve", through, "--log-level", "warn")
    page.err.wait_for("notifications do not come: looking for changes every second")
    metrics = lambda: page.ask("GET", "/metrics").decode()
    assert "poetry_sync_news 0\n" in metrics()
    with contextlib.closing(Events(page.ports["page"]).begin()) as stream:
        stream.next()
        added = run("poetry-sync", "add", "poem", f"127.0.0.1:{peer(replying(b'x')).port}",
                    "--database", straight)
        assert added.status == 0
        stream.until(lambda event: event.kind == "record")
        # What this process commits itself needs no notification.
        job = page.press("poem", 1)
        stream.until(lambda event: event.data["job"] and event.data["job"]["state"] == "done")
    assert page.get(f"/api/jobs/{job}")["attempts"] == 1


def test_news_that_come_are_told_of(started, postgres):
    page = started(SyncProcess, "web", postgres.url(postgres.make_database()))
    assert becomes_true(lambda: b"poetry_sync_news 1\n" in page.ask("GET", "/metrics"))


def test_who_waits_for_a_lock_holds_up_no_reader(sync):
    page = sync(command="web")
    page.add("127.0.0.1:1")
    with contextlib.closing(sqlite3.connect(page.database.removeprefix("sqlite:"),
                                            isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            presses = [pool.submit(page.json, "POST", "/api/jobs", {"record": 1})
                       for _ in range(16)]
            reads = 0
            while not any(each.done() for each in presses):
                reads += 1
                assert page.ask("GET", "/api/jobs").json == []
                assert len(page.ask("GET", "/api/records?limit=9").json) == 1
            answers = [each.result() for each in presses]
            assert reads > 10, "they waited with those who press"
        holder.execute("ROLLBACK")
    assert {each.status for each in answers} == {503}
    assert all(each.fields["Retry-After"] == "1" for each in answers)
    assert page.press(1) == 1


def test_one_locked_record_holds_up_no_other(started, postgres):
    name = postgres.make_database()
    page = started(SyncProcess, "web", postgres.url(name))
    for i in range(2):
        page.add("poem", f"127.0.0.1:{i + 1}")
    holder = subprocess.Popen(
        [postgres.programs / "psql", "-XAtq", postgres.url(name)], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE)
    try:
        holder.stdin.write(b"BEGIN; SELECT id FROM records WHERE id = 1 FOR UPDATE;\n")
        holder.stdin.flush()
        assert holder.stdout.readline() == b"1\n"
        refused = []

        def press():
            with pytest.raises(ValueError, match="(?s)503.*lock timeout") as told:
                page.press("poem", 1)
            refused.append(told)

        pressing = threading.Thread(target=press)
        pressing.start()
        assert page.press("poem", 2) == 1
        assert len(page.get("/api/records")) == 2 and page.ask("GET", "/healthz") == b"ok\n"
        pressing.join()
        assert refused
    finally:
        holder.stdin.close()
        holder.wait()
    assert page.press("poem", 1) > 1


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to be root, to become somebody else")
@pytest.mark.skipif(SANITIZED, reason="a sanitizer has threads of its own")
def test_threads_that_run_short_at_the_start_are_told():
    for threads in (1, 2, 3, 5, 7, 11):
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o777)
            result = run("poetry-sync", "serve", "--jobs", "20", "--listen", "0", "--control", "0",
                         "--database", f"sqlite:{folder}/library",
                         prefix=as_user(UNUSED_USER, threads))
        assert result.status == 1, threads
        message, = result.err.splitlines()
        assert "start a " in message and "Resource temporarily unavailable" in message
