"""Poems checked against a server's catalog, which a peer of the test's own sends here."""

import hashlib
import json
import signal

import pytest

from harness import ENGINES, refused_port, replying, run, silent

POEM = b"one\ntwo\nthree\n"


def entry(port, text=POEM, **changes):
    found = {"host": "127.0.0.1", "port": port, "service": "poem", "name": "poem.txt",
             "bytes": len(text), "lines": text.count(b"\n"),
             "sha256": hashlib.sha256(text).hexdigest(), "delay": 0.0}
    found.update(changes)
    return {key: value for key, value in found.items() if value is not None}


@pytest.fixture
def catalog(peer):
    """catalog(ENTRY...): the port of a catalog; also of one that is not well-formed."""
    def serve(*entries, text=None):
        return peer(replying(json.dumps(entries).encode() if text is None else text)).port
    return serve


@pytest.mark.parametrize("engine", ENGINES)
def test_the_poems_of_a_catalog_are_fetched_and_checked(peer, server, poem, fetch, catalog, engine):
    good = server("-d0", poem(POEM)).port
    short, changed = peer(replying(POEM[:5])).port, peer(replying(POEM.upper())).port
    result = fetch("-e", engine, "--catalog", catalog(
        entry(good), entry(short), entry(changed), entry(1, service="echo", bytes=None),
        entry(good, bytes=None, lines=None, sha256=None)))
    assert [(task["port"], task["outcome"], task["bytes"]) for task in result.report["tasks"]] == [
        (good, "ok", 14), (short, "truncated", 5), (changed, "truncated", 14), (good, "ok", 14)]
    assert [task["error"] for task in result.report["tasks"]] == [
        "", f"127.0.0.1:{short}: 5 of 14 bytes", f"127.0.0.1:{changed}: sha256 differs", ""]
    assert result.report["tasks"][0]["sha256"] == hashlib.sha256(POEM).hexdigest()
    assert (result.status, result.report["failed"]) == (1, 2)


def test_a_stream_that_goes_on_is_not_what_was_expected(server, poem, fetch, catalog):
    port = server("-d0", poem(POEM + b"four\n")).port
    task, = fetch("--catalog", catalog(entry(port))).report["tasks"]
    assert (task["outcome"], task["error"]) == ("truncated", f"127.0.0.1:{port}: 19 of 14 bytes")


def test_a_server_named_beside_the_catalog_is_checked_where_it_stands_there(
        peer, fetch, catalog):
    listed, other, unknown = (peer(replying(POEM[:5])).port for _ in range(3))
    address = catalog(entry(other), entry(listed, host="0.0.0.0"))
    tasks = fetch(listed, unknown, "--catalog", address).report["tasks"]
    assert [(task["port"], task["outcome"]) for task in tasks] == [
        (listed, "truncated"), (unknown, "ok"), (other, "truncated")]


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_a_host_that_means_all_is_the_catalogs_own(server, poem, fetch, catalog, host):
    port = server("-d0", poem(POEM)).port
    task, = fetch("--catalog", f"localhost:{catalog(entry(port, host=host))}").report["tasks"]
    assert (task["host"], task["outcome"]) == ("localhost", "ok")


@pytest.mark.parametrize("name, file", [
    ("ode.txt", "001-ode.txt"), ("the ode", "001-the_ode.txt"), ("../../etc/x", "001-.._.._etc_x.txt"),
    ("x" * 300, f"001-{'x' * 200}.txt"), (".txt", "001-.txt"), (None, "001-127.0.0.1-PORT.txt"),
    ("", "001-127.0.0.1-PORT.txt")])
def test_files_are_called_after_the_catalogs_poems(server, poem, catalog, tmp_path, name, file):
    port = server("-d0", poem(POEM)).port
    result = run("poetry-get", "-O", tmp_path / "out", "--catalog", catalog(entry(port, name=name)))
    assert result.status == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == [file.replace("PORT", str(port))]


def test_a_label_of_a_list_goes_before_the_catalogs_name(server, poem, catalog, tmp_path):
    port = server("-d0", poem(POEM)).port
    result = run("poetry-get", "-O", tmp_path / "out", "-f", "-", "--catalog", catalog(entry(port)),
                 stdin=f"{port}\tmine\n".encode())
    assert result.status == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["001-mine.txt"]


def test_a_truncated_poem_is_tried_again(peer, catalog, fetch):
    def better_the_second_time(sock, number, done):
        replying(POEM[:5] if number == 1 else POEM)(sock, number, done)

    result = fetch("--retries", "1", "--retry-delay", "10ms", "--catalog",
                   catalog(entry(peer(better_the_second_time).port)))
    task, = result.report["tasks"]
    assert (task["outcome"], task["attempts"], result.out) == ("ok", 2, POEM)


def test_a_truncated_poem_stays_a_part(peer, catalog, tmp_path):
    port = peer(replying(POEM[:5])).port
    result = run("poetry-get", "-O", tmp_path / "out", "--catalog", catalog(entry(port)))
    path, = (tmp_path / "out").iterdir()
    assert (result.status, path.name, path.read_bytes()) == (
        3, "001-poem.txt.part", POEM[:5])
    assert f"Task 1 failed: 127.0.0.1:{port}: 5 of 14 bytes" in result.err
    assert f"Not fetched, truncated: task 1, 127.0.0.1:{port}: 5 of 14 bytes" in result.err


