"""The HTTP API of poetry-sync, over real sockets."""

import concurrent.futures
import contextlib
import http.client
import json
import os
import random
import re
import signal
import sqlite3

import pytest

from harness import becomes_true, connect, refused_port, replying, silent
from sync_server import AllOf, Events, raw, read_answer

POEM = "Rise like Lions after slumber\nЛьвы, проснитесь\n".encode()
PROBLEM = "application/problem+json"


def problem(answer, status, detail=""):
    """Whether it is a problem document (RFC 9457)."""
    assert (answer.status, answer.fields["Content-Type"]) == (status, PROBLEM), answer
    told = answer.json
    assert (told["status"], told["type"]) == (status, "about:blank") and told["title"]
    assert detail in told.get("detail", ""), told
    return True


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_text_that_is_replaced_while_it_is_read_is_broken_off(sync, peer, version):
    server = sync()
    old, newer, new = (os.urandom(1 << 20).hex().encode() * 12 for _ in range(3))
    texts = [old, newer, new]
    record = server.add(f"127.0.0.1:{peer(lambda *args: replying(texts.pop(0))(*args)).port}")
    server.wait_for(server.press(record), "done")
    with connect(server.page) as sock:
        sock.sendall(f"GET /api/records/1/text HTTP/{version}\r\nHost: localhost:{server.page}\r\n"
                     "Connection: close\r\n\r\n".encode())
        response = http.client.HTTPResponse(sock)
        response.begin()
        assert response.read(1000) == old[:1000]
        server.wait_for(server.press(record), "done")
        assert response.read(1 << 20) == old[1000:][:1 << 20], "kept beside the new one"
        server.wait_for(server.press(record), "done")
        with contextlib.closing(sqlite3.connect(server.database.removeprefix("sqlite:"))) as library:
            count = "SELECT count(*) FROM pieces WHERE job = 1"
            assert becomes_true(lambda: library.execute(count).fetchone() == (0,))
        with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
            while response.read(1 << 20):
                pass
    assert server.ask("GET", "/api/records/1/text").body == new


@pytest.mark.parametrize("framing", [
    ["Transfer-Encoding: xchunked"], ["Transfer-Encoding: gzip, chunked"],
    ["Transfer-Encoding: chunked, gzip"], ["Transfer-Encoding: identity"],
    ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
    ["Transfer-Encoding: chunked", "Content-Length: 5"],
    ["Content-Length: 5", "Transfer-Encoding: chunked"],
    ["Content-Length: 5", "Content-Length: 6"]])
def test_what_ends_where_others_may_not_think_is_refused(sync, framing):
    server = sync()
    hidden = request("DELETE", "/api/records/1", server.page)
    server.add("127.0.0.1:1")
    answers = raw(server.page, request("POST", "/api/jobs", server.page, *framing,
                                       "Content-Type: application/json", body=b"0\r\n\r\n" + hidden))
    assert answers.status == 400
    assert len(server.ask("GET", "/api/records").json) == 1, "what follows is no request"


def test_a_target_may_be_absolute(sync):
    server = sync()
    here = f"localhost:{server.page}"
    for target, host, status in ((f"http://{here}/api/records", here, 200),
                                 (f"HTTP://{here}/api/jobs?before=3", here, 200),
                                 (f"http://{here}", here, 200), (f"http://{here}?x", here, 200),
                                 (f"http://{here}/api/records", "evil.example", 200),
                                 ("http://evil.example/api/records", here, 421),
                                 ("https://localhost/api/records", here, 400)):
        text = f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        assert raw(server.page, text.encode()).status == status, target


