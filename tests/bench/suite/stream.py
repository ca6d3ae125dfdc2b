"""One long poem to one client: how fast the bytes go."""

from typing import NamedTuple

import fetching
import poems
import servers
from processes import Failed, processor_seconds
from ratios import bar_of_ratio, in_turn, ratio, values, yardstick
from section import (Section, Table, able, median_text, raw_results, skipped_lines, spread_text)

ABOUT = """The file is in the page cache and the raw epoll client throws the bytes away. nginx sends
it over HTTP by sendfile(2), with one worker; socat copies it."""

PIECE = b"And all the air a solemn stillness holds\n" * 25600
OURS = ("epoll", "asio", "uring")

NGINX = """daemon off; master_process off; pid {directory}/nginx.pid; error_log {directory}/errors;
events {{ worker_connections 64; }}
http {{
  access_log off; sendfile on; tcp_nopush on; default_type text/plain;
  client_body_temp_path {directory}/t1; proxy_temp_path {directory}/t2;
  fastcgi_temp_path {directory}/t3; uwsgi_temp_path {directory}/t4; scgi_temp_path {directory}/t5;
  server {{ listen 127.0.0.1:{port}; root {root}; }}
}}
"""


class Streamed(NamedTuple):
    mib_a_second: float
    cpu_ms: float  # of the server, a GiB


def nginx(directory):
    def command(port, poem):
        config = directory / "nginx.conf"
        config.write_text(NGINX.format(directory=directory, port=port, root=poem.parent))
        return ["nginx", "-c", config, "-e", directory / "errors"]

    return servers.Server("nginx", command, servers.why_missing("nginx"))


def socat():
    return servers.Server("socat", lambda port, poem: [
        "socat", "-u", "-b", 262144, f"FILE:{poem}",
        f"TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr"], servers.why_missing("socat"))


def stream(server, port, poem, size):
    request = [f"GET /{poem.name} HTTP/1.0\r\n\r\n"] if server.name == "nginx" else []
    with servers.serving(server.command(port, poem), port) as process:
        before = processor_seconds(process.pid)
        got = fetching.by_program(servers.bench_program("fetch-floor"))(port, 1, 1, *request)
        # A process that has ended, as socat has, keeps its account until it is waited for.
        cpu = processor_seconds(process.pid) - before
    if got.bytes < size:
        raise Failed(f"{server.name}: sent {got.bytes} of {size} bytes")
    return Streamed(got.bytes / got.elapsed_s / (1 << 20), 1e3 * cpu / (got.bytes / (1 << 30)))


def write_poem(path, size):
    with path.open("wb") as file:
        for _ in range(size // len(PIECE) + 1):
            file.write(PIECE)
    return path.stat().st_size


def run(setting):
    port = servers.free_ports()
    poem = setting.directory / "long.txt"
    size = write_poem(poem, setting.scale.stream)
    competitors, missing = able(
        [nginx(setting.directory), socat(), *map(poems.ours, OURS)], setting)
    results = in_turn(competitors, lambda each: stream(each, port, poem, size),
                      setting, missing)
    against = yardstick(results, "nginx")
    rows = [[name, median_text(values(runs, "mib_a_second")), median_text(values(runs, "cpu_ms")),
             spread_text(ratio(results, name, against, "mib_a_second"))]
            for name, runs in results.items()]
    bars = [bar_of_ratio(results, name, "nginx", "mib_a_second",
                         f"{setting.scale.stream >> 20} MiB to one client", 0.95, at_least=True,
                         missing=missing) for name in OURS]
    table = Table(f"{size >> 20} MiB", ["server", "MiB a second", "server CPU ms a GiB",
                                        f"rate against {against}"], rows)
    return Section("A long poem to one client", ABOUT, [table], bars, raw_results(results),
                   skipped_lines(missing))
