"""What poetry-sync's commands do to a whole library, over each database: edit, text, export, import,
request --all, backup."""

import contextlib
import json
import os
import pty
import re
import resource
import signal
import sqlite3
import subprocess

import pytest

from harness import (SANITIZED, WAIT, Running, becomes_true, measured, peak_kib, refused_port,
                     replying, run, silent, tool, trickling)

POEM = b"Rise like Lions after slumber\nIn unvanquishable number\n"


@pytest.fixture(params=["sqlite", "postgresql"])
def library(request, sync, tmp_path):
    """library(ARG...): a server over a new database of each kind."""
    url = f"sqlite:{tmp_path}/library.db"
    if request.param == "postgresql":
        postgres = request.getfixturevalue("postgres")
        url = postgres.url(postgres.make_database())
    return lambda *args, **options: sync(*args, database=url, **options)


def failed(result, text, status=1):
    assert (result.status, result.err) == (status, f"poetry-sync: {text}\n"), result


def files(folder):
    return {str(each.relative_to(folder)): each.read_bytes()
            for each in folder.rglob("*") if each.is_file()}


def add(server, peer, text=POEM, *args, type="poem"):
    """The id of a record that a peer serves, synced."""
    added = server.run("add", type, peer(replying(text)).port, "--json", *args)
    record = json.loads(added.out)["id"]
    assert server.run("request", type, record, "--wait").status == 0
    return record


def collection(server, tool_server, tmp_path, *texts):
    paths = []
    for number, text in enumerate(texts):
        paths.append(tmp_path / f"poem{number}.txt")
        paths[-1].write_bytes(text)
    served = tool_server("-d0", *(word for each in paths for word in ("-s", f"0=poem:{each}")),
                         "-s", "0=catalog",
                         listeners=len(texts) + 1)
    port = served.ports[-1]
    record = json.loads(server.run("add", "collection", port, "--json").out)["id"]
    assert server.run("request", "collection", record, "--wait").status == 0
    return record, served.ports[:-1]


def test_a_text_is_printed(library, peer, server, tmp_path):
    serving = library()
    record = add(serving, peer, POEM)
    assert serving.run("text", record) == (0, POEM, "", None)
    empty = add(serving, peer, b"")
    assert serving.run("text", empty) == (0, b"", "", None)
    many, ports = collection(serving, server, tmp_path, b"One\n", b"Two\n")
    assert serving.run("text", many).out == b"One\nTwo\n"
    name = f"127.0.0.1:{ports[1]}"
    assert serving.run("text", many, "--poem", name).out == b"Two\n"
    failed(serving.run("text", many, "--poem", "Three"), f"record {many} has no such poem: Three")


def test_without_a_text_it_fails(library):
    server = library()
    record = server.add(10000)
    failed(server.run("text", record), f"record {record} is not synced yet")
    failed(server.run("text", 77), "no record 77")


def test_a_long_text_is_printed_piece_by_piece(sync, peer, tmp_path):
    server = sync()
    text = b"".join(b"%064d" % i for i in range(1 << 19))  # 32 MiB
    record = add(server, peer, text)
    printed = run("poetry-sync", "text", record, "-d", server.database, prefix=measured(tmp_path))
    assert printed.out == text and (SANITIZED or peak_kib(tmp_path) < 30 << 10)
    exported = run("poetry-sync", "export", tmp_path / "out", "-d", server.database,
                   prefix=measured(tmp_path))
    assert exported.status == 0 and (SANITIZED or peak_kib(tmp_path) < 30 << 10)


