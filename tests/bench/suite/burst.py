"""Time until many clients that connect at once have all got a first line."""

from typing import NamedTuple

import load
import servers
from ratios import bar_of_ratio, in_turn, values
from section import Section, Table, able, median_text, raw_results, skipped_lines

ABOUT = """All clients connect as fast as one process can; every server sends the first line one
delay after it accepts, and that delay is taken off."""

DELAY = 1.0  # seconds; longer than the burst, so that accepting and sending do not mix


class Burst(NamedTuple):
    seconds: float


def run(setting):
    clients = setting.scale.burst
    pace = servers.Pace(servers.free_ports(), delay=DELAY, directory=setting.directory)
    competitors, missing = able([servers.endlessh(), servers.floor(), servers.ours("epoll"),
                                 servers.ours("asio"), servers.ours("uring")], setting)

    def measure(server):
        held = load.hold_at(server, pace, clients, rate=0, window=0)
        return Burst(held.first_line_s - DELAY)

    results = in_turn(competitors, measure, setting, missing)
    rows = [[name, median_text(values(results[name], "seconds"))] for name in results]
    what = f"{clients} clients connected and served a first line"
    bars = [
        bar_of_ratio(results, name, "endlessh", "seconds", what, 1.0, missing=missing)
        for name in ("epoll", "asio", "uring")]
    return Section("Connecting all at once", ABOUT,
                   [Table(f"{clients} clients", ["server", "seconds"], rows)], bars,
                   raw_results(results), skipped_lines(missing))
