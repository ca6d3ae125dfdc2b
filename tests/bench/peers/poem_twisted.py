"""A server of short poems with Twisted: poem_twisted.py PORT FILE."""

import sys
from pathlib import Path

from twisted.internet import protocol, reactor

POEM = Path(sys.argv[2]).read_bytes()


class Poem(protocol.Protocol):
    def connectionMade(self):
        self.transport.write(POEM)
        self.transport.loseConnection()


reactor.listenTCP(int(sys.argv[1]), protocol.Factory.forProtocol(Poem), backlog=4096,
                  interface="127.0.0.1")
reactor.run()
