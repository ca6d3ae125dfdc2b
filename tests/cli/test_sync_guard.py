"""Who may ask poetry-sync's page: hosts, other pages, tokens; and what browsers are told."""

import pytest

from harness import connect, read_to_end, run
from sync_server import AllOf, Events, raw, read_answer

TOKEN = "Ozymandias_1818-king"
POLICY = {"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'",
          "form-action 'none'"}


def sent(method, path, *fields, body=b""):
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Connection: close", *fields]
                       ).encode() + b"\r\n\r\n" + body


def is_problem(answer, status):
    assert (answer.status, answer.fields["Content-Type"]) == (status, "application/problem+json")
    assert answer.json["status"] == status
    return True


@pytest.fixture
def guarded(sync, tmp_path):
    """A server with a token."""
    (tmp_path / "token").write_text(TOKEN + "\n")
    return sync("--token-file", tmp_path / "token")


@pytest.mark.parametrize("host, status", [
    ("127.0.0.1:PORT", 200), ("localhost:PORT", 200), ("LocalHost:PORT", 200), ("[::1]:PORT", 200),
    ("poems.example:PORT", 200), ("POEMS.example:PORT", 200),
    ("poems.example", 421), ("127.0.0.1", 421), ("127.0.0.1:1", 421), ("evil.example:PORT", 421),
    ("localhost.evil.example:PORT", 421), ("localhost:PORT.evil.example", 421), ("x", 421),
    ("127.0.0.1:PORT@evil.example", 421), ("localhost:PORT,localhost:PORT", 421), ("", 400)])
def test_the_host_must_be_one_of_its_own(sync, host, status):
    server = sync("--allow-host", "poems.example")
    host = host.replace("PORT", str(server.page))
    for path in ("/api/records", "/", "/healthz"):
        answer = raw(server.page, sent("GET", path, f"Host: {host}"))
        assert answer.status == status
        assert status == 200 or is_problem(answer, status)


def test_one_host_is_needed(sync):
    server = sync()
    here = f"Host: localhost:{server.page}"
    assert is_problem(raw(server.page, sent("GET", "/")), 400)
    assert is_problem(raw(server.page, sent("GET", "/", here, here)), 400)
    assert is_problem(raw(server.page, sent("GET", "/", here, "Host: evil.example")), 400)
    assert is_problem(raw(server.page, b"GET / HTTP/1.0\r\n\r\n"), 400)


@pytest.mark.parametrize("origin, allowed", [
    ("http://127.0.0.1:PORT", True), ("http://localhost:PORT", True), ("http://[::1]:PORT", True),
    ("null", False), ("http://evil.example", False), ("http://localhost", False),
    ("http://localhost:1", False), ("https://localhost:PORT", False), ("localhost:PORT", False),
    ("http://localhost:PORT.evil.example", False), ("http://localhost:PORT/", False),
    ("file://", False), ("http://", False)])
def test_another_page_is_refused(sync, origin, allowed):
    server = sync()
    origin = origin.replace("PORT", str(server.page))
    made = server.json("POST", "/api/records", {"type": "poem", "address": "1"}, Origin=origin)
    assert made.status == 201 if allowed else is_problem(made, 403)
    assert len(server.ask("GET", "/api/records").json) == allowed
    for path in ("/", "/api/records", "/events/"):
        assert (server.ask("GET", path, Origin=origin).status == 403) != allowed


def at_port(server, fields):
    return {name: value.replace("PORT", str(server.page)) for name, value in fields.items()}


PATHS = ["/", "/app.js", "/api/records", "/events", "/nothing", "/healthz/", "/metricsx",
         "/?token=wrong", "/?token=", f"/?token={TOKEN}x", f"/api/records?token={TOKEN}"]


