"""The control port of poetry-sync: a line a request, a line a reply."""

import json
import os
import random
import select
import signal
import socket

import pytest

from harness import WAIT, becomes_true, connect, read_to_end, replying, silent, trickling
from sync_server import ControlPort

UNKNOWN = ("error unknown request (valid: request, request-all, job, next, cancel, retry, status, quit): ")


def object_in(reply):
    assert reply.startswith("ok "), reply
    return json.loads(reply[3:])


def silent_job(server, peer):
    """A job that runs, and tells one line and no more."""
    job = server.press(server.add(peer(silent).port))
    assert becomes_true(lambda: server.ask("GET", f"/api/jobs/{job}").json["lines"] == 1)
    return job


def test_each_verb(sync, peer):
    server = sync(command="worker")
    server.run("add", "poem", peer(replying(b"One line\n")).port)
    server.run("add", "poem", peer(silent).port)
    with ControlPort(server.control) as port:
        job = object_in(port.ask("request poem 1"))
        assert (job["id"], job["record"], job["state"]) == (1, 1, "queued")
        lines = []
        while not (reply := port.ask(f"next 1 {len(lines)}")).startswith("end "):
            kind, number, text = reply.split(" ", 2)
            lines.append(text)
            assert (kind, int(number)) == ("line", len(lines))
        assert reply == "end done" and any("One line" in text for text in lines)
        assert object_in(port.ask("job 1"))["lines"] == len(lines)
        assert port.ask("next 1 1") == "line 2 " + lines[1], "any line, at any time"
        assert object_in(port.ask("status"))["done"] == 1
        second = object_in(port.ask("request poem 2"))["id"]
        assert becomes_true(lambda: object_in(port.ask(f"job {second}"))["state"] == "running")
        assert object_in(port.ask("request poem 2"))["id"] == second, "a second press"
        assert object_in(port.ask(f"cancel {second}"))["state"] == "cancelling"
        assert becomes_true(lambda: object_in(port.ask(f"job {second}"))["state"] == "cancelled")
        assert object_in(port.ask(f"retry {second}"))["id"] > second
        assert port.ask("quit") == "ok"
        assert port.rest() == []
    assert server.wait() == 0


@pytest.mark.parametrize("line, reply", [
    ("", "error empty line"),
    ("request song 1", "error unknown type (valid: poem, collection, weblog): song"),
    ("request poem", "error wrong number of words: request takes 2"),
    ("request poem 9", "error no record 9"),
    ("request poem x", "error id is not a number: x"),
    ("request poem 9223372036854775808",
     "error id is not in 1 to 9223372036854775807: 9223372036854775808"),
    ("request weblog 1", "error no weblog 1"),
    ("job 9", "error no job 9"),
    ("job 1 2", "error wrong number of words: job takes 1"),
    ("next 9 0", "error no job 9"),
    ("next 1 -1", "error line is not a number: -1"),
    ("cancel 9", "error no job 9"),
    ("retry 9", "error no job 9"),
    ("status now", "error wrong number of words: status takes 0"),
    ("quit now", "error wrong number of words: quit takes 0"),
])
def test_errors_leave_the_connection_open(sync, line, reply):
    server = sync()
    server.add(10000)
    assert server.tell(line, "status")[0] == reply
    assert server.tell(line, "status")[1].startswith("ok {")


def test_lines_may_come_together_in_pieces_and_with_carriage_returns(sync):
    server = sync()
    with ControlPort(server.control) as port:
        port.sock.sendall(b"status\njob 1\r\n  status  \nsta")
        replies = [port.reply() for _ in range(3)]
        port.sock.sendall(b"tus")
        port.sock.sendall(b"\n")
        replies.append(port.reply())
    assert [reply[:8] for reply in replies] == ["ok {\"que", "error no", "ok {\"que", "ok {\"que"]


def test_who_closes_its_side_still_gets_all_answers(sync):
    server = sync()
    with ControlPort(server.control) as port:
        port.sock.sendall(b"status\n" * 50 + b"cancel 1")  # the last one is no whole line
        port.sock.shutdown(socket.SHUT_WR)
        replies = port.rest()
    assert len(replies) == 50 and all(reply.startswith("ok {") for reply in replies)


def test_a_follower_that_closes_its_side_gets_the_rest(sync, peer):
    server = sync()
    job = silent_job(server, peer)
    with ControlPort(server.control) as port:
        port.sock.sendall(f"next {job} 1\n".encode())
        port.sock.shutdown(socket.SHUT_WR)
        server.json("POST", f"/api/jobs/{job}/cancel", {})
        reply, = port.rest()
    assert reply.startswith("line 2 ") or reply == "end cancelled"


@pytest.mark.parametrize("sent, reply", ids=lambda each: repr(each)[:30], argvalues=[
    (b"x" * 1024 + b"\n", "error the line is too long"),
    (b"x" * 200_000, "error the line is too long"),
    (b"POST / HTTP/1.1\r\nHost: x\r\n\r\nquit\n" + b"x" * 100_000, UNKNOWN + "POST"),
    (b"GET /quit HTTP/1.1\r\n\r\n", UNKNOWN + "GET"),
    (b"QUIT\n", UNKNOWN + "QUIT"),
    (b"\x1b[2J\xff\n", UNKNOWN + "\ufffd[2J\ufffd"),
    (b"\0\n", UNKNOWN + "\ufffd"),
])
def test_what_is_no_request_is_answered_and_ends_the_connection(sync, sent, reply):
    server = sync()
    with ControlPort(server.control) as port:
        port.sock.sendall(sent)
        assert port.rest() == [reply]
    assert server.tell("status")[0].startswith("ok {"), "the worker runs"


