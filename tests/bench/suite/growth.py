"""How cost grows with clients, workers, tasks, delays and ports."""

import fetching
import load
import servers
from fleet import WORKERS, hold_with_workers, workers
from processes import Failed
from ratios import values
from section import Section, Table, able, median_text, number, skipped_lines

ABOUT = """One figure that stays level down a column is a cost that grows as the work does. Each is
the median of the rounds."""

MEMBERS = [("cpu_us", "CPU µs a line"), ("p99_ms", "p99 ms"), ("bytes_a_client", "bytes a client")]


def held_rows(setting, engines, points, measure):
    """A row for each engine and point, and every figure of it."""
    rows, raw = [], {}
    for engine in engines:
        for point in points:
            setting.say(f"  {engine.name}: {point}")
            try:
                runs = [measure(engine, point) for _ in range(min(setting.scale.pairs, 3))]
            except Failed as failure:
                rows.append([f"{engine.name}, {point_text(point)}", str(failure)])
                continue
            rows.append([f"{engine.name}, {point_text(point)}",
                         *(median_text(values(runs, each)) for each, _ in MEMBERS)])
            raw[f"{engine.name} {point_text(point)}"] = [each._asdict() for each in runs]
    return rows, raw


def point_text(point):
    return f"{point[0]:g} s × {point[1]}" if isinstance(point, tuple) else str(point)


def held_table(heading, rows):
    return Table(heading, ["", *(title for _, title in MEMBERS)], rows)


def by_clients(setting, engines, pace):
    return held_rows(setting, engines, setting.scale.grow_clients,
                     lambda each, clients: load.hold_at(each, pace, clients,
                                                        window=setting.scale.window))


def by_fleet(setting, engines, pace):
    return held_rows(setting, engines, setting.scale.grow_fleet,
                     lambda each, clients: hold_with_workers(each, pace, clients,
                                                             setting.scale.window))


def by_delay(setting, engines, pace):
    def measure(server, point):
        delay, clients = point
        return load.hold_at(server, pace._replace(delay=delay), clients,
                            window=setting.scale.window)

    return held_rows(setting, engines, setting.scale.grow_delays, measure)


def by_ports(setting, engines, pace):
    clients = setting.scale.clients[0]
    return held_rows(setting, engines, setting.scale.grow_ports,
                     lambda each, ports: load.hold_at(each, pace._replace(ports=ports), clients,
                                                      window=setting.scale.window))


def by_tasks(setting, clients):
    """Poems of four lines; CPU a task is that of the whole process, its start included."""
    port, scale, rows, raw = servers.free_ports(), setting.scale, [], {}
    command = [servers.bench_program("paced-floor"), port, f"{scale.task_delay:f}", "1ms", 4]
    with servers.serving(command, port):
        for client in clients:
            for tasks in scale.grow_tasks:
                setting.say(f"  {client.name}: {tasks} tasks")
                runs = [client.fetch(port, tasks, tasks) for _ in range(min(scale.pairs, 3))]
                rows.append([f"{client.name}, {tasks}", median_text(values(runs, "elapsed_s")),
                             number(1e6 * min(values(runs, "cpu_s")) / tasks)])
                raw[f"{client.name} {tasks}"] = [each._asdict() for each in runs]
    heading = f"Tasks in the client, {4 * scale.task_delay:g} s each"
    return Table(heading, ["", "elapsed s", "CPU µs a task"], rows), raw


def run(setting):
    ports = max(setting.scale.grow_ports)
    pace = servers.Pace(servers.free_ports(ports), directory=setting.directory)
    engines, missing = able([servers.ours(each) for each in setting.scale.grow_engines], setting)
    fleets, missing_fleets = able([workers(each) for each in setting.scale.grow_engines], setting)
    clients, missing_clients = able([fetching.ours(each)
                                     for each in ("epoll", "select", "asio", "uring")], setting)
    tables, raw = [], {}
    for heading, measure, servers_of_ours in (
            ("Clients in one process", by_clients, engines),
            (f"Clients over {WORKERS} workers", by_fleet, fleets),
            ("Delay and clients", by_delay, engines),
            (f"Ports, {setting.scale.clients[0]} clients in all", by_ports, engines[:1])):
        setting.say(heading)
        rows, raw[heading] = measure(setting, servers_of_ours, pace)
        tables.append(held_table(heading, rows))
    setting.say("Tasks")
    table, raw["tasks"] = by_tasks(setting, clients)
    return Section("How cost grows", ABOUT, [*tables, table], [], raw,
                   skipped_lines({**missing, **missing_fleets, **missing_clients}))