def request(method, path, port, *fields, body=b""):
    lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", *fields]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def test_a_record_from_its_making_to_its_end(sync, peer):
    server = sync()
    assert server.ask("GET", "/api/records").json == []
    address = f"127.0.0.1:{peer(replying(POEM)).port}"
    made = server.json("POST", "/api/records", {"type": "poem", "address": address, "name": "Mask"})
    assert (made.status, made.fields["Location"]) == (201, "/api/records/1")
    record = made.json
    assert (record["id"], record["type"], record["address"], record["name"], record["job"]) == (
        1, "poem", address, "Mask", None)
    assert server.ask("GET", "/api/records/1").json == record
    assert server.ask("GET", "/api/records").json == [record]
    assert problem(server.ask("GET", "/api/records/1/text"), 404, "not synced yet")
    pressed = server.json("POST", "/api/jobs", {"record": 1})
    assert (pressed.status, pressed.fields["Location"]) == (202, "/api/jobs/1")
    server.wait_for(1, "done")
    job = server.ask("GET", "/api/jobs/1").json
    assert (job["record"], job["fetched"], job["attempts"], job["error"]) == (1, len(POEM), 1, "")
    assert job["created"] <= job["started"] <= job["ended"] and job["due"] is None
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", job["ended"])
    text = server.ask("GET", "/api/records/1/text")
    assert (text.status, text.body, text.fields["Content-Type"]) == (
        200, POEM, "text/plain; charset=utf-8")
    log = server.ask("GET", "/api/jobs/1/log").json
    assert [line["number"] for line in log] == list(range(1, job["lines"] + 1))
    assert server.ask("GET", "/api/jobs/1/log?after=2").json == log[2:]
    plain = server.ask("GET", "/api/jobs/1/log.txt")
    assert plain.fields["Content-Disposition"] == 'attachment; filename="job-1.txt"'
    assert plain.body.decode().splitlines() == [
        f"{line['number']} {line['at']} {line['text']}" for line in log]
    assert server.ask("GET", "/api/jobs").json == [job]
    assert server.ask("GET", "/api/records/1/jobs").json == [job]
    gone = server.ask("DELETE", "/api/records/1")
    assert (gone.status, gone.body) == (204, b"")
    for path in ("/api/records/1", "/api/records/1/text", "/api/records/1/jobs", "/api/jobs/1",
                 "/api/jobs/1/log", "/api/jobs/1/log.txt"):
        assert problem(server.ask("GET", path), 404)
    assert server.ask("GET", "/api/records").json == []


def test_a_double_press_is_one_job_until_it_is_cancelled_and_tried_again(sync, peer):
    server = sync()
    record = server.add(peer(silent).port)
    with concurrent.futures.ThreadPoolExecutor(8) as people:
        presses = list(people.map(lambda _: server.json("POST", "/api/jobs", {"record": record}),
                                  range(16)))
    assert {press.status for press in presses} == {202}
    job, = {press.json["id"] for press in presses}
    server.wait_for(job, "running")
    assert problem(server.ask("DELETE", f"/api/records/{record}"), 409, f"cancel job {job} first")
    cancelled = server.json("POST", f"/api/jobs/{job}/cancel", {})
    assert cancelled.status == 202 and cancelled.json["state"] == "cancelling"
    server.wait_for(job, "cancelled")
    again = server.json("POST", f"/api/jobs/{job}/retry", {})
    assert again.status == 202 and again.json["id"] > job and again.json["record"] == record
    assert [each["id"] for each in server.ask("GET", f"/api/jobs?before={again.json['id']}").json
            ] == [job]
    server.json("POST", f"/api/jobs/{again.json['id']}/cancel", {})
    server.wait_for(again.json["id"], "cancelled")


def test_what_is_over_is_neither_cancelled_nor_retried(sync, peer):
    server = sync()
    job = server.press(server.add(peer(replying(POEM)).port))
    server.wait_for(job, "done")
    assert problem(server.json("POST", f"/api/jobs/{job}/cancel", {}), 409, "is over")
    assert problem(server.json("POST", f"/api/jobs/{job}/retry", {}), 409, "is done")


@pytest.mark.parametrize("method, path, allowed", [
    ("PUT", "/api/records", "GET, HEAD, POST"),
    ("DELETE", "/api/records", "GET, HEAD, POST"),
    ("POST", "/api/records/1", "GET, HEAD, DELETE"),
    ("PATCH", "/api/records/1", "GET, HEAD, DELETE"),
    ("POST", "/api/records/1/text", "GET, HEAD"),
    ("DELETE", "/api/records/1/jobs", "GET, HEAD"),
    ("PUT", "/api/jobs", "GET, HEAD, POST"),
    ("DELETE", "/api/jobs/1", "GET, HEAD"),
    ("POST", "/api/jobs/1/log", "GET, HEAD"),
    ("POST", "/api/jobs/1/log.txt", "GET, HEAD"),
    ("GET", "/api/jobs/1/cancel", "POST"),
    ("HEAD", "/api/jobs/1/retry", "POST"),
    ("POST", "/events", "GET"),
    ("HEAD", "/events", "GET"),
    ("POST", "/healthz", "GET, HEAD"),
    ("OPTIONS", "/metrics", "GET, HEAD"),
    ("POST", "/", "GET, HEAD"),
    ("DELETE", "/app.js", "GET, HEAD"),
    ("GE", "/api/records", "GET, HEAD, POST"),
    (", ", "/api/records", None),
    ("get", "/api/records", "GET, HEAD, POST"),
])
def test_wrong_methods(sync, method, path, allowed):
    server = sync("--attempts", "1")
    answer = raw(server.page, request(method, path, server.page, "Connection: close"), method)
    if allowed is None:
        assert problem(answer, 400)
        return
    assert (answer.status, answer.fields["Allow"]) == (405, allowed)
    assert answer.fields["Content-Type"] == PROBLEM
    assert method == "HEAD" or problem(answer, 405, allowed)


