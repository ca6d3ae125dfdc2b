"""Where an answer ends: by the server's end, or by what it says while the connection stays open."""

import os
import select

import pytest

from harness import ENGINES, read_line, read_to_end, run

pytestmark = pytest.mark.parametrize("engine", ENGINES)


def outcome(result):
    task, = result.report["tasks"]
    return task["outcome"]


def error(result):
    return result.report["tasks"][0]["error"].split(": ", 1)[1]


def talking(*pieces):
    """A server that says these, and then waits for its client to go."""
    def talk(sock, number, done):
        for piece in pieces:
            sock.sendall(piece)
        sock.recv(1)
    return talk


def test_the_sending_side_stays_open_unless_it_is_to_be_closed(peer, tmp_path, engine):
    def answer(sock, number, done):
        assert read_line(sock) == b"ask\n"
        ended, _, _ = select.select([sock], [], [], 0.2)
        sock.sendall(b"half-closed\n" if ended else b"open\n")

    port = peer(answer).port
    asking = ["poetry-get", "--send", r"ask\n", "-e", engine]
    assert run(*asking, port).out == b"open\n"
    assert run(*asking, "--hold", port).out == b"open\n"  # as old scripts say
    assert run(*asking, "--half-close", port).out == b"half-closed\n"
    assert run(*asking, "--half-close", "--hold", port).out == b"open\n"
    settings = tmp_path / "settings"
    settings.write_text("hold = false\nhalf-close = true\n")
    assert run(*asking, "--config", settings, port).out == b"half-closed\n"
    settings.write_text("hold = true\n")
    assert run(*asking, "--config", settings, port).out == b"open\n"
    assert b"hold" not in run(*asking, "--hold", "--print-config", port).out


def test_a_server_that_gives_up_at_a_half_close_is_fetched_whole(peer, engine):
    """As nginx does: what it still had to say is lost once its client has said its last word."""
    text = b"x" * (8 << 20)

    def answer(sock, number, done):
        read_line(sock)
        for at in range(0, len(text), 1 << 16):
            gone, _, _ = select.select([sock], [], [], 0)
            if gone and sock.recv(1) == b"":
                return
            sock.sendall(text[at:at + (1 << 16)])

    result = run("poetry-get", "-q", "--send", r"GET /\n", "-e", engine, peer(answer).port)
    assert (result.status, result.out == text) == (0, True)


def test_silence_after_a_text_names_what_helps(fetch, peer, engine):
    asking = ["-e", engine, "-q", "--send", r"ask\n", "--idle-timeout", "200ms"]
    silent = peer(lambda sock, number, done: read_to_end(sock)).port
    result = fetch(*asking, silent)
    assert outcome(result) == "idle-timeout"
    assert error(result) == "receive: nothing for 200ms (see --half-close and --until)"
    for asked in (["--half-close"], ["--until", "x"], ["--until-lines", "1"]):
        stubborn = peer(lambda sock, number, done: done.wait(5)).port
        assert error(fetch(*asking, *asked, stubborn)) == "receive: nothing for 200ms"


def test_a_server_that_takes_nothing_is_told_as_such(fetch, peer, engine, tmp_path):
    much = tmp_path / "much"
    much.write_bytes(b"x" * (32 << 20))
    result = fetch("-e", engine, "-q", "--send", f"@{much}", "--idle-timeout", "500ms",
                   peer(lambda sock, number, done: done.wait(10)).port)
    assert outcome(result) == "idle-timeout"
    said = error(result)
    assert said.startswith("send: nothing taken for 500ms, after ")
    assert said.endswith(f" of {32 << 20} bytes")


def test_a_text_ends_the_stream(fetch, peer, engine):
    port = peer(talking(b"+OK\r\nx\r\n", b".\r", b"\nmore")).port
    result = fetch("-e", engine, "-q", "--until", r"\r\n.\r\n", port)
    assert (result.status, outcome(result)) == (0, "ok")
    assert result.out == b"+OK\r\nx\r\n.\r\n"


def test_a_stream_that_ends_before_its_text_is_truncated(fetch, server, poem, engine):
    port = server("-d0", poem(b"VALUE x\r\nEN")).port
    result = fetch("-e", engine, "-q", "--until", r"END\r\n", port)
    assert (result.status, outcome(result)) == (3, "truncated")
    assert error(result) == r'ended before "END\r\n"'


def test_lines_end_the_stream(fetch, peer, server, poem, engine):
    result = fetch("-e", engine, "-q", "--until-lines", "2", peer(talking(b"1\n2\n3")).port)
    assert (result.status, outcome(result), result.out) == (0, "ok", b"1\n2\n")
    port = server("-d0", poem(b"1\n2\n")).port
    result = fetch("-e", engine, "-q", "--until-lines", "3", port)
    assert (result.status, outcome(result)) == (3, "truncated")
    assert error(result) == "ended after 2 of 3 lines"


def test_silence_ends_the_stream(fetch, peer, engine):
    result = fetch("-e", engine, "-q", "--until-idle", "200ms", peer(talking(b"ready\n")).port)
    assert (result.status, outcome(result), result.out) == (0, "ok", b"ready\n")
    assert result.report["tasks"][0]["ended_s"] >= 0.2
    # It is no answer to say nothing at all.
    result = fetch("-e", engine, "-q", "--until-idle", "100ms", "--idle-timeout", "500ms",
                   peer(talking()).port)
    assert outcome(result) == "idle-timeout"


def test_the_last_byte_of_a_limit_is_not_followed_by_a_wait(fetch, peer, engine):
    result = fetch("-e", engine, "-q", "--max-bytes", "23", "--idle-timeout", "10s",
                   peer(talking(b"220 mail.example ready\n")).port)
    assert (outcome(result), len(result.out)) == ("limit", 23)
    assert error(result) == "stopped after 23 bytes"
    assert result.report["elapsed_s"] < 5


def test_what_is_not_answered_as_expected_is_tried_again(fetch, peer, engine):
    def starting(sock, number, done):
        sock.sendall(b"ready 1\n" if number >= 3 else b"starting\n")

    trying = ["-e", engine, "-q", "--expect", r"^ready \d$", "--retry-delay", "10ms"]
    result = fetch(*trying, "--retries", "5", peer(starting).port)
    assert (result.status, outcome(result), result.out) == (0, "ok", b"ready 1\n")
    assert result.report["tasks"][0]["attempts"] == 3
    result = fetch(*trying, "--retries", "1", peer(starting).port)
    assert (result.status, outcome(result)) == (3, "unexpected")
    assert error(result) == r'the answer does not match "^ready \d$"'
    assert result.report["tasks"][0]["sha256"] == ""


@pytest.mark.skipif("POETRY_TURNS" in os.environ, reason="the most steps take longer than a turn may")
def test_a_pattern_that_explodes_is_told_as_such(fetch, server, poem, engine):
    port = server("-d0", poem(b"a" * 2000)).port
    result = fetch("-e", engine, "-q", "--expect", "(a*)*b", port)
    assert outcome(result) == "unexpected"
    assert error(result) == 'the pattern "(a*)*b" takes too many steps with this answer'


def test_an_end_holds_while_other_tasks_go_on(fetch, peer, engine):
    """Each task of many has its own end."""
    banner = peer(talking(b"one\ntwo\nthree\n")).port
    result = fetch("-e", engine, "-q", "-n", "50", "--until-lines", "2", banner)
    assert result.status == 0 and result.out == b"one\ntwo\n" * 50
