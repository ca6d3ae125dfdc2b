"""What poetry-server is asked to do."""

import contextlib
import hashlib
import json
import re
import signal
import socket
import time

from harness import SERVER_ENGINES, connect
from running import OTHER, POEM, WAIT, Wrong, ended, must, told


def received(sock):
    """All that comes; and whether it ended in order."""
    text = b""
    if sock is None:
        return text, False
    with sock:
        try:
            while piece := sock.recv(1 << 16):
                text += piece
        except TimeoutError:
            raise Wrong("a client was neither served nor dropped") from None
        except OSError:
            return text, False
    return text, True


def first_byte(sock):
    try:
        return sock.recv(1) if sock else b""
    except OSError:
        return b""


def listening(run, victim, count=1):
    """The ports, once it serves; None where it could not start, and told why."""
    found = victim.out.wait_for(r"^listening \S+:(\d+) ", count)
    if len(found) == count:
        return [int(port) for port in found]
    status = ended(victim)
    victim.end()
    must(status == 1, f"does not serve: exit status {status}")
    told(run, victim, status)
    return None


class Clients:
    """What came of those that were served; at most one of them may suffer, and not unsaid. A server
    that cannot begin to serve may end, and say why."""

    def __init__(self, run, victim):
        self.run, self.victim, self.suffered, self.began = run, victim, 0, False

    def connect(self, port):
        """A connection; None where the server ended before it served anybody."""
        try:
            sock = connect(port)
            sock.settimeout(WAIT)
            return sock
        except ConnectionRefusedError:
            # One that ends so may be ended by the signal that a test sends.
            must(not self.began and ended(self.victim) in (1, -signal.SIGHUP, -signal.SIGTERM),
                 f"serves no more: exit status {self.victim.process.poll()}")
            return None

    def got(self, text, in_order, whole, number, late=False):
        """One that is accepted late may miss the beginning of what goes on without it."""
        self.began |= bool(text)
        if text == whole and in_order:
            return
        must(whole.startswith(text) or late and whole.endswith(text), f"client {number} got {text!r}")
        self.suffered += not (late and self.suffered)  # accepting is paused for all

    def judge(self, status):
        self.victim.end()
        said = self.victim.err.text()
        if not self.began and status in (-signal.SIGTERM, -signal.SIGHUP):
            self.run.may_be_killed = True  # on its way to say so
            return "told"
        if not self.began and status == 1:
            return told(self.run, self.victim, status)
        must(status in (0, 1), f"exit status {status}")
        must(self.suffered <= 1, f"{self.suffered} clients suffered of one failure")
        must(self.run.failure is None or self.run.failure.error not in ("ENOBUFS", "ENOMEM") or
             "reason=peer-reset" not in said, "want of memory is told as a reset of the client's")
        if status == 1:
            return told(self.run, self.victim, status)
        if self.suffered:
            must(re.search(r" (warn|warning|error) |reason=(?!finished)", said), "a client suffered, and no word of it")
            return "told"
        return "told" if re.search(r" (warn|warning|error) ", said) else "went on"


def stopped(victim, number=signal.SIGTERM):
    with contextlib.suppress(ProcessLookupError):
        victim.process.send_signal(number)
    return ended(victim)


def serving(*options):
    def serve(run):
        whole = OTHER.read_bytes()
        victim = run.start("poetry-server", "--port", "0", "-d", "10ms", *options, OTHER)
        ports = listening(run, victim)
        if not ports:
            return "told"
        clients = Clients(run, victim)
        together = [clients.connect(ports[0]), clients.connect(ports[0])]
        for number, sock in enumerate(together, 1):
            clients.got(*received(sock), whole, number)
        clients.got(*received(clients.connect(ports[0])), whole, 3)
        return clients.judge(stopped(victim))

    return serve


