"""Servers that others wrote: the same bytes as nc and curl get, under every engine."""

import contextlib
import os
import shutil
import socket
import subprocess
import time

import pytest

from harness import ENGINES, SANITIZED, WAIT, free_ports, run


BIG = bytes(range(256)) * ((4 if SANITIZED else 30) << 12)  # MiB
each_engine = pytest.mark.parametrize("engine", ENGINES)


def accepts(port):
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def running(command, port, **options):
    """A server until the test's end, once it accepts."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, **options)
    try:
        deadline = time.monotonic() + WAIT
        while not accepts(port):
            assert process.poll() is None and time.monotonic() < deadline, command
            time.sleep(0.02)  # nothing else tells
        yield port
    finally:
        process.terminate()
        process.wait(WAIT)


@pytest.fixture(scope="module")
def nginx(tmp_path_factory):
    folder, port = tmp_path_factory.mktemp("nginx"), free_ports()
    (folder / "big.bin").write_bytes(BIG)
    folder.chmod(0o755)
    (folder / "nginx.conf").write_text(f"""
        daemon off; pid {folder}/pid; error_log {folder}/error.log; events {{ }}
        {'user root;' if os.geteuid() == 0 else ''}
        http {{
          access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
          fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
          scgi_temp_path {folder}/scgi;
          server {{ listen 127.0.0.1:{port}; root {folder}; }}
        }}""")
    path = os.environ["PATH"] + ":/usr/sbin"
    nginx = shutil.which("nginx", path=path) or "nginx"
    with running([nginx, "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")],
                 port) as served:
        yield served


@pytest.fixture(scope="module")
def redis(tmp_path_factory):
    port = free_ports()
    with running(["redis-server", "--port", str(port), "--save", "", "--bind", "127.0.0.1",
                  "--dir", str(tmp_path_factory.mktemp("redis"))], port) as served:
        with socket.create_connection(("127.0.0.1", served)) as client:
            client.sendall(b"*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$%d\r\n%s\r\n" % (len(BIG), BIG))
            assert client.recv(5) == b"+OK\r\n"
        yield served


def said_to(port, text):
    """What a client that waits for the server's end gets."""
    with socket.create_connection(("127.0.0.1", port), WAIT) as client:
        client.sendall(text)
        return b"".join(iter(lambda: client.recv(1 << 16), b""))


@each_engine
def test_nginx_sends_all_of_a_large_file(nginx, engine):
    request = r"GET /big.bin HTTP/1.0\r\n\r\n"
    result = run("poetry-get", "-q", "-e", engine, "--send", request, nginx)
    head, body = result.out.split(b"\r\n\r\n", 1)
    assert result.status == 0 and head.startswith(b"HTTP/1.1 200 OK") and body == BIG
    if shutil.which("curl"):
        assert body == subprocess.run(["curl", "-s", f"http://127.0.0.1:{nginx}/big.bin"],
                                      capture_output=True, timeout=WAIT, check=True).stdout


@each_engine
def test_nginx_keeps_the_connection_and_the_answer_has_an_end(nginx, engine):
    request = r"HEAD /big.bin HTTP/1.1\r\nHost: localhost\r\n\r\n"
    result = run("poetry-get", "-q", "-e", engine, "--send", request, "--until", r"\r\n\r\n",
                 "--expect", r"^HTTP/1\.1 200 ", nginx)
    assert result.status == 0 and b"Content-Length: %d\r\n" % len(BIG) in result.out
    assert result.out.endswith(b"\r\n\r\n")


@each_engine
def test_redis_sends_all_of_a_large_value(redis, engine):
    result = run("poetry-get", "-q", "-e", engine, "--send", r"GET big\r\nQUIT\r\n", redis)
    assert result.status == 0
    assert result.out == said_to(redis, b"GET big\r\nQUIT\r\n")
    assert result.out == b"$%d\r\n%s\r\n+OK\r\n" % (len(BIG), BIG)


@each_engine
def test_redis_answers_and_waits(redis, engine):
    result = run("poetry-get", "-q", "-e", engine, "--send", r"PING\r\n", "--until-lines", "1", redis)
    assert (result.status, result.out) == (0, b"+PONG\r\n")


@each_engine
def test_memcached_answers_and_waits(engine):
    port = free_ports()
    user = ["-u", "root"] if os.geteuid() == 0 else []
    with running(["memcached", "-l", "127.0.0.1", "-p", str(port), *user], port):
        result = run("poetry-get", "-q", "-e", engine, "--send",
                     r"set k 0 0 5\r\nhello\r\nget k\r\n", "--until", r"END\r\n", port)
    assert (result.status, result.out) == (0, b"STORED\r\nVALUE k 0 5\r\nhello\r\nEND\r\n")


@each_engine
def test_an_smtp_server_greets_and_waits(engine):
    port = free_ports()
    with running(["aiosmtpd", "-n", "-l", f"127.0.0.1:{port}"], port):
        greeting = run("poetry-get", "-q", "-e", engine, "--until-lines", "1", port)
        whole = run("poetry-get", "-q", "-e", engine, "--send", r"NOOP\r\nQUIT\r\n", port)
    assert greeting.status == 0 and greeting.out.startswith(b"220 ")
    assert whole.status == 0 and [line[:3] for line in whole.out.splitlines()] == [
        b"220", b"250", b"221"]


@each_engine
def test_openssh_greets_and_waits(tmp_path, engine):
    port, key = free_ports(), tmp_path / "key"
    if not os.path.exists("/usr/sbin/sshd") or shutil.which("ssh-keygen") is None:
        pytest.skip("sshd is not installed")
    if os.geteuid() == 0:
        os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    with running(["/usr/sbin/sshd", "-D", "-f", "/dev/null", "-o", "PidFile=none",
                  "-o", f"ListenAddress=127.0.0.1:{port}", "-h", str(key)], port):
        result = run("poetry-get", "-q", "-e", engine, "--until-lines", "1",
                     "--expect", "^SSH-2", port)
    assert result.status == 0 and result.out.startswith(b"SSH-2.0-OpenSSH")
