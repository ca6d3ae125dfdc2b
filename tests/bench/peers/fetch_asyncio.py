"""A client with asyncio's streams, as documented: fetch_asyncio.py PORT COUNT PARALLEL.

With the deadlines that poetry-get has unless told: 10 s to connect, 60 s of silence.
"""

import asyncio
import sys
import time

from figures import print_figures

PORT, COUNT, PARALLEL = map(int, sys.argv[1:4])


async def fetch():
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
    count, ended = 0, False
    while not ended:
        async with asyncio.timeout(60):
            piece = await reader.read(65536)
        count, ended = count + len(piece), not piece
    writer.close()
    return count


async def fetch_in_turn(numbers, counted):
    """One of PARALLEL that share the work."""
    for _ in numbers:
        counted.append(await fetch())


async def main():
    numbers, counted = iter(range(COUNT)), []
    await asyncio.gather(*(fetch_in_turn(numbers, counted) for _ in range(min(PARALLEL, COUNT))))
    return counted


started, cpu_before = time.monotonic(), time.process_time()
print_figures(started, cpu_before, asyncio.run(main()))
