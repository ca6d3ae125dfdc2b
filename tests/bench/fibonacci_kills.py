#!/usr/bin/env python3
"""Kills a fibonacci server again and again while clients draw, and looks for repeated numbers.

usage: fibonacci_kills.py [KILLS [ENGINE [LEASE [SEED]]]]

Needs a built poetry-server, in build/dev/bin or where POETRY_BIN says. Exits 1 on a number that
was sent twice, or that did not rise within a connection.
"""

import hashlib
import random
import signal
import sys
import tempfile
import threading
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cli"))

from harness import SANITIZED, WAIT, Server, connect  # noqa: E402

CLIENTS = 4
LONGEST_LIFE = 0.2 if SANITIZED else 0.05  # seconds from listening to the kill, at random
MOST_DRAWN = 16  # by a client from one server: it bounds how large the numbers become


class Outcome(NamedTuple):
    kills: int
    drawn: int
    repeats: int
    disorders: int


class Draws:
    """What all clients got, as digests, since the numbers become large."""

    def __init__(self):
        self.changed = threading.Condition()
        self.seen = set()
        self.drawn = self.repeats = self.disorders = 0

    def add(self, number, last):
        digest = hashlib.sha1(number).digest()
        with self.changed:
            self.drawn += 1
            self.repeats += digest in self.seen
            self.disorders += (len(number), number) <= (len(last), last)
            self.seen.add(digest)
            self.changed.notify_all()

    def wait_beyond(self, count):
        with self.changed:
            self.changed.wait_for(lambda: self.drawn > count, WAIT)


class Place:
    """Where the server is, if it is anywhere."""

    def __init__(self):
        self.changed = threading.Condition()
        self.port = None
        self.life = 0
        self.over = False

    def move(self, port, over=False):
        with self.changed:
            self.port, self.over = port, over
            self.life += port is not None
            self.changed.notify_all()

    def find(self, after):
        """(port, life) of a server later than `after`; None at the end."""
        with self.changed:
            self.changed.wait_for(lambda: self.over or (self.port and self.life > after), WAIT)
            return None if self.over or not self.port else (self.port, self.life)


def draw(place, draws, rng):
    """One client: a few connections to each server, a few lines over each."""
    life = 0
    while found := place.find(life):
        port, life = found
        left = rng.randint(1, MOST_DRAWN)
        try:
            while left > 0:
                left -= draw_some(port, rng.randint(1, left), draws, rng)
        except OSError:
            continue  # it was killed


def draw_some(port, count, draws, rng):
    last = b""
    with connect(port) as sock, sock.makefile("rb") as stream:
        asked = answered = 0
        while answered < count:
            lines = rng.randint(1, count - asked) if asked < count else 0
            sock.sendall(b"next\n" * lines)
            asked += lines
            number = stream.readline()
            if not number.endswith(b"\n"):
                raise ConnectionError  # the rest of it is lost
            draws.add(number[:-1], last)
            last = number[:-1]
            answered += 1
    return count


def campaign(kills, engine, lease, state, seed):
    """Kills so many servers on one state file at random moments; the seed decides them."""
    place, draws = Place(), Draws()
    clients = [threading.Thread(target=draw, args=(place, draws, random.Random(f"{seed} {i}")))
               for i in range(CLIENTS)]
    for client in clients:
        client.start()
    rng = random.Random(seed)
    moment = threading.Event()
    try:
        for kill in range(kills):
            before = draws.drawn
            server = Server("--engine", engine, "--log-level", "error",
                            "--serve", f"0=fibonacci:{state},lease={lease}")
            place.move(server.port)
            if kill % 2:
                draws.wait_beyond(before)  # on a slow machine, too, half of them serve first
            moment.wait(rng.uniform(0, LONGEST_LIFE))
            place.move(None)
            server.send(signal.SIGKILL)
            server.wait()
            server.end()
    finally:
        place.move(None, over=True)
        for client in clients:
            client.join(WAIT)
    return Outcome(kills, draws.drawn, draws.repeats, draws.disorders)


def main():
    kills, engine, lease, seed = (sys.argv[1:] + ["1000", "asio", "1", ""][len(sys.argv) - 1:])[:4]
    seed = seed or str(random.randrange(1 << 32))
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory() as directory:
        outcome = campaign(int(kills), engine, int(lease), Path(directory) / "state", seed)
    print(f"kills {outcome.kills}, numbers drawn {outcome.drawn}, repeats {outcome.repeats}, "
          f"out of order {outcome.disorders}")
    return 1 if outcome.repeats or outcome.disorders else 0


if __name__ == "__main__":
    sys.exit(main())