def reloading(*options):
    """A changed poem is served after SIGHUP; or the old one, and the log says why."""
    def reload(run):
        poem, old, new = run.folder / "poem", POEM.read_bytes(), OTHER.read_bytes()
        poem.write_bytes(old)
        victim = run.start("poetry-server", "--port", "0", "-d", "10ms", *options, poem)
        ports = listening(run, victim)
        if not ports:
            return "told"
        clients = Clients(run, victim)
        before = clients.connect(ports[0])
        first = first_byte(before)
        poem.write_bytes(new)
        victim.process.send_signal(signal.SIGHUP)
        victim.err.wait_for(r"again|(?:warning|error) ", seconds=3)
        rest, in_order = received(before)
        clients.got(first + rest, in_order, old, 1)
        after = received(clients.connect(ports[0]))
        kept = after[0] and old.startswith(after[0])
        clients.got(*after, old if kept else new, 2)
        outcome = clients.judge(stopped(victim))
        must(not kept or outcome == "told", "the old poem is served, and no word of it")
        return outcome

    return reload


def draining(*options):
    """Who is being served at SIGTERM gets the whole poem."""
    def drain(run):
        victim = run.start("poetry-server", "--port", "0", "-d", "20ms", *options, OTHER)
        ports = listening(run, victim)
        if not ports:
            return "told"
        clients = Clients(run, victim)
        together = [clients.connect(ports[0]), clients.connect(ports[0])]
        firsts = [first_byte(sock) for sock in together]
        victim.process.send_signal(signal.SIGTERM)
        for number, (sock, first) in enumerate(zip(together, firsts), 1):
            rest, in_order = received(sock) if first else (b"", False)
            clients.got(first + rest, in_order, OTHER.read_bytes(), number)
        return clients.judge(ended(victim))

    return drain


def record(path):
    return f'192.0.2.1 - - [01/Jan/2026:00:00:00 +0000] "GET {path} HTTP/1.1" 200 5\n'.encode()


def append(log, text):
    with log.open("ab") as file:
        file.write(text)


def until(sock, end, text=b"", seconds=3):
    """What comes, up to such an end; less where the peer ends before, or the time is over."""
    with contextlib.suppress(OSError, AttributeError):
        sock.settimeout(seconds)
        while not text.endswith(end) and (piece := sock.recv(1 << 16)):
            text += piece
    return text


def following(*options):
    """Two clients see a log grow, over its rotation."""
    def follow(run):
        log = run.folder / "log"
        log.write_bytes(b"")
        victim = run.start("poetry-server", "-s", f"0=weblog:{log},poll=50ms", *options)
        ports = listening(run, victim)
        if not ports:
            return "told"
        clients = Clients(run, victim)
        together = [clients.connect(ports[0]), clients.connect(ports[0])]
        texts = [b"", b""]
        for _ in range(50):  # records from the accepting on are sent; nothing else tells of it
            append(log, record("/0"))
            texts = [until(sock, record("/0"), text, 0.05) for sock, text in zip(together, texts)]
            if all(texts) or victim.process.poll() is not None:
                break
        append(log, record("/1"))
        texts = [until(sock, record("/1"), text) for sock, text in zip(together, texts)]
        log.rename(run.folder / "log.1")
        log.write_bytes(record("/2"))
        texts = [until(sock, record("/2"), text) for sock, text in zip(together, texts)]
        status = stopped(victim)
        for number, (sock, text) in enumerate(zip(together, texts), 1):
            rest, in_order = received(sock)
            text = (text + rest).rpartition(record("/0"))[2]
            clients.got(text, in_order, record("/1") + record("/2"), number, late=True)
        return clients.judge(status)

    return follow


def numbers(sock, count):
    with contextlib.suppress(OSError, AttributeError):
        sock.sendall(b"\n" * count)
        sock.shutdown(socket.SHUT_WR)
    return received(sock)


