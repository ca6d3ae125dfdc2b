"""A server of short poems with asyncio: poem_asyncio.py PORT FILE."""

import asyncio
import sys
from pathlib import Path

POEM = Path(sys.argv[2]).read_bytes()


class Poem(asyncio.Protocol):
    def connection_made(self, transport):
        transport.write(POEM)
        transport.close()


async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Poem, "127.0.0.1", int(sys.argv[1]), backlog=4096)
    await server.serve_forever()


asyncio.run(main())
