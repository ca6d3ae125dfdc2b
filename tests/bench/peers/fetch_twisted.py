"""A client with Twisted's endpoints, as documented: fetch_twisted.py PORT COUNT PARALLEL.

With the deadlines that poetry-get has unless told: 10 s to connect, 60 s of silence.
"""

import sys
import time

from figures import print_figures
from twisted.internet import defer, endpoints, protocol, reactor
from twisted.protocols.policies import TimeoutMixin

PORT, COUNT, PARALLEL = map(int, sys.argv[1:4])


class Fetch(protocol.Protocol, TimeoutMixin):
    def __init__(self):
        self.ended, self.bytes = defer.Deferred(), 0

    def connectionMade(self):
        self.setTimeout(60)

    def dataReceived(self, data):
        self.resetTimeout()
        self.bytes += len(data)

    def connectionLost(self, reason):
        self.setTimeout(None)
        self.ended.callback(self.bytes)


async def fetch_in_turn(server, numbers, counted):
    """One of PARALLEL that share the work."""
    for _ in numbers:
        fetch = await endpoints.connectProtocol(server, Fetch())
        counted.append(await fetch.ended)


async def fetch_all():
    server = endpoints.TCP4ClientEndpoint(reactor, "127.0.0.1", PORT, timeout=10)
    numbers = iter(range(COUNT))
    await defer.gatherResults([
        defer.ensureDeferred(fetch_in_turn(server, numbers, counted))
        for _ in range(min(PARALLEL, COUNT))])
    reactor.stop()


counted = []
started, cpu_before = time.monotonic(), time.process_time()
reactor.callWhenRunning(lambda: defer.ensureDeferred(fetch_all()))
reactor.run()
print_figures(started, cpu_before, counted)
