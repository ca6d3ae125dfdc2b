"""A client with asyncio's protocols: fetch_protocols.py PORT COUNT PARALLEL.

They cost less than streams, and it has no deadlines.
"""

import asyncio
import sys
import time

from figures import print_figures

PORT, COUNT, PARALLEL = map(int, sys.argv[1:4])


class Fetch(asyncio.Protocol):
    def __init__(self, ended):
        self.ended, self.bytes = ended, 0

    def data_received(self, data):
        self.bytes += len(data)

    def connection_lost(self, _):
        self.ended.set_result(self.bytes)


async def fetch_in_turn(loop, numbers, counted):
    """One of PARALLEL that share the work."""
    for _ in numbers:
        ended = loop.create_future()
        await loop.create_connection(lambda: Fetch(ended), "127.0.0.1", PORT)  # noqa: B023
        counted.append(await ended)


async def main():
    loop, numbers, counted = asyncio.get_running_loop(), iter(range(COUNT)), []
    await asyncio.gather(*(fetch_in_turn(loop, numbers, counted)
                           for _ in range(min(PARALLEL, COUNT))))
    return counted


started, cpu_before = time.monotonic(), time.process_time()
print_figures(started, cpu_before, asyncio.run(main()))