@pytest.mark.parametrize("fields", [
    {}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"},
    {"Authorization": f"Bearer {TOKEN}x"}, {"Cookie": "poetry_token_PORT=wrong"},
    {"Cookie": f"other_poetry_token_PORT={TOKEN}"}, {"Cookie": "poetry_token_PORT="},
    {"Cookie": f"poetry_token_1={TOKEN}"}],
    ids=lambda each: " ".join(each.values())[:20])
def test_without_the_token_nothing_is_told(guarded, fields):
    fields = at_port(guarded, fields)
    for path in PATHS:
        answer = guarded.ask("GET", path, **fields)
        assert is_problem(answer, 401) and answer.fields["WWW-Authenticate"] == "Bearer", path


def test_without_the_token_nothing_is_written(guarded):
    record = {"type": "poem", "address": "1"}
    assert is_problem(guarded.json("POST", "/api/records", record), 401)
    assert is_problem(guarded.ask("DELETE", "/api/records/1"), 401)
    assert guarded.run("list").out.count(b"\n") == 1


@pytest.mark.parametrize("fields", [
    {"Authorization": f"Bearer {TOKEN}"}, {"Authorization": f"bEARER {TOKEN}"},
    {"Cookie": f"poetry_token_PORT={TOKEN}"}, {"Cookie": f"a=b; poetry_token_PORT={TOKEN}; c=d"},
    {"Cookie": f"poetry_token_1=x; poetry_token_PORT={TOKEN}"}],
    ids=lambda each: " ".join(each.values())[:20])
def test_with_the_token_all_is_as_without_one(guarded, fields):
    fields = at_port(guarded, fields)
    made = guarded.json("POST", "/api/records", {"type": "poem", "address": "1"}, **fields)
    assert made.status == 201
    for path in ("/", "/app.js", "/api/records", "/healthz", "/metrics"):
        assert guarded.ask("GET", path, **fields).status == 200
    assert is_problem(guarded.ask("GET", "/", Origin="null", **fields), 403)


def test_probes_need_no_token_unless_they_are_to(guarded, sync, tmp_path):
    for path in ("/healthz", "/metrics"):
        assert guarded.ask("GET", path).status == 200
        assert guarded.ask("GET", path, Host="elsewhere.example").status == 421
    server = sync("--token-file", tmp_path / "token", "--metrics-token")
    for path in ("/healthz", "/metrics"):
        assert is_problem(server.ask("GET", path), 401)
        assert server.ask("GET", path, Authorization=f"Bearer {TOKEN}").status == 200


def test_a_browser_keeps_the_token_as_a_cookie(guarded, started):
    answer = guarded.ask("GET", f"/?token={TOKEN}")
    assert (answer.status, answer.fields["Location"], answer.body) == (303, "/", b"")
    cookie, *attributes = answer.fields["Set-Cookie"].split("; ")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} == set(attributes)
    assert guarded.ask("GET", "/", Cookie=cookie).status == 200
    with connect(guarded.page) as sock, AllOf(sock) as stream:
        sock.sendall(sent("GET", "/events", f"Host: localhost:{guarded.page}", f"Cookie: {cookie}"))
        assert stream.file.readline() == b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize("option", ["--listen", "--control"])
@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0"])
def test_listening_beyond_this_machine_takes_a_token(tmp_path, option, address):
    other = {"--listen": "--control", "--control": "--listen"}[option]
    result = run("poetry-sync", "-d", f"sqlite:{tmp_path}/a.db", option, address, other, "0")
    assert (result.status, result.out) == (2, b"")
    assert result.err.splitlines() == [
        f"poetry-sync: listening beyond this machine takes --token-file: {address}",
        "Try 'poetry-sync --help'."]
    assert not (tmp_path / "a.db").exists(), "refused before anything is made"


@pytest.mark.parametrize("content", [b"", b"\n", b"two words\n", b"\xc3\xa4\n", b" x\n", b"a\0b\n",
                                     b"semi;colon\n", b"fifteen-letters\n"])
