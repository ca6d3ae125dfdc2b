"""Short poems without a delay: how many a second a client fetches."""

import time

import fetching
import poems
import servers
from processes import LOAD, run_to_end
from ratios import bar_of_ratio, in_turn, ratio, values, yardstick
from section import (Section, Table, able, median_text, raw_results, skipped_lines, spread_text)

ABOUT = """3 KB poems from a raw epoll server on the other processor, as many in flight as its
backlog can hold. The floor throws bytes away, poetry-get counts them and lines, and its time has its
start in it, as curl's. asyncio uses streams and Twisted endpoints, as their documentation shows, with
the deadlines that poetry-get has; protocols and factories are their leaner ways, without. curl has at
most 300 in flight; it speaks Gopher, the barest of its protocols, and gets its poems from
poetry-server, since the raw server does not read what clients send."""

PARALLEL = 4000  # beyond 4,096 the kernel may drop a handshake, which then takes a second
POEM = (b"x" * 59 + b"\n") * 50
OURS = ("epoll", "select", "asio", "uring")


def curl(own_port, directory):
    """From `own_port`; its time includes the start of the process."""
    def fetch(_, count, parallel):
        config = directory / "curl.conf"
        config.write_text(f'url = "gopher://127.0.0.1:{own_port}/0[1-{count}]"\n'
                          'output = "/dev/null"\n')
        started = time.monotonic()
        _, cpu_s = run_to_end(["curl", "--no-progress-meter", "-K", config,
                               "-Z", "--parallel-max", min(parallel, 300)], LOAD)
        elapsed = time.monotonic() - started
        return fetching.Fetched(elapsed, cpu_s, count / elapsed)

    return fetching.Client("curl", fetch, servers.why_missing("curl"))


def bars_of(results, missing):
    bars = []
    for name, at_least in (("epoll", 1.0), ("select", 1.0), ("asio", 0.8), ("uring", 1.0)):
        bars.append(bar_of_ratio(results, name, "floor", "a_second", "zero-delay fetches a second",
                                 at_least, at_least=True, missing=missing))
    for against, at_least in (("asyncio", 9), ("twisted", 5)):
        bars.append(bar_of_ratio(results, "epoll", against, "a_second",
                                 "zero-delay fetches a second", at_least, at_least=True,
                                 missing=missing))
    return bars


def run(setting):
    scale = setting.scale
    port = servers.free_ports(2)
    competitors, missing = able([
        fetching.floor(), *(fetching.ours(each) for each in OURS),
        *fetching.frameworks(), curl(port + 1, setting.directory)], setting)
    poem = setting.directory / "poem.txt"
    poem.write_bytes(POEM)
    polite = poems.ours("epoll").command(port + 1, poem)
    with servers.serving([servers.bench_program("poem-floor"), port, poem], port), \
            servers.serving(polite, port + 1):
        results = in_turn(competitors, lambda each: each.fetch(port, scale.fetches, PARALLEL),
                          setting, missing)
    against = yardstick(results, "floor")
    rows = [[name, median_text(values(runs, "a_second")),
             median_text(1e6 * each.cpu_s / scale.fetches for each in runs),
             spread_text(ratio(results, name, against, "a_second"))]
            for name, runs in results.items()]
    table = Table(f"{scale.fetches} fetches", ["client", "a second", "CPU µs each",
                                               f"a second against {against}"], rows)
    return Section("Short poems fetched", ABOUT, [table], bars_of(results, missing),
                   raw_results(results), skipped_lines(missing))
