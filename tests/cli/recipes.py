"""The commands of a page, as a reader types them: in its order, in one shell, with what they print."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time

from harness import ROOT, WAIT, WITH_TOOLS, Lines

# A network of its own, so that the pages' ports are free and a low one may be bound.
OWN_NETWORK = ["unshare", "--map-root-user", "--net", sys.executable, "-c", """
import fcntl, os, socket, struct, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any:
    fcntl.ioctl(any, 0x8914, struct.pack("16sh14x", b"lo", 1 | 64))  # SIOCSIFFLAGS: up, running
os.execvp(sys.argv[1], sys.argv[1:])"""]


def has_own_network():
    return not subprocess.run([*OWN_NETWORK, "true"], capture_output=True, timeout=WAIT).returncode


def commands_of(text):
    """[(command, the lines it prints)] of ```console blocks: "$ " begins a command, "> " goes on."""
    found = []
    for block in re.findall(r"^```console\n(.*?)^```$", text, re.M | re.S):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append([line[2:], []])
            elif line.startswith("> ") and not found[-1][1]:
                found[-1][0] += "\n" + line[2:]
            else:
                found[-1][1].append(line)
    return found


def pattern_of(line):
    """What is another on another day stands for whatever it is then: times, and figures with a point."""
    day = r"\d\d/\w{3}/\d{4}:[\d:]+ [+-]\d{4}"
    if re.search(day, line):
        return day.join(map(re.escape, re.split(day, line)))
    pattern = re.sub(r"\d+\\\.\d+|\d+(?=\\ milliseconds)", r"[\\d.]+", re.escape(line))
    pattern = re.sub(r"descriptor\\ \d+", r"descriptor\\ \\d+", pattern)
    return re.sub(r"(?:\\? )+", " +", pattern)


class Shell:
    """bash, in a folder and a network of its own, with the tools in its PATH."""

    def __init__(self, folder, prefix=()):
        for each in ("poems", "build"):
            if (ROOT / each).exists() and not (folder / each).exists():
                (folder / each).symlink_to(ROOT / each)
        # Whose tools are tested stands behind what a page puts in front.
        environment = {**WITH_TOOLS, "HOME": str(folder), "LC_ALL": "C.UTF-8",
                       "TOOLS": WITH_TOOLS["PATH"]}
        for name in ("XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "NO_COLOR"):
            environment.pop(name, None)
        self.process = subprocess.Popen(
            [*prefix, shutil.which("bash"), "--norc"], cwd=folder, env=environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True)
        self.lines = Lines(self.process.stdout)
        self.number = 0

    def run(self, command, expected):
        """Its status, and what is printed until all that is expected is there."""
        self.number += 1
        begin = len(self.lines.lines)
        mark = f"<{self.number}> done"
        # What pages put in front of PATH is not what is tested.
        script = f'{command}\nprintf "\\n<{self.number}> done %d\\n" "$?"; PATH=$TOOLS\n'
        self.process.stdin.write(script.encode())
        self.process.stdin.flush()
        status = int(self.lines.wait_for(f"^{mark} ")[0].split()[-1])
        deadline = time.monotonic() + WAIT
        while True:
            printed = [line.rstrip("\r") for line in self.lines.lines[begin:]
                       if line and not line.startswith(mark)]
            missing = first_missing(expected, printed)
            starts = command.endswith("&") and not command.startswith("poetry-get")
            if starts and not any(each.startswith("listening") for each in printed):
                missing = missing or "listening"  # whoever types the next command sees it by then
            if missing is None or time.monotonic() > deadline:
                return status, printed, missing
            time.sleep(0.02)

    def end(self):
        self.process.stdin.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(WAIT)
        self.lines.thread.join(WAIT)
        self.lines.pipe.close()


def first_missing(expected, printed):
    """The first line that is not printed, behind those before it; "..." stands for any lines."""
    at = 0
    for line in expected:
        if line.strip() in ("", "..."):
            continue
        pattern = re.compile(pattern_of(line))
        while at < len(printed) and not pattern.fullmatch(printed[at]):
            at += 1
        if at == len(printed):
            return line
        at += 1
    return None
