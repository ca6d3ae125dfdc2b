"""poetry-sync behind nginx as its package has it: TLS, another port, a path, its own buffering."""

import contextlib
import http.client
import json
import os
import shutil
import ssl
import subprocess

import pytest

from harness import WAIT, becomes_true, free_ports
from test_get_real_servers import running


@contextlib.contextmanager
def nginx(folder, port, upstream, location):
    """A proxy with a certificate of its own; default settings but for what is given."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                    "-keyout", folder / "key.pem", "-out", folder / "certificate.pem"],
                   check=True, capture_output=True, timeout=WAIT)
    folder.chmod(0o755)
    temporary = " ".join(f"{each}_temp_path {folder}/{each};" for each in
                         ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "nginx.conf").write_text(f"""
        daemon off; pid {folder}/pid; error_log {folder}/error.log; events {{ }}
        {'user root;' if os.geteuid() == 0 else ''}
        http {{ access_log off; {temporary}
          server {{
            listen 127.0.0.1:{port} ssl;
            ssl_certificate {folder}/certificate.pem; ssl_certificate_key {folder}/key.pem;
            {location.replace("UPSTREAM", f"http://127.0.0.1:{upstream}")}
          }} }}""")
    program = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin") or "nginx"
    with running([program, "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")], port):
        context = ssl.create_default_context(cafile=folder / "certificate.pem")
        yield lambda: http.client.HTTPSConnection("localhost", port, timeout=WAIT, context=context)


def ask(connect, method, path, body=None, **fields):
    with contextlib.closing(connect()) as page:
        page.request(method, path, json.dumps(body) if body else None,
                     {name.replace("_", "-"): value for name, value in fields.items()})
        answer = page.getresponse()
        return answer.status, answer.headers, answer.read()


@pytest.mark.parametrize("prefix, location", [
    ("", "location / { proxy_pass UPSTREAM; }"),
    ("/poems", "location /poems { proxy_pass UPSTREAM; proxy_set_header Host $http_host; }"),
    ("/poems", "location /poems/ { proxy_pass UPSTREAM/; proxy_set_header Host $host; }")])
def test_the_page_is_there_behind_nginx(sync, tmp_path, prefix, location):
    port = free_ports()
    (tmp_path / "token").write_text("Ozymandias_1818-king")
    server = sync("--public-url", f"https://localhost:{port}{prefix}", "--token-file",
                  tmp_path / "token", command="web")
    (tmp_path / "nginx").mkdir()
    with nginx(tmp_path / "nginx", port, server.page, location) as connect:
        status, fields, _ = ask(connect, "GET", prefix + "/?token=Ozymandias_1818-king")
        assert (status, fields["Location"]) in [
            (303, prefix + "/"), (303, f"https://localhost:{port}{prefix}/")]
        cookie, *attributes = fields["Set-Cookie"].split("; ")
        assert {"Secure", f"Path={prefix}/"} <= set(attributes)
        sent = {"Cookie": cookie, "Origin": f"https://localhost:{port}",
                "Content_Type": "application/json"}
        assert b"<html" in ask(connect, "GET", prefix + "/", Cookie=cookie)[2]
        status, fields, _ = ask(connect, "POST", prefix + "/api/records",
                                {"type": "poem", "address": "1"}, **sent)
        assert status == 201 and fields["Location"].endswith(prefix + "/api/records/1")
        with contextlib.closing(connect()) as page:
            page.request("GET", prefix + "/events", headers={"Cookie": cookie})
            stream = page.getresponse()
            begun = [stream.readline() for _ in range(4)]
            assert begun[1] == b"event: records\n", "though little was sent so far"
            assert ask(connect, "POST", prefix + "/api/jobs", {"record": 1}, **sent)[0] == 202
            assert stream.readline() and stream.readline() == b"event: record\n"
        other = dict(sent, Origin="https://evil.example")
        assert ask(connect, "POST", prefix + "/api/jobs", {"record": 1}, **other)[0] == 403
    assert becomes_true(lambda: server.ask("GET", "/healthz").status == 200)
