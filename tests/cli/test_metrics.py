"""The metrics service, as curl and Prometheus's own parser read it, under every engine."""

import shutil
import subprocess
import time

import pytest

from harness import SERVER_ENGINES, WAIT, becomes_true, connect, read_line, read_to_end, reset

each_engine = pytest.mark.parametrize("engine", SERVER_ENGINES)


def scrape(port):
    """{(name, port, le): value} of every sample, by a parser that others wrote."""
    parser = pytest.importorskip("prometheus_client.parser")
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    text = subprocess.run(["curl", "-sSf", "-m", str(WAIT), f"http://127.0.0.1:{port}/metrics"],
                          capture_output=True, check=True).stdout.decode()
    samples = {}
    for family in parser.text_string_to_metric_families(text):
        assert family.documentation and family.type in ("counter", "gauge", "histogram")
        for sample in family.samples:
            assert {"host", "port", "service", "name"} <= set(sample.labels)
            samples[sample.name, int(sample.labels["port"]), sample.labels.get("le")] = sample.value
    return samples


@each_engine
@pytest.mark.parametrize("workers", [1, 2])
def test_every_figure_is_what_happened(server, poem, engine, workers):
    running = server("-e", engine, "--workers", str(workers), "-s", "0=metrics",
                     "-s", f"0=poem:{poem(b'one' + b'!' * 500 + bytes([10]) + b'two')},delay=20ms,"
                     "fault=#3:reset-after=1line", "-s", "0=echo", listeners=3)
    metrics, verses, echo = running.ports
    before = time.monotonic()
    for _ in range(2):
        with connect(verses) as sock:
            assert len(read_to_end(sock)) == 507
    with connect(verses) as sock, pytest.raises(ConnectionResetError):
        read_to_end(sock)
    with connect(echo) as sock:
        sock.sendall(b"1\n2\n3\n")
        assert [read_line(sock) for _ in range(3)] == [b"1\n", b"2\n", b"3\n"]
        running.err.wait_for("closed .* service=poem", 3)
        found = scrape(metrics)
        longest = time.monotonic() - before

        def at(name, port, le=None):
            return found[f"poetry_{name}", port, le]

        assert (at("connections_total", verses), at("connections_held", verses)) == (3, 0)
        assert (at("connections_total", echo), at("connections_held", echo)) == (1, 1)
        assert at("sent_bytes_total", verses) == 2 * 507 + 504
        assert at("sent_lines_total", verses) == 3 and at("sent_lines_total", echo) == 3
        assert (at("faults_total", verses), at("faults_total", echo)) == (1, 0)
        assert 3 * 0.02 <= at("held_seconds_total", verses) <= 3 * longest
        assert at("held_seconds_total", echo) == 0
        late = at("lateness_seconds_bucket", verses, "+Inf")
        # Lines that are due together are sent in one turn, but each of three connections has one.
        assert 3 <= late <= 8 and at("lateness_seconds_count", verses) == late
        bounds = ["0.0001", "0.001", "0.002", "0.005", "0.01", "0.1", "1.0", "10.0", "+Inf"]
        found = {(name, port, str(float(le)) if le else le): value
                 for (name, port, le), value in found.items()}
        buckets = [at("lateness_seconds_bucket", verses, str(float(each))) for each in bounds]
        assert buckets == sorted(buckets)
        assert 0 < at("lateness_seconds_sum", verses) < 8 * longest


def test_a_worker_that_dies_holds_nobody_any_more(server):
    running = server("--workers", "2", "-s", "0=metrics", "-s", "0=echo,prefix=pid", listeners=2)
    metrics, echo = running.ports
    socks = [connect(echo) for _ in range(8)]
    for sock in socks:
        sock.sendall(b"\n")
    pids = [int(read_line(sock).split(b":")[0]) for sock in socks]
    subprocess.run(["kill", "-KILL", str(pids[0])], check=True)
    left = sum(pid != pids[0] for pid in pids)
    assert becomes_true(lambda: scrape(metrics)["poetry_connections_held", echo, None] == left)
    assert scrape(metrics)["poetry_connections_total", echo, None] == 8
    for sock in socks:
        sock.close()


@each_engine
def test_other_requests_are_refused_as_http_does(server, engine):
    running = server("-e", engine, "-s", "0=metrics")
    for request, answer in ((b"GET /other HTTP/1.1\r\n\r\n", b"HTTP/1.1 404 "),
                            (b"PUT / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 405 "),
                            (b"\x16\x03\x01rubbish\r\n\r\n", b"HTTP/1.1 400 "),
                            (b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n", b"HTTP/1.1 400 ")):
        with connect(running.port) as sock:
            sock.sendall(request)
            assert sock.recv(len(answer)) == answer
    with connect(running.port) as sock:
        sock.sendall(b"GET /")
        reset(sock)
    assert running.stop() == 0