def counting(*options):
    """No number comes twice, over a restart; what a client does not get is told."""
    def count(run):
        sequence = [1, 2]
        while len(sequence) < 200:
            sequence.append(sequence[-2] + sequence[-1])
        places = {number: place for place, number in enumerate(sequence)}
        state = run.folder / "state"
        victim = run.start("poetry-server", "-s", f"0=fibonacci:{state},lease=4", *options)
        drawn, ports = [], listening(run, victim)
        clients = Clients(run, victim)
        if ports:
            for _ in range(3):
                text, in_order = numbers(clients.connect(ports[0]), 3)
                clients.began |= bool(text)
                drawn += text.decode().split("\n")[:-1]
                clients.suffered += not (in_order and text.count(b"\n") == 3)
            outcome = clients.judge(stopped(victim))
        after = run.start("poetry-server", "-s", f"0=fibonacci:{state},lease=4")
        ports = listening(run, after)
        text, _ = numbers(connect(ports[0]), 2)
        must(stopped(after) == 0 and text.count(b"\n") == 2, "the state cannot be gone on with")
        drawn = [places[int(number)] for number in drawn + text.decode().split()]
        must(len(drawn) == len(set(drawn)), f"twice: {drawn}")  # what nobody got comes again
        return outcome if clients.victim.out.bytes else "told"

    return count


def cataloguing(run):
    """What a catalog says of a poem is true."""
    victim = run.start("poetry-server", "-s", f"0=poem:{POEM}", "-s", "0=catalog")
    ports = listening(run, victim, 2)
    if not ports:
        return "told"
    clients = Clients(run, victim)
    for _ in range(2):
        text, in_order = received(clients.connect(ports[1]))
        try:
            found = json.loads(text)[0].get("sha256")
        except ValueError:
            must(not text or not in_order, f"half a catalog: {text!r}")
            found = ""
        must(found in ("", None, hashlib.sha256(POEM.read_bytes()).hexdigest()), "a wrong digest")
        clients.suffered += found == ""
    return clients.judge(stopped(victim))


def controlling(run):
    """A control socket, a ready file and a log file: what is asked is answered, or not at all."""
    victim = run.start("poetry-server", "--port", "0", "-d", "5ms", "--control", "control",
                       "--ready-file", "ready", "--log-file", "log", OTHER)
    ports = listening(run, victim)
    if not ports:
        return "told"
    ready = run.folder / "ready"
    if ready.exists():
        must(json.loads(ready.read_text())[0]["port"] == ports[0], "another port in the ready file")
    answer = b""
    with socket.socket(socket.AF_UNIX) as sock, contextlib.suppress(OSError):
        sock.settimeout(3)
        sock.connect(str(run.folder / "control"))
        sock.sendall(b"stats\n")
        while not answer.endswith(b"\n") and (piece := sock.recv(1 << 16)):
            answer += piece
    if answer.endswith(b"\n") and answer.startswith(b"{"):
        must("ports" in json.loads(answer), f"half an answer: {answer!r}")
    clients = Clients(run, victim)
    clients.got(*received(clients.connect(ports[0])), OTHER.read_bytes(), 1)
    status = stopped(victim)
    log = run.folder / "log"
    victim.end()
    victim.err.bytes += log.read_bytes() if log.exists() else b""
    return clients.judge(status)


def measuring(run):
    """Metrics over HTTP."""
    victim = run.start("poetry-server", "-s", "0=metrics")
    ports = listening(run, victim)
    if not ports:
        return "told"
    clients = Clients(run, victim)
    for _ in range(2):
        sock, text = clients.connect(ports[0]), b""
        with contextlib.suppress(OSError, AttributeError):
            sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            text, _ = received(sock)
        clients.suffered += not (text.startswith(b"HTTP/1.1 200") and text.endswith(b"\n"))
    return clients.judge(stopped(victim))


WORKERS = ("--workers", "2")
SCENARIOS = {
    **{f"serve-{engine}": serving("-e", engine) for engine in SERVER_ENGINES},
    "workers": serving(*WORKERS), "workers-fork": serving(*WORKERS, "-e", "fork"),
    "reload": reloading(), "reload-threads": reloading("-e", "threads"),
    "reload-workers": reloading(*WORKERS),
    **{f"drain-{engine}": draining("-e", engine) for engine in SERVER_ENGINES},
    "drain-workers": draining(*WORKERS),
    "weblog": following("-e", "epoll"), "weblog-threads": following("-e", "threads"),
    "weblog-fork": following("-e", "fork"),
    "fibonacci": counting("-e", "epoll"), "fibonacci-fork": counting("-e", "fork"),
    "catalog": cataloguing, "control": controlling, "metrics": measuring,
}
