"""How much each measure does: all of it, or enough to see that nothing is badly wrong."""

from typing import NamedTuple, Tuple


class Scale(NamedTuple):
    pairs: int  # rounds of each comparison
    window: float  # seconds that a held load is measured for
    clients: Tuple[int, ...]  # held by one process
    fleet: int  # held by four workers
    burst: int  # clients that connect all at once
    stream: int  # bytes to one client
    poems: int  # short ones, to a server's clients
    tasks: int  # of a client
    task_delay: float  # seconds a line, of four
    fetches: int  # without a delay
    streams: int  # of events, open at once
    stopped: int  # streams that are open at a stop
    million: int  # clients of one server
    million_delay: float  # seconds a line of theirs
    million_rate: int  # of them connect a second
    million_drain: float  # seconds
    grow_engines: Tuple[str, ...]
    grow_clients: Tuple[int, ...]
    grow_fleet: Tuple[int, ...]
    grow_tasks: Tuple[int, ...]
    grow_delays: Tuple[Tuple[float, int], ...]  # (seconds, clients)
    grow_ports: Tuple[int, ...]


FULL = Scale(
    pairs=5, window=4, clients=(10000, 19000), fleet=60000, burst=10000, stream=1 << 30,
    poems=60000, tasks=10000, task_delay=1, fetches=20000,
    streams=5000, stopped=1000, million=1000000, million_delay=60, million_rate=6000,
    million_drain=10,
    grow_engines=("epoll", "asio", "uring"), grow_clients=(1000, 3000, 10000, 19000),
    grow_fleet=(30000, 60000), grow_tasks=(1, 10, 100, 1000, 10000),
    grow_delays=((0.001, 10), (0.01, 100), (0.1, 1000), (1, 10000), (10, 19000)),
    grow_ports=(1, 3, 10, 30, 100))

QUICK = Scale(
    pairs=1, window=2, clients=(2000,), fleet=8000, burst=2000, stream=1 << 28,
    poems=10000, tasks=1000, task_delay=0.25, fetches=5000,
    streams=1000, stopped=300, million=30000, million_delay=2, million_rate=6000,
    million_drain=2,
    grow_engines=("epoll",), grow_clients=(300, 3000), grow_fleet=(4000,), grow_tasks=(10, 1000),
    grow_delays=((0.001, 3), (0.1, 300)), grow_ports=(1, 10))
