"""A paced server with Twisted: paced_twisted.py PORT DELAY LINE."""

import sys

from twisted.internet import protocol, reactor

PORT, DELAY, LINE = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3].encode() + b"\n"


class Paced(protocol.Protocol):
    def connectionMade(self):
        self.due = reactor.seconds() + DELAY
        self.timer = reactor.callLater(DELAY, self.send_line)

    def send_line(self):
        self.transport.write(LINE)
        self.due += DELAY
        self.timer = reactor.callLater(max(0, self.due - reactor.seconds()), self.send_line)

    def connectionLost(self, reason):
        self.timer.cancel()


reactor.listenTCP(PORT, protocol.Factory.forProtocol(Paced), backlog=4096, interface="127.0.0.1")
reactor.run()
