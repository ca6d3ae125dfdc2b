"""What syncing each type of record stores, and when it fails."""

import hashlib
import json
import socket
import struct
import threading

import pytest

from harness import POEMS, WAIT, becomes_true

ONE_TRY = ["--attempts", "1"]


def catalog_of(*poems):
    """A catalog of (host, port, bytes that it promises)."""
    return json.dumps([
        {"host": host, "port": port, "service": "poem", "name": "a poem", "bytes": len(text),
         "sha256": hashlib.sha256(text).hexdigest()} for host, port, text in poems]).encode()


def sends(text):
    return lambda sock, _number, _done: sock.sendall(text)


def ended(sync, record, *states):
    """The record's job once it is over, which ends in one of these states."""
    job = sync.press(record)
    sync.wait_for(job, *states)
    return sync.ask("GET", f"/api/jobs/{job}").json


def log_of(sync, job):
    return [line["text"] for line in sync.ask("GET", f"/api/jobs/{job['id']}/log?after=0").json]


def text_of(sync, record):
    return sync.ask("GET", f"/api/records/{record}/text").body


def test_a_collection_is_every_poem_of_its_catalog(sync, server):
    poems = [POEMS / "ecstasy.txt", POEMS / "quiet-night.txt"]
    running = server("--delay", "1ms", *(word for poem in poems
                                         for word in ("--serve", f"0=poem:{poem}")),
                     "--serve", "0=catalog")
    page = sync()
    record = page.add(running.ports[-1], "collection")
    job = ended(page, record, "done")
    whole = b"".join(poem.read_bytes() for poem in poems)
    assert text_of(page, record) == whole
    assert (job["fetched"], job["expected"]) == (len(whole), len(whole))
    log = "\n".join(log_of(page, job))
    for poem in poems:
        assert hashlib.sha256(poem.read_bytes()).hexdigest() in log


def test_a_poem_that_differs_from_its_catalog_is_not_taken_for_it(sync, peer):
    poem = peer(sends(b"another one\n"))
    catalog = peer(sends(catalog_of(("127.0.0.1", poem.port, b"the one that was promised\n"))))
    page = sync(*ONE_TRY)
    record = page.add(catalog.port, "collection")
    job = ended(page, record, "failed")
    assert f"127.0.0.1:{poem.port}" in job["error"]
    assert page.ask("GET", f"/api/records/{record}/text").status == 404


def test_a_catalog_leads_to_its_own_host_alone(sync, peer):
    with socket.create_server(("127.0.0.2", 0)) as elsewhere:
        elsewhere.setblocking(False)
        port = elsewhere.getsockname()[1]
        catalog = peer(sends(catalog_of(("127.0.0.2", port, b"secret\n"))))
        page = sync(*ONE_TRY)
        job = ended(page, page.add(catalog.port, "collection"), "failed")
        assert job["error"] == f"catalog: names another host: 127.0.0.2:{port}"
        with pytest.raises(BlockingIOError):
            elsewhere.accept()


def test_a_name_of_the_same_host_is_no_other_host(sync, peer):
    poem = peer(sends(b"a line\n"))
    catalog = peer(sends(catalog_of(("localhost", poem.port, b"a line\n"))))
    page = sync(*ONE_TRY)
    record = page.add(catalog.port, "collection")
    ended(page, record, "done")
    assert text_of(page, record) == b"a line\n"


def test_what_is_no_catalog_is_told(sync, peer):
    page = sync(*ONE_TRY)
    job = ended(page, page.add(peer(sends(b"roses are red\n")).port, "collection"), "failed")
    assert job["error"].startswith("catalog: ")


@pytest.mark.parametrize("bound", [["--follow-records", "3"], ["--follow-time", "2s"]])
def test_a_weblog_is_followed_as_far_as_is_asked(sync, server, tmp_path, bound):
    lines = [b"127.0.0.1 - - [01/Jan/2026:00:00:%02d +0000] \"GET / HTTP/1.1\" 200 1\n" % i
             for i in range(5)]
    log = tmp_path / "access.log"
    log.write_bytes(b"".join(lines))
    running = server("--serve", f"0=weblog:{log},backlog=10")
    page = sync(*bound)
    record = page.add(running.port, "weblog")
    job = ended(page, record, "done")
    wanted = lines[:3] if "3" in bound else lines
    assert text_of(page, record) == b"".join(wanted)
    assert log_of(page, job)[-2].endswith(f": {len(wanted)} records")


def test_a_weblog_goes_on_behind_its_last_whole_record(sync, peer):
    stored = threading.Event()

    def half(sock, number, _done):
        sock.sendall(b"first\nsec" if number == 1 else b"third\n")
        if number == 1:  # a reset, after which the job is tried again
            stored.wait(WAIT)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    page = sync("--retry-delay", "10ms")
    record = page.add(peer(half).port, "weblog")
    job = page.press(record)
    assert becomes_true(lambda: page.ask("GET", f"/api/jobs/{job}").json["fetched"] > 0)
    stored.set()
    page.wait_for(job, "done")
    assert text_of(page, record) == b"first\nthird\n"
    assert page.ask("GET", f"/api/jobs/{job}").json["attempts"] == 2


def test_a_poem_is_expected_to_be_as_long_as_the_last_time(sync, peer):
    page = sync()
    record = page.add(peer(sends(b"a line\n")).port)
    assert ended(page, record, "done")["expected"] is None
    assert ended(page, record, "done")["expected"] == 7


def test_a_server_that_is_not_there_is_tried_again_and_then_given_up(sync):
    page = sync("--attempts", "2", "--retry-delay", "10ms")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        job = ended(page, page.add(port), "failed")
    assert job["attempts"] == 2
    assert job["error"] == f"127.0.0.1:{port}: connect: Connection refused"
