"""Many slow poems at once: what the clients that fetch them add to the time and take of the CPU."""

import fetching
import servers
from ratios import bar_of_ratio, in_turn, ratio, values, yardstick
from section import (Section, Table, able, median_text, raw_results, skipped_lines, spread_text)

ABOUT = """Each client fetches all poems at once, from a server of four lines and one delay before
each, on the other processor. The floor is a raw epoll loop. CPU of ours is that of the whole
process, of the frameworks that of the work without the interpreter's start."""

LINES = 4


def run(setting):
    scale = setting.scale
    port = servers.free_ports()
    competitors, missing = able([
        fetching.floor(),
        *(fetching.ours(each) for each in ("epoll", "select", "asio", "uring")),
        *fetching.frameworks()], setting)
    command = [servers.bench_program("paced-floor"), port, f"{scale.task_delay:f}", "1ms", LINES]
    with servers.serving(command, port):
        results = in_turn(competitors, lambda each: each.fetch(port, scale.tasks, scale.tasks),
                          setting, missing)
    against = yardstick(results, "floor")
    rows = [[name, median_text(values(runs, "elapsed_s")), median_text(values(runs, "cpu_s")),
             spread_text(ratio(results, name, against, "elapsed_s")),
             spread_text(ratio(results, name, against, "cpu_s"))]
            for name, runs in results.items()]
    heading = f"{scale.tasks} tasks of {LINES * scale.task_delay:g} s"
    bars = [bar_of_ratio(results, name, "floor", "elapsed_s", f"client, {heading}, elapsed", 1.05,
                         missing=missing) for name in ("epoll", "select", "asio", "uring")]
    bars += [bar_of_ratio(results, name, "twisted", "cpu_s", f"client, {heading}, CPU", 0.22,
                          missing=missing) for name in ("epoll", "select", "asio", "uring")]
    table = Table(heading, ["client", "elapsed s", "CPU s", f"elapsed against {against}",
                            f"CPU against {against}"], rows)
    return Section("Slow poems fetched at once", ABOUT, [table], bars, raw_results(results),
                   skipped_lines(missing))
