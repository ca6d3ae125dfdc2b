"""A client with Twisted's older factories: fetch_factory.py PORT COUNT PARALLEL.

They cost less than endpoints, and it has no deadline but for connecting.
"""

import sys
import time

from figures import print_figures
from twisted.internet import protocol, reactor

PORT, COUNT, PARALLEL = map(int, sys.argv[1:4])
counted = []


class Fetch(protocol.Protocol):
    def connectionMade(self):
        self.bytes = 0

    def dataReceived(self, data):
        self.bytes += len(data)

    def connectionLost(self, reason):
        next_after(self.bytes)


class Fetches(protocol.ClientFactory):
    protocol = Fetch
    noisy = False

    def clientConnectionFailed(self, connector, reason):
        next_after(0)


factory = Fetches()
numbers = iter(range(COUNT))


def start_next():
    if next(numbers, None) is not None:
        reactor.connectTCP("127.0.0.1", PORT, factory)


def next_after(count):
    counted.append(count)
    if len(counted) == COUNT:
        reactor.stop()
    else:
        start_next()


started, cpu_before = time.monotonic(), time.process_time()
for _ in range(min(PARALLEL, COUNT)):
    reactor.callWhenRunning(start_next)
reactor.run()
print_figures(started, cpu_before, counted)