BAD_BODIES = [
    (b"", 400, ""),
    (b"{", 400, ""),
    (b"[]", 400, "not an object"),
    (b"null", 400, "not an object"),
    (b"\xff", 400, ""),
    (b'{"type": "poem", "address": "\xff:1"}', 400, ""),
    (b'{"type": "poem", "address": "1"} 2', 400, ""),
    (b'{"a":' * 9 + b"1" + b"}" * 9, 400, "deep"),
    (b"[" * 60000, 400, "deep"),
    (b'{"type": "poem"}', 400, '"address" must be a string'),
    (b'{"type": "poem", "address": 10000}', 400, '"address" must be a string'),
    (b'{"address": "1"}', 400, '"type" must be a string'),
    (b'{"type": "song", "address": "1"}', 400, "valid: poem, collection, weblog"),
    (b'{"type": "poem", "address": "nowhere"}', 400, "port is neither a number nor a known service: nowhere"),
    (b'{"type": "poem", "address": "x:65536"}', 400, "port is not in 1 to 65535"),
    (b'{"type": "poem", "address": "a b:1"}', 400, "not an address"),
    (b'{"type": "poem", "address": "a\\u0000:1"}', 400, "not an address"),
    (b'{"type": "poem", "address": "a\\u0085:1"}', 400, "not an address"),
    (b'{"type": "poem", "address": "' + b"h" * 300 + b':1"}', 400, "not an address"),
    (b'{"type": "poem", "address": "1", "name": 1}', 400, '"name" must be a string'),
    (b'{"type": "poem", "address": "1", "every": 10}', 400, '"every" must be a string'),
    (b'{"type": "poem", "address": "1", "every": "soon"}', 400, "soon"),
    (b'{"type": "poem", "address": "1", "every": "999ms"}', 400, "neither 0 nor 1s or more: 999ms"),
    (b'{"type": "poem", "address": "1", "name": "' + b"n" * 201 + b'"}', 400, "200 bytes"),
]


@pytest.mark.parametrize("body, status, detail", BAD_BODIES, ids=lambda each: repr(each)[:40])
def test_bad_records(sync, body, status, detail):
    server = sync()
    answer = server.ask("POST", "/api/records", body, Content_Type="application/json")
    assert problem(answer, status, detail) and len(answer.body) < 2000
    assert server.ask("GET", "/api/records").json == []


@pytest.mark.parametrize("body, status", [
    (b'{"record": 99}', 404),
    (b'{"record": 0}', 404),
    (b'{"record": -1}', 404),
    (b'{"record": 9223372036854775807}', 404),
    (b'{"record": 9223372036854775808}', 400),
    (b'{"record": 1e400}', 400),
    (b'{"record": 99999999999999999999999}', 400),
    (b'{"record": 1.5}', 400),
    (b'{"record": "1"}', 400),
    (b'{"record": null}', 400),
    (b'{}', 400),
    (b'{"all": false}', 400),
    (b'{"all": 1}', 400),
    (b'{"records": 1}', 400),
    (b'{"records": [1, "1"]}', 400),
    (b'{"records": [1, 1.5]}', 400),
    (b'{"records": [1, 99]}', 404),
])
def test_bad_presses(sync, body, status):
    server = sync()
    server.add(10000)
    assert problem(server.ask("POST", "/api/jobs", body, Content_Type="application/json"), status)
    assert server.ask("GET", "/api/jobs").json == []


def test_a_duplicate_is_a_conflict(sync):
    server = sync()
    server.add(10000)
    again = server.json("POST", "/api/records", {"type": "poem", "address": "127.0.0.1:10000"})
    assert problem(again, 409, "there is a poem of 127.0.0.1:10000 already")
    assert server.add(10000, "weblog") == 2


