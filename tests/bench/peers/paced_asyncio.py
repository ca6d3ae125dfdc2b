"""A paced server with asyncio: paced_asyncio.py PORT DELAY LINE.

A protocol and call_at, which cost less than a coroutine and its sleep for each client.
"""

import asyncio
import sys

PORT, DELAY, LINE = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3].encode() + b"\n"


class Paced(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
        self.loop = asyncio.get_running_loop()
        self.due = self.loop.time() + DELAY
        self.timer = self.loop.call_at(self.due, self.send_line)

    def send_line(self):
        self.transport.write(LINE)
        self.due += DELAY
        self.timer = self.loop.call_at(self.due, self.send_line)

    def connection_lost(self, _):
        self.timer.cancel()


async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Paced, "127.0.0.1", PORT, backlog=4096)
    await server.serve_forever()


asyncio.run(main())
