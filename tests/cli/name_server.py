"""A name server of the tests' own (RFC 1035), for a process whose resolv.conf names it."""

import errno
import socket
import struct
import threading

import pytest

from harness import becomes_true

ADDRESS = "127.0.0.153"  # and port 53, which resolv.conf cannot change
RESOLV_CONF = f"nameserver {ADDRESS}\noptions timeout:1 attempts:3\n"


class NameServer:
    """Answers each question for an IPv4 address by `answers[NAME]`, a list of addresses; for other
    names it says nothing at all."""

    def __init__(self, answers):
        self.answers = answers
        self.asked = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            assert becomes_true(self.bind), "another test has it"
        except PermissionError as error:
            self.socket.close()
            pytest.skip(f"no name server here: {error}")
        self.socket.settimeout(0.1)
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def bind(self):
        try:
            self.socket.bind((ADDRESS, 53))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
        return True

    def serve(self):
        while not self.over.is_set():
            try:
                query, peer = self.socket.recvfrom(512)
            except socket.timeout:
                continue
            labels, at = [], 12
            while query[at]:
                labels.append(query[at + 1:at + 1 + query[at]].decode())
                at += 1 + query[at]
            name = ".".join(labels)
            kind, = struct.unpack("!H", query[at + 1:at + 3])
            self.asked.append(name)
            if name not in self.answers:
                continue
            found = self.answers[name] if kind == 1 else []
            head = query[:2] + struct.pack("!5H", 0x8180, 1, len(found), 0, 0)
            told = b"".join(b"\xc0\x0c" + struct.pack("!2HIH", 1, 1, 0, 4) + socket.inet_aton(each)
                            for each in found)
            self.socket.sendto(head + query[12:at + 5] + told, peer)

    def close(self):
        self.over.set()
        self.thread.join()
        self.socket.close()