def test_a_text_that_is_replaced_meanwhile_is_an_error(sync, peer):
    server = sync()
    record = add(server, peer, bytes(1 << 22))
    reading = subprocess.Popen(
        [tool("poetry-sync"), "text", str(record), "-d", server.database],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert reading.stdout.read(1)  # of what a pipe holds; the rest waits
    for _ in range(2):  # of which the first one's text stays beside the second's
        assert server.run("request", "poem", record, "--wait").status == 0
    with contextlib.closing(sqlite3.connect(server.database.removeprefix("sqlite:"))) as library:
        count = "SELECT count(*) FROM pieces WHERE job = 1"
        assert becomes_true(lambda: library.execute(count).fetchone() == (0,))
    _, err = reading.communicate(timeout=WAIT)
    assert (reading.returncode, err) == (
        1, b"poetry-sync: the text was replaced while it was read\n")


def test_a_terminal_gets_a_text_harmlessly(sync, peer):
    server = sync()
    record = add(server, peer, b"Red \x1b[31m\n")
    terminal, other = pty.openpty()
    assert run("poetry-sync", "text", record, "-d", server.database, stdout=other).status == 0
    assert os.read(terminal, 100).decode() == "Red \ufffd[31m\r\n"
    os.close(terminal)
    os.close(other)


def test_all_texts_are_exported(library, peer, server, tmp_path):
    serving = library()
    one = add(serving, peer, POEM, "--name", "../../Löwen & Lämmer")
    log = add(serving, peer, b"GET /\n", "--name", ".hidden", type="weblog")
    many, _ = collection(serving, server, tmp_path, b"One\n", b"Two\n")
    serving.add(10000)  # which is not synced
    folder = tmp_path / "a" / "b"
    told = serving.run("export", folder)
    assert (told.status, told.out, told.err) == (0, b"exported 3 records\n", "")
    address = json.loads(serving.run("list", "--json").out)[2]["address"].replace(":", "_")
    assert files(folder) == {
        f"{one:03}-.._.._Löwen___Lämmer.txt": POEM, f"{log:03}-.hidden.txt": b"GET /\n",
        f"{many:03}-{address}/001-poem0.txt": b"One\n",
        f"{many:03}-{address}/002-poem1.txt": b"Two\n"}
    assert serving.run("export", folder).status == 0, "again"
    assert len(files(folder)) == 4
    long = add(serving, peer, b"Long\n", "--name", "ü" * 100)
    assert serving.run("export", folder).status == 0
    name, = (each for each in files(folder) if each.startswith(f"{long:03}-"))
    assert name.endswith(".txt") and len(name.encode()) < 255


def test_an_export_follows_no_link(sync, peer, server, tmp_path):
    serving = sync()
    record = add(serving, peer, POEM, "--name", "poem")
    kept = tmp_path / "kept"
    kept.write_text("kept")
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / f"{record:03}-poem.txt").symlink_to(kept)
    assert serving.run("export", folder).status == 0
    assert kept.read_text() == "kept" and files(folder) == {f"{record:03}-poem.txt": POEM}
    many, _ = collection(serving, server, tmp_path, b"One\n")
    serving.run("edit", many, "--name", "many")
    outside = tmp_path / "outside"
    outside.mkdir()
    (folder / f"{many:03}-many").symlink_to(outside)
    refused = serving.run("export", folder)
    assert refused.status == 1 and f"{many:03}-many" in refused.err
    assert not list(outside.iterdir())
    failed(serving.run("export", kept), f"make directory {kept}: Not a directory")


def test_an_export_that_fails_leaves_no_part(sync, peer, tmp_path):
    server = sync()
    record = add(server, peer, POEM, "--name", "poem")
    (tmp_path / "out" / f"{record:03}-poem.txt").mkdir(parents=True)
    assert server.run("export", tmp_path / "out").status == 1
    assert not files(tmp_path / "out")


def test_a_record_is_edited(library, peer):
    server = library()
    record, other = server.add(10000), server.add(10001)
    told = server.run("edit", record, "--name", "A name")
    assert told == (0, f"record {record} A name\n".encode(), "", None)
    edited = json.loads(server.run("edit", record, "--address", "localhost:7", "--json").out)
    assert (edited["name"], edited["address"]) == ("A name", "localhost:7")
    # What is named like its address goes on so.
    assert json.loads(server.run("edit", other, "--address", "10002", "--json").out)["name"] == (
        "127.0.0.1:10002")
    failed(server.run("edit", other, "--address", "localhost:7"),
           "there is a poem of localhost:7 already")
    failed(server.run("edit", 77, "--name", "x"), "no record 77")
    running = server.add(peer(silent).port)
    job = server.press(running)
    server.wait_for(job, "running")
    assert server.run("edit", running, "--name", "While it runs").status == 0
    failed(server.run("edit", running, "--address", "10003"),
           f"record {running} is being synced: cancel job {job} first")


