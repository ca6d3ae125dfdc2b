"""A tool on a terminal of its own (pty(7)), and what is on its screen."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import threading

from harness import WAIT, tool


class Terminal:
    """Runs a tool whose standard error, and output unless it goes elsewhere, is a terminal."""

    def __init__(self, *command, columns=80, lines=24, stdout=None, env=None):
        self.master, slave = pty.openpty()
        self.resize(columns, lines)
        variables = {name: value for name, value in os.environ.items()
                     if name not in ("NO_COLOR", "COLUMNS")}
        self.process = subprocess.Popen(
            [command[0] if command[0].startswith("/") else tool(command[0]),
             *map(str, command[1:])],
            stdin=slave, stdout=slave if stdout is None else stdout, stderr=slave,
            start_new_session=True, preexec_fn=lambda: fcntl.ioctl(2, termios.TIOCSCTTY, 0),
            env={**variables, "TERM": "xterm", **(env or {})})
        os.close(slave)
        self.written = b""
        self.ended = False
        self.changed = threading.Condition()
        self.thread = threading.Thread(target=self.collect, daemon=True)
        self.thread.start()

    def collect(self):
        while True:
            try:
                piece = os.read(self.master, 1 << 16)
            except OSError:  # the last process that had it open is gone
                piece = b""
            with self.changed:
                self.written += piece
                self.ended = not piece
                self.changed.notify_all()
            if not piece:
                return

    def resize(self, columns, lines=24):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def wait_for(self, pattern, after=0):
        """The first match behind that many bytes, once it is written."""
        def find():
            return re.search(pattern, self.written[after:].decode(errors="replace"))

        with self.changed:
            self.changed.wait_for(lambda: find() or self.ended, WAIT)
            assert find(), f"no {pattern!r} in {self.written[after:]!r}"
            return find()

    def send(self, number):
        self.process.send_signal(number)

    def wait(self):
        """The exit status, once all has been read."""
        status = self.process.wait(WAIT)
        self.thread.join(WAIT)
        return status

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.thread.join(WAIT)
        os.close(self.master)

    def text(self):
        return self.written.decode(errors="replace")

    def screen(self):
        """The lines that are left, as a terminal shows them that is as long as it needs."""
        lines, row, column = [""], 0, 0
        for token in re.findall(r"\x1b\[[0-9;]*[A-Za-z]|[^\x1b]", self.text()):
            if token in ("\r", "\x1b[H"):
                column = 0
            elif token == "\n":
                row += 1
                lines += [""] * (row + 1 - len(lines))
            elif token == "\x1b[K":
                lines[row] = lines[row][:column]
            elif token == "\x1b[J":
                lines[row:] = [lines[row][:column]]
            elif token == "\x1b[2J":
                lines, row = [""], 0
            elif token.endswith("A"):
                row = max(0, row - int(token[2:-1]))
            elif not token.startswith("\x1b"):
                line = lines[row].ljust(column)
                lines[row] = line[:column] + token + line[column + 1:]
                column += 1
        return lines