def test_of_equal_keys_the_last_counts(sync):
    server = sync()
    made = server.ask("POST", "/api/records",
                      b'{"type": "poem", "address": "1", "address": "2", "more": [1]}',
                      Content_Type="application/json")
    assert (made.status, made.json["address"]) == (201, "127.0.0.1:2")


def test_a_name_cannot_command_a_terminal(sync):
    made = sync().json("POST", "/api/records",
                       {"type": "poem", "address": "1", "name": "a\0b\x1b[2J\n"})
    assert made.json["name"] == "a\ufffdb\ufffd[2J\ufffd"


@pytest.mark.parametrize("type", [
    None, "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data",
    "application/jsonp", "text/plain; application/json"])
def test_writes_take_json_alone(sync, type):
    server = sync()
    record = server.add(10000)
    fields = {} if type is None else {"Content-Type": type}
    for path, body in (("/api/records", {"type": "poem", "address": "1"}),
                       ("/api/jobs", {"record": record}), ("/api/jobs/1/cancel", {}),
                       ("/api/jobs/1/retry", {})):
        assert problem(server.ask("POST", path, json.dumps(body), **fields), 415)


@pytest.mark.parametrize("type", ["application/json; charset=utf-8", "Application/JSON",
                                  "application/json ;charset=utf-8"])
def test_ways_to_say_json(sync, type):
    answer = sync().ask("POST", "/api/records", b'{"type": "poem", "address": "1"}',
                        Content_Type=type)
    assert answer.status == 201


UNKNOWN = [
    "/nothing", "/api", "/api/", "/api/poems", "/api/records/", "/api//records", "//api/records",
    "/api/records/1/", "/api/records/x", "/api/records/0", "/api/records/-1", "/api/records/1/2",
    "/api/records/9223372036854775808", "/api/records/%31", "/api/%72ecords", "/api/records/1%2e",
    "/api/../api/records", "/api/./records", "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd",
    "/app.js/", "/App.js", "/index.html/..", "/healthz/", "/metrics/x", "/events/", "/api/jobs/",
    "/api/jobs/1/log/", "/api/jobs/1/logs", "/api/records/9", "/api/jobs/9", "/api/records/9/text",
    "/api/records/9/jobs", "/api/jobs/9/log", "/api/jobs/9/log.txt", "/\xff"]


def test_unknown_paths(sync):
    server = sync()
    server.add(10000)
    with connect(server.page) as sock, AllOf(sock) as stream:
        for path in UNKNOWN:
            sock.sendall(request("GET", path, server.page).replace("\xff".encode(), b"\xff"))
            assert problem(read_answer(stream), 404), path


@pytest.mark.parametrize("target", ["?x", "*", "api/records", "https://127.0.0.1/api/records"])
def test_a_target_must_be_a_path(sync, target):
    server = sync()
    assert problem(raw(server.page, request("GET", target, server.page, "Connection: close")), 400)


QUERIES = [
    ("before=2", 200), ("before=", 400), ("before=x", 400), ("before=-1", 400), ("after=x", 200),
    ("before=9223372036854775808", 400), ("&&before=1&", 200), ("before", 200), ("x=1&before=0", 200),
    ("before=1=1", 400), ("", 200)]


def test_queries(sync):
    server = sync()
    for query, status in QUERIES:
        assert server.ask("GET", f"/api/jobs?{query}").status == status, query


def test_pages_of_jobs(sync):
    with refused_port() as port:
        server = sync("--attempts", "1")
        record = server.add(port)
        jobs = []
        for _ in range(5):
            jobs.append(server.press(record))
            server.wait_for(jobs[-1], "failed")
    assert [each["id"] for each in server.ask("GET", "/api/jobs").json] == jobs[::-1]
    assert [each["id"] for each in server.ask("GET", f"/api/jobs?before={jobs[2]}").json
            ] == jobs[1::-1]
    assert server.ask("GET", f"/api/jobs?before={jobs[0]}").json == []