def test_a_record_is_synced_by_itself(library, peer):
    server = library()
    added = json.loads(server.run("add", "poem", peer(replying(POEM)).port, "--every", "1s",
                                  "--json").out)
    assert added["every_s"] == 1 and added["next"] > added["created"] and added["job"] is None
    assert becomes_true(lambda: len(server.ask("GET", "/api/records/1/jobs").json) >= 2)
    kept = json.loads(server.run("edit", 1, "--name", "A name", "--json").out)
    assert kept["every_s"] == 1 and kept["next"] > kept["created"]
    rare = json.loads(server.run("edit", 1, "--every", "1h", "--json").out)
    assert rare["every_s"] == 3600 and rare["next"][:19] in server.run("list").out.decode()
    never = json.loads(server.run("edit", 1, "--every", "0", "--json").out)
    assert (never["every_s"], never["next"], never["name"]) == (0, None, "A name")
    assert server.ask("GET", "/api/records/1").json["next"] is None
    assert json.loads(server.run("edit", 1, "--every", "1m30s", "--json").out)["every_s"] == 90
    asked = server.json("POST", "/api/records", {"type": "poem", "address": "10009", "every": "1h"})
    assert asked.json["every_s"] == 3600 and asked.json["next"] > asked.json["created"]


def test_another_address_is_fetched_from_its_beginning(sync, peer):
    server = sync("--retry-delay", "1h", "--idle-timeout", "50ms")

    def half(sock, number, done):
        sock.sendall(b"Another poem, of which this is the first line\nand")
        done.wait(WAIT)
    record = server.add(peer(half).port)
    job = server.press(record)
    assert becomes_true(lambda: server.ask("GET", f"/api/jobs/{job}").json["error"]
                        and server.state_of(job) == "queued")
    assert server.run("edit", record, "--address", peer(replying(POEM)).port).status == 0
    assert server.run("cancel", job).status == 0
    assert server.run("request", "poem", record, "--wait").status == 0
    assert server.run("text", record).out == POEM


LIST = b"""\xef\xbb\xbf# My library
poem 10000 Ecstasy, a poem # no comment
  weblog\t[::1]:8080\r

collection localhost:10002
poem 127.0.0.1:10000 The same
"""


@pytest.mark.parametrize("piped", [True, False])
def test_a_list_is_imported(library, tmp_path, piped):
    server = library()
    file = tmp_path / "list"
    file.write_bytes(LIST)
    told = server.run("import", "-", stdin=LIST) if piped else server.run("import", file)
    name = "-" if piped else str(file)
    assert told.out.decode() == (
        "record 1 Ecstasy, a poem # no comment\nrecord 2 [::1]:8080\nrecord 3 localhost:10002\n")
    failed(told, f"{name}:6: is there already: 127.0.0.1:10000", status=0)
    again = server.run("import", file, "--json")
    assert (again.status, again.out, len(again.err.splitlines())) == (0, b"", 4)
    more = server.run("import", "-", "--json", stdin=b"poem 1\npoem 2 B")
    assert [json.loads(line)["name"] for line in more.out.splitlines()] == ["127.0.0.1:1", "B"]


def test_of_a_bad_list_nothing_is_imported(library, tmp_path):
    server = library()
    told = server.run("import", "-", stdin=b"poem 1\npeom 2\npoem\npoem x\npoem 3 " + b"n" * 201)
    assert (told.status, told.out) == (2, b"")
    lines = told.err.splitlines()
    assert [re.match(r"poetry-sync: -:(\d): ", each)[1] for each in lines] == ["2", "3", "4", "5"]
    assert "did you mean poem?): peom" in lines[0]
    assert json.loads(server.run("list", "--json").out) == []
    failed(server.run("import", tmp_path / "none"),
           f"open {tmp_path}/none: No such file or directory")
    failed(server.run("import", tmp_path), f"read {tmp_path}: Is a directory")


