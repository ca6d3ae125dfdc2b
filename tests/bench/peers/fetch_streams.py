"""A client with asyncio's streams, as most would write it: fetch_streams.py PORT COUNT PARALLEL."""

import asyncio
import sys
import time

from figures import print_figures

PORT, COUNT, PARALLEL = map(int, sys.argv[1:4])


async def fetch():
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
    poem = await reader.read()
    writer.close()
    return len(poem)


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
