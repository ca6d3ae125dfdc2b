"""Fixtures of the black-box suite: servers and files that end with their test."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from harness import BIN, Peer, Running, Server, as_user, run
from postgres import Postgres
from sync_server import Sync


def pytest_configure(config):
    if not (BIN / "poetry-server").exists():
        pytest.exit(f"no poetry-server in {BIN}: build first, or set POETRY_BIN", returncode=2)


@pytest.fixture
def started():
    """start(Class, ...): anything with end() or close(), ended with the test."""
    running = []

    def start(make, *args, **options):
        running.append(make(*args, **options))
        return running[-1]

    yield start
    for each in reversed(running):
        each.end() if hasattr(each, "end") else each.close()


@pytest.fixture
def server(started):
    """server(ARG...): poetry-server on free ports, unless the arguments name some."""

    def start(*args, **options):
        placed = {"-p", "--port", "--serve", "-s", "--config"} & set(map(str, args))
        return started(Server, *([] if placed else ["--port", "0"]), *args, **options)

    return start


@pytest.fixture
def getting(started):
    """getting(ARG...): poetry-get, running."""
    return lambda *args, **options: started(Running, "poetry-get", *args, **options)


@pytest.fixture
def peer(started):
    """peer(handle): a server written in the test, often a broken one."""
    return lambda handle: started(Peer, handle)


@pytest.fixture
def sync(started, tmp_path):
    """sync(ARG...): poetry-sync serve, or another command, on free ports."""
    return lambda *args, **options: started(Sync, tmp_path, *args, **options)


@pytest.fixture
def fetch(tmp_path):
    """fetch(ARG...): poetry-get to its end, with its JSON report."""

    def call(*args, **options):
        path = tmp_path / "report.json"
        result = run("poetry-get", "--report", "json", "--report-file", path, *args, **options)
        assert path.exists(), result.err
        return result._replace(report=json.loads(path.read_text()))

    return call


@pytest.fixture
def poem(tmp_path):
    """poem(BYTES): a file that holds them."""

    def write(text, name="poem.txt"):
        path = tmp_path / name
        path.write_bytes(text)
        return path

    return write


@pytest.fixture
def with_file(tmp_path):
    """with_file(PATH, TEXT): the prefix of a command for which that is in that file."""

    def prefix(path, text):
        own = tmp_path / "own"
        own.write_text(text)
        words = ("unshare", "--map-root-user", "--mount", "/bin/sh", "-c",
                 f'mount --bind "$0" {path} && exec "$@"', str(own))
        if subprocess.run([*words, "true"], capture_output=True, check=False).returncode != 0:
            pytest.skip("no mount namespaces here")
        return words

    return prefix


@pytest.fixture
def unprivileged():
    """A prefix for run() that drops root, and a directory that the one without can use."""
    prefix = as_user(65534) if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        yield prefix, Path(directory)


@pytest.fixture(scope="module")
def postgres():
    """A PostgreSQL server for all tests of a file; each makes a database of its own."""
    server = Postgres("fsync=off")
    yield server
    server.close()
