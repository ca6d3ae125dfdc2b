"""CPU a line, lateness and memory of servers that hold clients at a line a second."""

import load
import servers
from ratios import Bar, Spread, bar_of_ratio, in_turn, ratio, values, yardstick
from section import (Section, Table, able, median_text, raw_results, skipped_lines, spread_text)

ABOUT = """Each server holds its clients on one processor, a line of about 30 bytes a second to
each. CPU is what the kernel accounts to the server's processes; memory is anonymous memory beyond
what the server has without clients; a line is late against a schedule that begins before the
client's connect(2), at the moment the kernel received it for the client."""

COARSE, COARSE_URING = "epoll --tick 10ms", "uring --tick 10ms"
CPU_BARS = {"epoll": 1.00, "uring": 0.90, "asio": 1.10, COARSE: 0.80}
LATENESS_BARS = [("p50_ms", "p50", 1.0, "ms", 0), ("p99_ms", "p99", 2.0, "ms", 0),
                 ("drift_us", "drift a line", 0.0, "us", 10.0)]
MEMORY_BARS = {"epoll": 110, "asio": 300}  # bytes a client
MEMBERS = [("cpu_us", "CPU µs a line"), ("bytes_a_client", "bytes a client"), ("p50_ms", "p50 ms"),
           ("p99_ms", "p99 ms"), ("max_ms", "max ms"), ("drift_us", "drift µs a line")]


def our_servers():
    return [servers.ours("epoll"), servers.ours("epoll", "--tick", "10ms", name=COARSE),
            servers.ours("asio"), servers.ours("uring"),
            servers.ours("uring", "--tick", "10ms", name=COARSE_URING)]


def table(results, heading, against):
    columns = ["server", *(title for _, title in MEMBERS), f"CPU against {against}"]
    rows = []
    for name in results:
        against_it = spread_text(ratio(results, name, against, "cpu_us"))
        rows.append([name, *(median_text(values(results[name], each)) for each, _ in MEMBERS),
                     against_it])
    return Table(heading, columns, rows)


def lateness_bars(results, clients):
    return [Bar(f"lateness, {clients} clients, {name}: {what}",
                Spread.of(map(abs, values(results[name], figure))), bar, unit=unit, slack=slack)
            for name in ("epoll", "uring", "asio") if name in results
            for figure, what, bar, unit, slack in LATENESS_BARS]


def memory_bars(results, clients):
    return [Bar(f"user memory a client, {clients} clients, {name}",
                Spread.of(values(results[name], "bytes_a_client")), bar, unit="B")
            for name, bar in MEMORY_BARS.items() if name in results]


def hold_clients(setting, clients, competitors, missing):
    """{name: [Held]} of all that can run."""
    pace = servers.Pace(servers.free_ports(), directory=setting.directory)
    return in_turn(
        competitors,
        lambda each: load.hold_at(each, pace, clients, window=setting.scale.window),
        setting, missing)


def run(setting):
    tables, bars, raw, skipped = [], [], {}, {}
    for place, clients in enumerate(setting.scale.clients):
        others = servers.frameworks() if place == 0 else []
        competitors, missing = able(
            [servers.endlessh(), servers.floor(), *our_servers(), *others], setting)
        results = hold_clients(setting, clients, competitors, missing)
        against = yardstick(results, "endlessh")
        tables.append(table(results, f"{clients} clients", against))
        bars += [bar_of_ratio(results, name, "endlessh", "cpu_us",
                              f"CPU a line, {clients} clients", bar, missing=missing)
                 for name, bar in CPU_BARS.items()]
        if place == 0:
            bars += lateness_bars(results, clients) + memory_bars(results, clients)
        skipped.update(missing)
        raw[str(clients)] = raw_results(results)
    return Section("Clients held at a line a second", ABOUT, tables, bars, raw,
                   skipped_lines(skipped))