def test_all_records_are_requested(library, peer):
    server = library()
    assert server.run("request", "--all") == (0, b"", "", None)
    records = [server.add(peer(replying(POEM)).port) for _ in range(3)]
    server.add(peer(silent).port, type="weblog")
    told = server.run("request", "--all")
    assert told.status == 0
    assert re.fullmatch(r"(job \d (queued|running|done)\n){4}", told.out.decode())
    jobs = [json.loads(line) for line in server.run("request", "--all", "--json").out.splitlines()]
    assert [each["record"] for each in jobs] == [*records, 4]
    assert jobs[3]["id"] == 4, "that is under way"
    server.run("cancel", 4)
    server.wait_for(4, "cancelled")
    server.run("remove", 4)
    waited = server.run("request", "--all", "--wait")
    assert waited.status == 0 and waited.out.count(b"Rise like Lions") >= 3
    with refused_port() as port:
        server.add(port)
        settings = ["--attempts", "1", "--retry-delay", "0"]
        server.stop()
        server = library(*settings)
        told = server.run("request", "--all", "--wait", "--json")
        states = [json.loads(line)["state"] for line in told.out.splitlines()]
        assert (told.status, states) == (1, ["done"] * 3 + ["failed"])


def test_a_backup_is_a_library_as_it_was(sync, peer, tmp_path):
    server = sync()
    record = add(server, peer, POEM)
    server.press(server.add(peer(trickling).port))
    server.wait_for(2, "running")
    copy = tmp_path / "copy.db"
    assert server.run("backup", copy) == (0, b"", "", None)
    assert server.state_of(2) == "running"
    assert copy.stat().st_mode & 0o777 == 0o600
    with contextlib.closing(sqlite3.connect(copy)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
    listed = json.loads(run("poetry-sync", "list", "--json", "-d", f"sqlite:{copy}").out)
    assert [each["job"]["state"] for each in listed] == ["done", "running"]
    assert run("poetry-sync", "text", record, "-d", f"sqlite:{copy}").out == POEM
    failed(server.run("backup", copy), f"back up to {copy}: File exists")
    assert run("poetry-sync", "text", record, "-d", f"sqlite:{copy}").out == POEM
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    failed(server.run("backup", tmp_path / "link"), f"back up to {tmp_path}/link: File exists")


def test_a_backup_that_fails_leaves_nothing(sync, peer, tmp_path):
    server = sync()
    add(server, peer, bytes(1 << 22))
    limit = (1 << 20, 1 << 20)
    full = run("poetry-sync", "backup", tmp_path / "copy.db", "-d", server.database,
               preexec_fn=lambda: (signal.signal(signal.SIGXFSZ, signal.SIG_IGN),
                                   resource.setrlimit(resource.RLIMIT_FSIZE, limit)))
    assert full.status == 1 and full.err.startswith("poetry-sync: database")
    assert not (tmp_path / "copy.db").exists()
    failed(server.run("backup", tmp_path / "none/copy.db"),
           f"back up to {tmp_path}/none/copy.db: No such file or directory")


def test_postgresql_is_backed_up_by_its_own_tool(postgres, tmp_path):
    url = postgres.url(postgres.make_database())
    failed(run("poetry-sync", "backup", tmp_path / "copy", "-d", url),
           f"database: PostgreSQL is backed up by its own tool: pg_dump -Fc -f {tmp_path}/copy")
    assert not (tmp_path / "copy").exists()


def test_requests_of_all_take_no_operands(tmp_path):
    result = run("poetry-sync", "request", "--all", "poem")
    assert result.status == 2 and result.err.splitlines()[0].endswith(": poem")
