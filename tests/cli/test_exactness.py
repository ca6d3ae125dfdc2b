"""What arrives is byte for byte the file, however big, odd, or changed since."""

import hashlib
import os
import re

import pytest

from harness import (ENGINES, SANITIZED, SERVER_ENGINES, arrivals, connect, never_early, read_line,
                     read_poem, read_to_end, run)

ODD = {
    "empty": b"",
    "no newline at the end": b"one\ntwo",
    "newlines only": b"\n\n\n",
    "CRLF": b"one\r\ntwo\r\n",
    "NUL": b"\0one\0\n\0",
    "invalid UTF-8": b"\xff\xfe\n\xc3\x28\xe2\x82\n\x80",
    "BOM": b"\xef\xbb\xbfone\n",
    "every byte": bytes(range(256)) * 3,
}


@pytest.mark.parametrize("chunk", ["line", "1B", "64KiB"])
@pytest.mark.parametrize("engine", ENGINES)
def test_odd_poems_arrive_unchanged(server, poem, tmp_path, engine, chunk):
    running = server("-d0", "--chunk", chunk, *[
        poem(text, f"{i}.txt") for i, text in enumerate(ODD.values())], listeners=len(ODD))
    result = run("poetry-get", "-e", engine, "-O", tmp_path / "out", *running.ports)
    assert result.status == 0, result.err
    assert [path.read_bytes() for path in sorted((tmp_path / "out").iterdir())] == list(
        ODD.values())


def resident_anonymous(pid):
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(r"RssAnon:\s+(\d+) kB", status.read())[1]) * 1024


@pytest.mark.skipif(SANITIZED, reason="measures memory")
def test_a_big_poem_with_a_huge_line_streams_in_constant_memory(server, fetch, tmp_path):
    path = tmp_path / "big.txt"
    with path.open("wb") as file:
        for _ in range(100):
            file.write(b"x" * 1_000_000)
        file.write(b"\n")
        file.seek(200 << 20)
        file.write(b"\nthe end\n" * 50)
        file.truncate(256 << 20)
    with path.open("rb") as file:
        digest = hashlib.sha256()
        for piece in iter(lambda: file.read(1 << 20), b""):
            digest.update(piece)
    running = server("-d0", path)
    result = fetch("--print", "none", "-n", "2", running.port)
    assert [(task["bytes"], task["sha256"]) for task in result.report["tasks"]] == [
        (256 << 20, digest.hexdigest())] * 2
    assert resident_anonymous(running.pid) < 24 << 20
    assert result.report["max_rss_kib"] < 64 << 10
    path.unlink()


@pytest.mark.parametrize("change", [b"", b"new\n", b"longer than it was before\n" * 99],
                         ids=["emptied", "shorter", "longer"])
def test_a_file_changed_in_place_does_not_reach_a_session_under_way(server, poem, change):
    path = poem(b"one\ntwo\nthree\n")
    running = server("-d", "100ms", path)
    with connect(running.port) as sock:
        assert read_line(sock) == b"one\n"
        path.write_bytes(change)  # truncates, then writes: the same inode
        assert read_to_end(sock) == b"two\nthree\n"
    assert read_poem(running.port) == b"one\ntwo\nthree\n"


@pytest.mark.parametrize("kind", ["fifo", "device", "folder", "sparse", "endless"])
def test_what_is_no_poem_is_refused_at_once(tmp_path, kind):
    path = tmp_path / "poem"
    if kind == "fifo":
        os.mkfifo(path)  # that nobody writes to
    elif kind == "folder":
        path.mkdir()
    elif kind == "sparse":
        with open(path, "wb") as file:
            file.truncate(100 << 30)
    else:
        path.symlink_to("/dev/zero" if kind == "device" else "/proc/kmsg")
    result = run("poetry-server", "-p0", path)
    assert result.status == 1
    assert result.err.startswith("poetry-server: read ") and str(path) in result.err


def test_a_poem_has_a_size_limit(server, poem):
    path = poem(b"four\n" * 10)
    refused = run("poetry-server", "-p0", "--max-poem", "49B", path)
    assert refused.status == 1
    assert f"read {path}, of more than 49B: File too large" in refused.err
    assert read_poem(server("-d0", "--max-poem", "50B", path).port) == b"four\n" * 10


@pytest.mark.parametrize("engine", SERVER_ENGINES)
@pytest.mark.parametrize("setting", ["rate=100kB", "duration=500ms"])
def test_bandwidth_is_kept_and_never_early(server, poem, engine, setting):
    path = poem(b"123456789\n" * 5000)
    running = server("-e", engine, "-s", f"0=poem:{path},{setting}")
    seen = arrivals(running.port)
    assert seen[-1][1] == 50_000
    never_early(seen, [(count, count / 100_000 - 0.011) for count in range(5_000, 50_000, 5_000)])
    assert seen[-1][0] >= 0.5


def test_a_configuration_is_a_regular_file(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", "/dev/zero", tmp_path):
        result = run("poetry-server", "--config", path)
        assert result.status == 1 and str(path) in result.err