def test_other_services_are_told_once_where_every_event_is(server, poem, catalog):
    port = server("-d0", poem(POEM)).port
    address = catalog(entry(port), entry(1, service="echo"), entry(2, service="catalog"))
    assert "passed over" not in run("poetry-get", "--catalog", address).err
    err = run("poetry-get", "-v", "--catalog", address).err
    assert err.count("passed over") == 1
    assert f"Catalog 127.0.0.1:{address}: 1 poem to fetch, 2 other services passed over" in err


@pytest.mark.parametrize("text, wrong", [
    (b"", "JSON"), (b"poem", "JSON"), (b"{}", "array"), (b"[7]", "entry 1"),
    (b'[{"host": "127.0.0.1", "service": "poem"}]', "entry 1: port"),
    (b'[{"host": "127.0.0.1", "port": 70000, "service": "poem"}]', "entry 1: host and port"),
    (b'[{"host": "127.0.0.1", "port": 1, "service": "poem", "sha256": "no"}]', "entry 1: sha256"),
    (b"[" * 100_000, "JSON"), (b"[]", "no poem"), (b"\xff\0\x1b[2J", "JSON")])
def test_a_catalog_that_is_none(catalog, text, wrong):
    port = catalog(text=text)
    result = run("poetry-get", "--catalog", port)
    assert (result.status, result.out) == (3, b"")
    line, = result.err.splitlines()
    assert line.startswith(f"poetry-get: catalog 127.0.0.1:{port}: ") and wrong in line


def test_a_catalog_that_cannot_be_fetched(peer, tmp_path):
    untouched = peer(replying(POEM))
    with refused_port() as refused:
        for address, wrong in (
                (refused, "connect: Connection refused"),
                ("no-such-host.invalid:1", "resolve: "),
                (peer(silent).port, "receive: nothing for 200ms")):
            result = run("poetry-get", "--idle-timeout", "200ms", "--catalog", address,
                         "-O", tmp_path / "out", untouched.port)
            assert (result.status, result.out, untouched.accepted) == (3, b"", 0)
            line, = result.err.splitlines()
            assert line.startswith("poetry-get: catalog ") and wrong in line
            assert f"{address}" in line


def test_a_catalog_leads_to_no_other_host_unless_it_may(server, poem, catalog, fetch, tmp_path):
    port = server("--host", "127.0.0.2", "-d0", poem(POEM)).port
    elsewhere = catalog(entry(port, host="127.0.0.2"))
    result = run("poetry-get", "--send", "secret", "--catalog", elsewhere, "-O", tmp_path / "out")
    assert (result.status, result.out) == (3, b"")
    assert (f"poetry-get: catalog 127.0.0.1:{elsewhere}: it leads to another host, 127.0.0.2:{port}"
            " (--catalog-hosts any allows that)") in result.err
    task, = fetch("--catalog", elsewhere, "--catalog-hosts", "any").report["tasks"]
    assert (task["host"], task["outcome"]) == ("127.0.0.2", "ok")


def test_a_catalog_may_name_the_address_that_it_was_fetched_from(server, poem, catalog, fetch):
    port = server("-d0", poem(POEM)).port
    task, = fetch("--catalog", f"localhost:{catalog(entry(port))}").report["tasks"]
    assert (task["host"], task["outcome"]) == ("127.0.0.1", "ok")


def test_a_catalog_that_was_cut_is_fetched_anew(server, poem, peer, fetch):
    text = json.dumps([entry(server("-d0", poem(POEM)).port)]).encode()

    def better_the_second_time(sock, number, done):
        replying(text[:-5] if number == 1 else text)(sock, number, done)

    result = fetch("--retries", "1", "--retry-delay", "10ms", "--catalog",
                   peer(better_the_second_time).port)
    assert (result.status, result.out) == (0, POEM)


def test_what_is_no_catalog_is_not_fetched_anew(peer):
    served = peer(replying(b"roses are red\n"))
    result = run("poetry-get", "--retries", "3", "--retry-delay", "10ms", "--catalog", served.port)
    assert result.status == 3 and "not a catalog" in result.err and served.accepted == 1


def test_a_catalog_without_end_is_not_held(peer):
    def endless(sock, number, done):
        while True:
            sock.sendall(b" " * (1 << 20))

    result = run("poetry-get", "--catalog", peer(endless).port)
    assert result.status == 3 and "more than 16777216 bytes" in result.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_wait_for_a_catalog(getting, peer, number):
    waiting = peer(silent)
    running = getting("--catalog", waiting.port)
    while not waiting.accepted:
        waiting.done.wait(0.01)
    assert running.stop(number) == 130
    assert running.out.text() == ""


def test_a_catalog_in_a_configuration_file(server, poem, catalog, tmp_path):
    port, path = server("-d0", poem(POEM)).port, tmp_path / "config"
    path.write_text(f"catalog = {catalog(entry(port))}\n")
    assert run("poetry-get", "-q", "--config", path).out == POEM
    printed = run("poetry-get", "--config", path, "--print-config").out.decode()
    assert "catalog = 127.0.0.1:" in printed