def test_a_bad_token_file(tmp_path, content):
    (tmp_path / "token").write_bytes(content)
    for command in (["serve", "-l", "0", "-c", "0", "-d", f"sqlite:{tmp_path}/a.db"], ["quit"],
                    ["request", "poem", "1"]):
        result = run("poetry-sync", *command, "--token-file", tmp_path / "token")
        assert result.status == 2 and str(tmp_path / "token") in result.err


def test_a_token_file_that_is_not_there(tmp_path):
    result = run("poetry-sync", "quit", "--token-file", tmp_path / "token")
    assert (result.status, result.err) == (
        1, f"poetry-sync: open {tmp_path}/token: No such file or directory\n")


def is_safe(fields):
    assert fields["X-Content-Type-Options"] == "nosniff"
    assert fields["Referrer-Policy"] == "no-referrer"
    policy = set(fields["Content-Security-Policy"].split("; "))
    assert POLICY <= policy and not any("unsafe" in each for each in policy)
    assert fields["Cache-Control"] in ("no-store", "no-cache")
    assert fields["Access-Control-Allow-Origin"] is None
    return True


def test_every_kind_of_answer_is_told_to_be_safe(guarded):
    bears = {"Authorization": f"Bearer {TOKEN}"}
    here = f"Host: localhost:{guarded.page}"
    bearing = f"Authorization: Bearer {TOKEN}"
    made = guarded.json("POST", "/api/records", {"type": "poem", "address": "1"}, **bears)
    page = guarded.ask("GET", "/", **bears)
    answers = {
        200: page, 201: made,
        202: guarded.json("POST", "/api/jobs", {"record": 1}, **bears),
        304: guarded.ask("GET", "/", If_None_Match=page.fields["ETag"], **bears),
        303: guarded.ask("GET", f"/?token={TOKEN}"),
        401: guarded.ask("GET", "/"),
        403: guarded.ask("GET", "/", Origin="null"),
        404: guarded.ask("GET", "/x", **bears),
        405: guarded.ask("PUT", "/api/jobs", **bears),
        409: guarded.json("POST", "/api/records", {"type": "poem", "address": "1"}, **bears),
        415: guarded.ask("POST", "/api/jobs", b"{}", **bears),
        421: raw(guarded.page, sent("GET", "/", "Host: x")),
        400: raw(guarded.page, b"nonsense\r\n\r\n"),
        413: raw(guarded.page, sent("POST", "/", here, bearing, "Content-Length: 999999")),
        431: raw(guarded.page, sent("GET", "/", "X: " + "x" * 20000)),
    }
    for status, answer in answers.items():
        assert answer.status == status and is_safe(answer.fields), status
    for path in ("/app.js", "/style.css", "/api/jobs/1/log.txt", "/metrics", "/healthz"):
        assert is_safe(guarded.ask("GET", path, **bears).fields)


def test_a_stream_is_told_to_be_safe(sync, started):
    events = started(Events, sync().page).begin()
    fields = dict(line.split(": ", 1) for line in events.head[1:-1])
    assert fields["X-Content-Type-Options"] == "nosniff" and "Content-Security-Policy" in fields


def test_a_refused_request_is_the_last_of_its_connection(sync):
    server = sync()
    with connect(server.page) as sock, AllOf(sock) as stream:
        sock.sendall(sent("POST", "/api/records", "Host: evil.example", "Content-Length: 9999")
                     + b"x" * 9999 + sent("GET", "/healthz", f"Host: localhost:{server.page}"))
        assert read_answer(stream).status == 421
        assert stream.file.read() == b"", "what was sent as its body is never read as requests"


def test_no_answer_for_a_browser_at_the_control_port(sync):
    server = sync()
    with connect(server.control) as sock:
        sock.sendall(sent("POST", "/", "Host: x", body=b"quit\nstatus\n"))
        assert read_to_end(sock).startswith(b"error unknown request")
    assert server.process.poll() is None
