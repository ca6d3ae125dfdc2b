"""A PostgreSQL server of the tests' own, from the distribution's package, in a temporary directory.

It listens on a socket there and, where it is given a port, on that of this machine, and nowhere
else. It runs without root's rights, which it refuses.
"""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from harness import WAIT, Lines

NOBODY = 65534


def programs():
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"),
                   key=lambda each: int(each.parts[4]) if each.parts[4].isdigit() else 0)
    if not found:
        raise FileNotFoundError("PostgreSQL is missing: install package postgresql")
    return found[-1].parent


class Postgres:
    """Started at once; stop() and start() restart it with what it holds. With a port it is reached
    by that, and otherwise by its socket."""

    def __init__(self, *settings, port=None):
        self.programs = programs()
        self.port = port
        where = ["listen_addresses=127.0.0.1", f"port={port}"] if port else ["listen_addresses="]
        self.settings = [*where, "shared_buffers=16MB", *settings]
        self.folder = Path(tempfile.mkdtemp(prefix="slow-poetry-postgres-"))
        self.process = None
        self.databases = 0
        self.prefix = ["setpriv", "--pdeathsig", "INT"]
        if os.geteuid() == 0:
            os.chown(self.folder, NOBODY, NOBODY)
            self.prefix += [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        made = subprocess.run(
            [*self.prefix, self.programs / "initdb", "--no-sync", "--auth=trust",
             "--username=poet", "--encoding=UTF8", "--locale=C.UTF-8", "-D", self.folder / "data"],
            cwd="/", capture_output=True, timeout=4 * WAIT)
        assert made.returncode == 0, made.stderr.decode()
        self.start()

    def start(self):
        options = [word for each in self.settings for word in ("-c", each)]
        self.process = subprocess.Popen(
            [*self.prefix, self.programs / "postgres", "-D", self.folder / "data",
             "-k", self.folder, *options],
            cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.log = Lines(self.process.stderr)
        self.log.wait_for("ready to accept connections")

    def stop(self, number=signal.SIGINT):
        """Ends it and all connections (fast shutdown), or as a crash would with SIGQUIT or SIGKILL;
        returns once its last process has ended."""
        self.process.send_signal(number)
        self.process.wait(WAIT)
        self.log.thread.join(WAIT)
        self.log.pipe.close()

    def url(self, database):
        if self.port:
            return f"postgresql://poet@127.0.0.1:{self.port}/{database}"
        return f"postgresql://poet@/{database}?host={self.folder}"

    def query(self, database, sql):
        """The rows, as lists of texts."""
        told = subprocess.run(
            [self.programs / "psql", "-XAtq", "-F", "\x1f", "-v", "ON_ERROR_STOP=1", "-c", sql,
             self.url(database)], capture_output=True, timeout=WAIT)
        assert told.returncode == 0, told.stderr.decode()
        return [line.split("\x1f") for line in told.stdout.decode().splitlines()]

    def make_database(self):
        """The name of a new, empty one."""
        self.databases += 1
        name = f"test{self.databases}"
        self.query("postgres", f"CREATE DATABASE {name}")
        return name

    def close(self):
        if self.process and self.process.poll() is None:
            self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)
