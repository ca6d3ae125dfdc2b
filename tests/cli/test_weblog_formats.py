"""Logs that nginx and Apache wrote, in the formats that people give them: every line is a hit with
the host, time, status and size that the server says in a log of its own."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import time

import pytest

from harness import WAIT, connect, free_ports, read_to_end

# What real logs are full of: scans, other protocols, quotes, nothing at all.
REQUESTS = [
    b"GET / HTTP/1.0\r\n\r\n",
    b"GET /file.txt HTTP/1.1\r\nHost: www.example.org\r\nConnection: close\r\n\r\n",
    b"HEAD /file.txt HTTP/1.0\r\nUser-Agent: Tab 10\" Build/1\r\nReferer: http://e/\"x\"\r\n\r\n",
    b"GET /missing?q=\"a b\"&x=[1] HTTP/1.0\r\nX-Forwarded-For: 1.2.3.4, 5.6.7.8\r\n\r\n",
    b"GET /\xff\xfe%22 HTTP/1.0\r\nUser-Agent: \\\\\r\n\r\n",
    b"GET /private HTTP/1.0\r\nAuthorization: Basic bWFyeSBqYW5lOng=\r\n\r\n",  # mary jane
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    b"\x03\x00\x00/*\xe0\x00\x00\x00\x00\x00Cookie: mstshash=ops\r\n\r\n",
    b"OPTIONS * HTTP/1.0\r\n\r\n",
    b"PROPFIND / HTTP/1.0\r\n\r\n",
    b"HELP\r\n\r\n",
    b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n",
    b"GET http://example.org/ HTTP/1.0\r\n\r\n",
    b"GET /a b c HTTP/1.0\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET /" + b"x" * 3000 + b" HTTP/1.0\r\n\r\n",
]

COMBINED = ('$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '
            '"$http_referer" "$http_user_agent"')
NGINX = {
    "combined": COMBINED,
    "main": COMBINED + ' "$http_x_forwarded_for"',
    "timed": COMBINED + " $request_time $upstream_response_time $pipe",
    "named": COMBINED + ' rt=$request_time uct="$upstream_connect_time" host="$host"',
    "vhost": "$host:$server_port " + COMBINED,
    "server": "$server_name " + COMBINED,
    "common": '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent',
    "between": '$remote_addr - $remote_user [$time_local] $request_time "$request" $status '
               '$body_bytes_sent $request_length "$http_referer" "$http_user_agent"',
    "syslog": "Oct 10 13:55:36 web nginx: " + COMBINED,
    "msec": '$remote_addr - - [$time_local] "$request" $status $bytes_sent "-" "-" "$request_id"',
}
JSON_FORMAT = ('{"time_local":"$time_local","remote_addr":"$remote_addr","request":"$request",'
               '"status":"$status","body_bytes_sent":"$body_bytes_sent","host":"$host",'
               '"http_user_agent":"$http_user_agent","request_time":$request_time}')
APACHE = {
    "common": '%h %l %u %t \\"%r\\" %>s %b',
    "combined": '%h %l %u %t \\"%r\\" %>s %b \\"%{Referer}i\\" \\"%{User-Agent}i\\"',
    "vhost_combined": '%v:%p %h %l %u %t \\"%r\\" %>s %b \\"%{Referer}i\\" \\"%{User-Agent}i\\"',
    "timed": '%h %l %u %t \\"%r\\" %>s %b \\"%{Referer}i\\" \\"%{User-Agent}i\\" %D %X',
}


def ask(port):
    for request in REQUESTS * 2:
        with contextlib.suppress(OSError), connect(port) as sock:
            sock.sendall(request)
            sock.shutdown(socket.SHUT_WR)
            read_to_end(sock)


@contextlib.contextmanager
def serving(command, port):
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + WAIT
        while socket.socket().connect_ex(("127.0.0.1", port)) != 0:
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.02)  # nothing else tells
        yield
    finally:
        process.terminate()
        process.wait(WAIT)
        process.stderr.close()


def nginx_logs(folder):
    nginx = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
    if nginx is None:
        pytest.skip("nginx is not installed")
    port = free_ports()
    formats = "".join(f"log_format {name}_x '{text}'; access_log {folder}/{name} {name}_x;\n"
                      for name, text in NGINX.items())
    (folder / "nginx.conf").write_text(f"""
        daemon off; pid {folder}/pid; error_log {folder}/error.log; events {{ }}
        {'user root;' if os.geteuid() == 0 else ''}
        http {{
          client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
          fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
          scgi_temp_path {folder}/scgi;
          log_format truth '$remote_addr|$time_local|$status|$body_bytes_sent|$bytes_sent';
          access_log {folder}/truth truth;
          log_format json escape=json '{JSON_FORMAT}'; access_log {folder}/json json;
          {formats}
          server {{ listen 127.0.0.1:{port}; server_name www.example.org; root {folder}; }}
        }}""")
    with serving([nginx, "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")], port):
        ask(port)
    return [*NGINX, "json"]


def apache_logs(folder):
    apache = shutil.which("apache2", path=os.environ["PATH"] + ":/usr/sbin")
    if apache is None:
        pytest.skip("Apache is not installed")
    port = free_ports()
    logs = "".join(f'CustomLog {folder}/{name} "{text}"\n' for name, text in APACHE.items())
    modules = "".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"
                      for name in ("mpm_event", "authz_core", "dir"))
    (folder / "apache.conf").write_text(f"""
        ServerRoot {folder}
        ServerName www.example.org
        PidFile {folder}/pid
        ErrorLog {folder}/error.log
        DefaultRuntimeDir {folder}
        Listen 127.0.0.1:{port}
        {modules}
        CustomLog {folder}/truth "%h|%{{%d/%b/%Y:%H:%M:%S %z}}t|%>s|%b|%B"
        {logs}
        DocumentRoot {folder}
        <Directory {folder}>
          Require all granted
        </Directory>
        """)
    with serving([apache, "-X", "-f", str(folder / "apache.conf")], port):
        ask(port)
    return list(APACHE)


@pytest.mark.parametrize("logs", [nginx_logs, apache_logs])
def test_every_line_is_a_hit(server, tmp_path, logs):
    folder = tmp_path / "www"
    folder.mkdir()
    folder.chmod(0o755)
    (folder / "file.txt").write_text("a file\n" * 100)
    names = logs(folder)
    truth = [line.split("|") for line in (folder / "truth").read_text().splitlines()]
    assert len(truth) >= len(REQUESTS)
    followed = tmp_path / "logs"
    followed.mkdir()
    running = server(*[each for name in names
                       for each in ("-s", f"0=weblog:{followed / name},format=json,backlog=100")],
                     listeners=len(names))
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(connect(port)) for port in running.ports]
        for name, sock in zip(names, socks):
            (followed / name).write_bytes((folder / name).read_bytes())
            lines = (folder / name).read_bytes().count(b"\n")
            assert lines == len(truth)
            told = b""
            while told.count(b"\n") < lines:
                told += sock.recv(1 << 16)
            hits = [json.loads(line) for line in told.splitlines()]
            seen = [[hit.get("host"), hit.get("time"), hit.get("status"), hit.get("bytes", "-")]
                    for hit in hits]
            size = 4 if name == "msec" else 3
            sizes = [each[size] if each[size] == "-" else int(each[size]) for each in truth]
            expected = [[each[0], each[1], int(each[2]), each_size]
                        for each, each_size in zip(truth, sizes)]
            right = sum(one == other for one, other in zip(seen, expected))
            wrong = [pair for pair in zip(seen, expected, told.splitlines()) if pair[0] != pair[1]]
            assert right >= 0.99 * len(expected), (name, wrong[:3])
