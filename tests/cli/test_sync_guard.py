"""Who may ask poetry-sync's page: hosts, other pages, tokens; and what browsers are told."""

import pytest

from harness import connect, read_to_end, run
from sync_server import AllOf, Events, raw, read_answer

TOKEN = "Ozymandias_1818-king"
POLICY = {"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'",
          "form-action 'self'"}


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
    ("127.0.0.1", 200), ("127.0.0.1:1", 200), ("localhost:9", 200), ("[::1]", 200),
    ("poems.example", 421), ("127.0.0.1.evil.example:1", 421), ("poems.example:1", 421), ("evil.example:PORT", 421),
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


@pytest.mark.parametrize("host, origin, allowed", [
    ("localhost:9", "http://localhost:9", True), ("localhost:9", "https://localhost:9", True),
    ("127.0.0.1:9", "http://127.0.0.1:9", True), ("localhost:9", "http://localhost:8", False),
    ("localhost:9", "http://evil.example", False), ("localhost", "http://localhost", True),
    ("localhost:9", "null", False), ("poems.example:9", "http://poems.example:9", False)])
def test_a_tunnel_may_come_by_any_port_with_its_own_page(sync, host, origin, allowed):
    answer = sync().json("POST", "/api/records", {"type": "poem", "address": "1"},
                         Host=host, Origin=origin)
    assert (answer.status == 201) == allowed


@pytest.mark.parametrize("host, origin, status", [
    ("poems.example", "https://poems.example:8443", 201),
    ("poems.example:8443", "https://POEMS.example:8443", 201),
    ("127.0.0.1:PORT", "https://poems.example:8443", 201), ("poems.example:1", "", 421),
    ("poems.example", "http://poems.example", 403), ("poems.example", "https://poems.example", 403)])
def test_a_public_url_says_where_pages_are(sync, host, origin, status):
    server = sync("--public-url", "https://poems.example:8443/my/poems/")
    sent = {"Host": host.replace("PORT", str(server.page)), "Origin": origin}
    for prefix in ("/my/poems", ""):  # which a proxy may take off
        made = server.json("POST", prefix + "/api/records",
                           {"type": "poem", "address": f"a{len(prefix)}:1"},
                           **{name: value for name, value in sent.items() if value})
        assert made.status == status
        assert status != 201 or made.fields["Location"].startswith("/my/poems/api/records/")
    moved = server.ask("GET", "/my/poems")
    assert (moved.status, moved.fields["Location"]) == (308, "/my/poems/")
    assert server.ask("GET", "/my/poemsx").status == 404


@pytest.mark.parametrize("url", ["poems.example", "ftp://a", "http://", "http://a?b", "http://a/b c",
                                 "http://me@a", "http://a//b", "http://a/#x"])
def test_a_bad_public_url(tmp_path, url):
    result = run("poetry-sync", "web", "-d", f"sqlite:{tmp_path}/a.db", "--public-url", url)
    assert (result.status, url in result.err) == (2, True)


def at_port(server, fields):
    return {name: value.replace("PORT", str(server.page)) for name, value in fields.items()}


def session(server):
    """The cookie of a new session."""
    return server.ask("GET", f"/?token={TOKEN}").fields["Set-Cookie"].split("; ")[0]


PATHS = ["/", "/app.js", "/api/records", "/events", "/nothing", "/healthz/", "/metricsx",
         "/?token=wrong", "/?token=", f"/?token={TOKEN}x", f"/api/records?token={TOKEN}"]


@pytest.mark.parametrize("fields", [
    {}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"},
    {"Authorization": f"Bearer {TOKEN}x"}, {"Cookie": "poetry_session_PORT=wrong"},
    {"Cookie": "poetry_session_PORT="}, {"Cookie": f"poetry_session_PORT={TOKEN}"},
    {"Cookie": "poetry_session_PORT=99999999999." + "0" * 64}],
    ids=lambda each: " ".join(each.values())[:20])
def test_without_the_token_nothing_is_told(guarded, fields):
    fields = at_port(guarded, fields)
    for path in PATHS[::5] if "Authorization" in fields else PATHS[:7] if fields else PATHS:
        answer = guarded.ask("GET", path, **fields)
        assert is_problem(answer, 401) and answer.fields["WWW-Authenticate"] == "Bearer", path


def test_without_the_token_nothing_is_written(guarded):
    record = {"type": "poem", "address": "1"}
    assert is_problem(guarded.json("POST", "/api/records", record), 401)
    assert is_problem(guarded.ask("DELETE", "/api/records/1"), 401)
    assert guarded.run("list").out.count(b"\n") == 1


@pytest.mark.parametrize("fields", [
    {"Authorization": f"Bearer {TOKEN}"}, {"Authorization": f"bEARER {TOKEN}"},
    {"Cookie": "SESSION"}, {"Cookie": "a=b; SESSION; c=d"},
    {"Cookie": "poetry_session_1=x; poetry_session_PORT=1.x; SESSION"}],
    ids=lambda each: " ".join(each.values())[:20])
def test_with_the_token_all_is_as_without_one(guarded, fields):
    fields = {name: value.replace("SESSION", session(guarded))
              for name, value in at_port(guarded, fields).items()}
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
    assert {"HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"} == set(attributes)
    assert TOKEN not in cookie
    assert guarded.ask("GET", "/", Cookie=cookie).status == 200
    with connect(guarded.page) as sock, AllOf(sock) as stream:
        sock.sendall(sent("GET", "/events", f"Host: localhost:{guarded.page}", f"Cookie: {cookie}"))
        assert stream.file.readline() == b"HTTP/1.1 200 OK\r\n"


def test_a_browser_is_asked_by_a_form(guarded):
    here = f"http://127.0.0.1:{guarded.page}"
    asked = guarded.ask("GET", "/", Accept="text/html,*/*;q=0.8")
    assert asked.status == 401 and asked.fields["Content-Type"].startswith("text/html")
    assert b'<form method="post" action="login">' in asked.body
    assert asked.fields["Referrer-Policy"] == "same-origin", "or the form's Origin would be null"
    form = {"Content_Type": "application/x-www-form-urlencoded", "Accept": "text/html"}
    wrong = guarded.ask("POST", "/login", f"token={TOKEN}x", Origin=here, **form)
    assert wrong.status == 401 and b"<form" in wrong.body and not wrong.fields["Set-Cookie"]
    line, = guarded.err.wait_for("a wrong token from 127.0.0.1")
    assert TOKEN not in line
    assert guarded.ask("POST", "/login", f"token={TOKEN}", Origin="null", **form).status == 403
    right = guarded.ask("POST", "/login", f"a=b&token={TOKEN}", Origin=here, **form)
    assert (right.status, right.fields["Location"]) == (303, "/")
    cookie = right.fields["Set-Cookie"].split("; ")[0]
    assert guarded.ask("GET", "/", Cookie=cookie).status == 200
    lured = guarded.ask("GET", "/?token=wrong", Cookie=cookie)
    assert lured.status == 401 and not lured.fields["Set-Cookie"], "and the session goes on"


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