def test_head_is_get_without_the_body(sync, peer):
    server = sync()
    job = server.press(server.add(peer(replying(POEM)).port))
    server.wait_for(job, "done")
    # The list is read from the store once more, after the job has ended.
    assert becomes_true(
        lambda: server.ask("GET", "/api/records").json[0]["job"]["state"] == "done")
    with connect(server.page) as sock, AllOf(sock) as stream:
        for path in ("/", "/app.js", "/api/records", "/api/records/1", "/api/records/1/text",
                     "/api/jobs", "/api/jobs/1/log", "/api/jobs/1/log.txt", "/healthz", "/metrics",
                     "/nothing", "/api/records/7"):
            got, head = [], []
            for method, into in (("HEAD", head), ("GET", got)):
                sock.sendall(request(method, path, server.page))
                into.append(read_answer(stream, method))
            assert head[0].body == b"" and got[0].body
            assert head[0].status == got[0].status
            assert head[0].fields.items() == got[0].fields.items(), path


def test_a_connection_serves_many_requests_in_their_order(sync):
    server = sync()
    paths = ["/healthz", "/api/records", "/nothing", "/", "/healthz", "/api/jobs"]
    with connect(server.page) as sock, AllOf(sock) as stream:
        sock.sendall(b"".join(request("GET", path, server.page) for path in paths)
                     + request("POST", "/api/records", server.page, "Content-Type: application/json",
                               "Content-Length: 32", body=b'{"type": "poem", "address": "1"}')
                     + request("GET", "/api/records/1", server.page, "Connection: close"))
        answers = [read_answer(stream) for _ in range(len(paths) + 2)]
        assert stream.file.read() == b"", "the last one asked for the end"
    assert [each.status for each in answers] == [200, 200, 404, 200, 200, 200, 201, 200]
    assert answers[-2].json == answers[-1].json


def test_http_1_0_is_answered_to_the_end_of_the_connection(sync, peer):
    server = sync()
    job = server.press(server.add(peer(replying(POEM)).port))
    server.wait_for(job, "done")
    for path, body in (("/healthz", b"ok\n"), ("/api/records/1/text", POEM)):
        for more in (b"", b"Connection: keep-alive\r\n"):
            answer = raw(server.page, f"GET {path} HTTP/1.0\r\nHost: localhost:{server.page}\r\n"
                         .encode() + more + b"\r\n")
            assert (answer.status, answer.body) == (200, body)
            assert answer.fields["Transfer-Encoding"] is None


def test_expecting_to_continue(sync):
    server = sync()
    body = b'{"type": "poem", "address": "1"}'
    with connect(server.page) as sock, AllOf(sock) as stream:
        sock.sendall(request("POST", "/api/records", server.page, "Content-Type: application/json",
                             f"Content-Length: {len(body)}", "Expect: 100-continue"))
        assert stream.file.readline() == b"HTTP/1.1 100 Continue\r\n"
        assert stream.file.readline() == b"\r\n"
        sock.sendall(body)
        assert read_answer(stream).status == 201
    too_large = raw(server.page, request("POST", "/api/records", server.page,
                                         "Content-Length: 99999999", "Expect: 100-continue"))
    assert problem(too_large, 413), "it is not told to go on"


@pytest.mark.parametrize("fields, body", [
    (["Content-Length: 524289"], b" " * 524289),
    (["Content-Length: 1000000"], b" " * 1000000),
    (["Content-Length: 18446744073709551615"], b""),
    (["Transfer-Encoding: chunked"], b"80000\r\n" + b" " * 524288 + b"\r\n1\r\n \r\n0\r\n\r\n"),
    (["Transfer-Encoding: chunked"], b"fffffff\r\n"),
], ids=lambda each: repr(each)[:40])
def test_too_large_a_body(sync, fields, body):
    server = sync()
    sent = request("POST", "/api/records", server.page, "Content-Type: application/json", *fields,
                   body=body)
    assert problem(raw(server.page, sent), 413)


def test_the_largest_body(sync):
    server = sync()
    body = b'{"type": "poem", "address": "1"}'.ljust(524288)
    assert server.ask("POST", "/api/records", body, Content_Type="application/json").status == 201
    chunked = server.ask("POST", "/api/records", iter([b'{"type": "poem", ', b'"address": "2"}']),
                         Content_Type="application/json")
    assert chunked.status == 201


@pytest.mark.parametrize("sent", [
    b"GET /" + b"x" * 20000 + b" HTTP/1.1\r\n",
    b"GET / HTTP/1.1\r\nX: " + b"x" * 20000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 5000,
    b"GET / HTTP/1.1\r\nCookie: " + b"a=b; " * 100_000,
], ids=lambda each: repr(each)[:40])
def test_too_large_a_header(sync, sent):
    assert problem(raw(sync().page, sent), 431)


@pytest.mark.parametrize("sent", [
    b"nonsense\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\0\x01\0",
    b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
    b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"GET /\0 HTTP/1.1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"], ids=repr)
