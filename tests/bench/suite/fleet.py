"""Lateness of very many clients over four workers, against four endlessh on a port each."""

import contextlib

import load
import servers
from processes import ANY
from ratios import bar_of_ratio, in_turn, values
from section import Section, Table, able, median_text, raw_results, skipped_lines

ABOUT = """One process cannot hold so many descriptors. Ours shares one port among four workers;
endlessh cannot, and runs four times, on a port each. Servers and load share all processors."""

WORKERS = 4
MEMBERS = [("cpu_us", "CPU µs a line"), ("bytes_a_client", "bytes a client"), ("p50_ms", "p50 ms"),
           ("p99_ms", "p99 ms"), ("max_ms", "max ms"), ("drift_us", "drift µs a line")]


def workers(engine):
    return servers.ours(engine, "--workers", str(WORKERS), name=f"{engine} --workers {WORKERS}")


def hold_with_workers(server, pace, clients, window):
    with servers.serving(server.command(pace), pace.port, ANY) as process:
        return load.hold([process], pace, [load.Share(clients // WORKERS, pace.port)] * WORKERS,
                         window=window)


def hold_with_processes(server, pace, clients, window):
    with contextlib.ExitStack() as stack:
        processes = [
            stack.enter_context(servers.serving(
                server.command(pace._replace(port=pace.port + i, ports=1)), pace.port + i, ANY))
            for i in range(WORKERS)]
        loads = [load.Share(clients // WORKERS, pace.port + i) for i in range(WORKERS)]
        return load.hold(processes, pace, loads, window=window)


def run(setting):
    scale = setting.scale
    pace = servers.Pace(servers.free_ports(WORKERS), WORKERS, directory=setting.directory)
    one_port = pace._replace(ports=1)
    competitors, missing = able([servers.endlessh(), workers("epoll"), workers("uring"),
                                 workers("asio")], setting)

    def measure(server):
        if server.name == "endlessh":
            return hold_with_processes(server, pace, scale.fleet, scale.window)
        return hold_with_workers(server, one_port, scale.fleet, scale.window)

    results = in_turn(competitors, measure, setting, missing)
    rows = [[name, *(median_text(values(results[name], each)) for each, _ in MEMBERS)]
            for name in results]
    table = Table(f"{scale.fleet} clients", ["server", *(title for _, title in MEMBERS)], rows)
    bars = [bar_of_ratio(results, workers("epoll").name, "endlessh", "p99_ms",
                         f"lateness p99, {scale.fleet} clients", 0.1, missing=missing)]
    return Section("Clients over four workers", ABOUT, [table], bars, raw_results(results),
                   skipped_lines(missing))