def test_many_connections_at_once(sync, peer):
    server = sync()
    job = server.press(server.add(peer(trickling).port))
    ports = [ControlPort(server.control) for _ in range(150)]
    for port in ports:
        port.sock.sendall(f"next {job} 0\nstatus\n".encode())
    replies = [(port.reply(), port.reply()) for port in ports]
    assert all(first.startswith("line 1 ") and second.startswith("ok {")
               for first, second in replies)
    for port in ports:
        port.sock.close()


def test_followers_are_told_at_once_and_all_alike(sync, peer):
    server = sync()
    job = silent_job(server, peer)
    ports = [ControlPort(server.control) for _ in range(20)]
    for port in ports:
        port.sock.sendall(f"next {job} 1\n".encode())
    server.json("POST", f"/api/jobs/{job}/cancel", {})
    told, = {port.reply() for port in ports}
    assert told.startswith(("line 2 ", "end cancelled"))
    for port in ports:
        port.sock.close()


def test_a_silent_job_is_told_as_wait_and_news_long_before(sync, peer):
    server = sync()
    quiet, cancelled = silent_job(server, peer), silent_job(server, peer)
    with ControlPort(server.control) as first, ControlPort(server.control) as second:
        first.sock.sendall(f"next {quiet} 1\n".encode())
        second.sock.sendall(f"next {cancelled} 1\n".encode())
        server.json("POST", f"/api/jobs/{cancelled}/cancel", {})
        told, _, _ = select.select([first.sock, second.sock], [], [], WAIT)
        assert told == [second.sock]
        assert second.reply().startswith(("line 2 ", "end cancelled"))
        assert first.reply() == "wait"
        assert first.ask("status").startswith("ok {")


@pytest.mark.parametrize("sent", [b"", b"stat", b"status\nstat"])
def test_an_idle_connection_is_closed(sync, sent):
    server = sync("--keep-alive", "200ms")
    with ControlPort(server.control) as port:
        port.sock.sendall(sent)
        assert len(port.rest()) == sent.count(b"\n")


def test_who_takes_nothing_is_let_go(sync, peer):
    server = sync("--keep-alive", "500ms")
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(WAIT)
        sock.connect(("127.0.0.1", server.control))
        with pytest.raises(ConnectionError):  # once its replies fill both sides' buffers
            while True:
                sock.sendall(b"job " + b"x" * 1000 + b"\n")
    assert server.tell("status")[0].startswith("ok {")


def test_an_acknowledged_request_survives_a_kill(sync):
    server = sync(command="worker")
    server.run("add", "poem", "1")
    reply, = server.tell("request poem 1")
    os.kill(server.pid, signal.SIGKILL)
    server.wait()
    assert object_in(sync(command="worker").tell("job 1")[0])["id"] == object_in(reply)["id"] == 1


def test_a_waiting_follower_does_not_keep_it_from_stopping(sync, peer):
    server = sync()
    job = silent_job(server, peer)
    with ControlPort(server.control) as follower, ControlPort(server.control) as port:
        follower.sock.sendall(f"next {job} 1\n".encode())
        assert port.ask("quit") == "ok"
        follower.rest()
    assert server.wait() == 0


def test_a_token_is_asked_for_first(sync, tmp_path):
    secret = tmp_path / "token"
    secret.write_text("Shelley-1819-Mask\r\nand more\n")
    server = sync("--token-file", secret)
    asks = "error this server asks for its token: token TOKEN"
    for line in ("status", "token", "token Shelley-1818-Mask", "quit"):
        with ControlPort(server.control) as port:
            assert port.ask(line) == asks
            assert port.rest() == []
    assert [reply[:4] for reply in server.tell("token Shelley-1819-Mask\r", "status")] == ["ok", "ok {"]
    assert server.run("quit").status == 1
    assert server.run("request", "poem", 1, "--token-file", secret).err == (
        "poetry-sync: no record 1\n")
    assert server.run("quit", "--token-file", secret).status == 0
    assert server.wait() == 0


def test_nonsense_is_answered_or_ends_the_connection(sync):
    chance = random.Random(1819)
    words = [b"request", b"job", b"next", b"cancel", b"retry", b"status", b"token", b"poem", b"1",
             b"-1", b"\xff\xfe", b"\r", b"\0", b"99999999999999999999", b"%n", b"'; --"]
    server = sync()
    for _ in range(200):
        if chance.random() < 0.5:
            line = b" ".join(chance.choices(words, k=chance.randrange(6)))
        else:
            line = chance.randbytes(chance.randrange(1500))
        with connect(server.control) as sock:
            sock.sendall(line + b"\n")
            sock.shutdown(socket.SHUT_WR)
            answered = read_to_end(sock)
        assert all(reply.startswith((b"ok", b"error ", b"end ", b"wait"))
                   for reply in answered.splitlines()), (line, answered)
        assert answered, line
    assert server.tell("status")[0].startswith("ok {")
    assert server.process.poll() is None