def test_what_is_no_request(sync, sent):
    answer = raw(sync().page, sent)
    assert answer.status in (400, 421) and problem(answer, answer.status)


@pytest.mark.parametrize("sent", [
    b"G", b"GET / HTTP/1.1\r\nHost: ", b"POST /api/jobs HTTP/1.1\r\nHost: HERE\r\n"
    b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{", b"POST /api/jobs HTTP/1.1\r\n"
    b"Host: HERE\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{"])
def test_a_request_that_does_not_come_to_its_end(sync, sent):
    server = sync("--request-timeout", "1s")
    here = f"localhost:{server.page}".encode()
    assert problem(raw(server.page, sent.replace(b"HERE", here)), 408)


def test_a_request_in_drops_is_late_too(sync):
    server = sync("--request-timeout", "1s")
    with connect(server.page) as sock, AllOf(sock) as stream:
        sock.sendall(b"GET / HTTP/1.1\r\n")
        sock.settimeout(0.1)
        answered = []
        while not answered:  # a field every 100 ms does not buy more time
            try:
                answered.append(sock.recv(12))
            except TimeoutError:
                sock.sendall(b"X: y\r\n")
        assert answered == [b"HTTP/1.1 408"]
        assert stream


def test_an_idle_connection_is_closed(sync):
    server = sync("--keep-alive", "100ms")
    with connect(server.page) as sock:
        assert sock.recv(1) == b""
        del sock
    with connect(server.page) as sock, AllOf(sock) as stream:
        sock.sendall(request("GET", "/healthz", server.page))
        assert read_answer(stream).status == 200
        assert stream.file.read() == b""


def test_health_and_metrics(sync, peer):
    server = sync()
    server.wait_for(server.press(server.add(peer(replying(POEM)).port)), "done")
    events = Events(server.page).begin()
    health = server.ask("GET", "/healthz")
    assert (health.status, health.body) == (200, b"ok\n")
    told = server.ask("GET", "/metrics")
    assert told.fields["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    types, values = {}, {}
    for line in told.body.decode().splitlines():
        comment = re.fullmatch(r"# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.+)", line)
        if comment:
            types.setdefault(comment[2], set()).add(comment[1])
            continue
        name, labels, value = re.fullmatch(
            r'([a-zA-Z_:][\w:]*)(\{(?:\w+="[^"\\]*",?)*\})? (\S+)', line).groups()
        assert types[name] == {"HELP", "TYPE"}, "told before its values"
        values[name + (labels or "")] = float(value)
    assert values["poetry_sync_records"] == 1 and values["poetry_sync_streams"] == 1
    assert values['poetry_sync_jobs{state="done"}'] == 1
    assert sum(values[each] for each in values if each.startswith("poetry_sync_jobs{")) == 1
    events.close()
    assert becomes_true(
        lambda: b"poetry_sync_streams 0\n" in server.ask("GET", "/metrics").body)


def test_a_press_survives_a_kill(sync):
    server = sync(command="web")
    pressed = server.press(server.add(1))
    os.kill(server.pid, signal.SIGKILL)
    server.wait()
    assert sync(command="web").state_of(pressed) == "queued"


def test_nonsense_is_answered_or_ends_the_connection(sync):
    chance = random.Random(1819)
    server = sync("--request-timeout", "500ms", "--keep-alive", "500ms")
    whole = request("POST", "/api/records", server.page, "Content-Type: application/json",
                    "Content-Length: 34", "Connection: close",
                    body=b'{"type": "poem", "address": "1:1"}')

    def damaged():
        kind = chance.randrange(3)
        if kind == 0:
            return chance.randbytes(chance.randrange(1, 3000)) + b"\r\n\r\n"
        sent = bytearray(whole)
        for _ in range(chance.randrange(1, 6)):
            at = chance.randrange(len(sent))
            if kind == 1:
                sent[at] = chance.randrange(256)
            else:
                sent[at:at] = sent[chance.randrange(len(sent)):][:chance.randrange(40)]
        return bytes(sent)

    def try_one(sent):
        with connect(server.page) as sock:
            sock.sendall(sent)
            answer = b"".join(iter(lambda: sock.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 "), (sent, answer)

    with concurrent.futures.ThreadPoolExecutor(20) as many:
        list(many.map(try_one, [damaged() for _ in range(200)]))
    assert server.ask("GET", "/healthz").status == 200
