"""What a real browser makes of a file: its picture's pixels, and what a script finds in it."""

import os
import shutil
import signal
import struct
import subprocess
import tempfile
import zlib

from harness import WAIT

CHROMIUM = next(filter(None, map(shutil.which, (
    "chromium-headless-shell", "chromium", "chromium-browser"))), None)


def chromium(*arguments):
    """Runs it without a window, without the network, and to its end; what it printed."""
    with tempfile.TemporaryDirectory() as profile:
        browser = subprocess.Popen(
            [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
             "--no-first-run", "--disable-background-networking", "--disable-component-update",
             "--disable-sync", "--hide-scrollbars", "--proxy-server=127.0.0.1:9",
             f"--user-data-dir={profile}", *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            out, _ = browser.communicate(timeout=3 * WAIT)
        finally:
            try:
                os.killpg(browser.pid, signal.SIGKILL)  # what it started is ours as well
            except ProcessLookupError:
                pass
            browser.wait()
    assert browser.returncode == 0
    return out.decode()


def pixels(png):
    """The rows of (red, green, blue) of a PNG with 8 bits a channel (ISO/IEC 15948)."""
    data, at, packed = png.read_bytes(), 8, b""
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IHDR":
            width, height, depth, colours = struct.unpack_from(">IIBB", data, at + 8)
        if kind == b"IDAT":
            packed += data[at + 8:at + 8 + size]
        at += size + 12
    assert depth == 8 and colours in (2, 6)
    channels = 3 if colours == 2 else 4
    raw, stride = zlib.decompress(packed), width * channels
    rows, above = [], bytearray(stride)
    for y in range(height):
        kind, *row = raw[y * (stride + 1):(y + 1) * (stride + 1)]
        row = unfiltered(kind, bytearray(row), above, channels)
        rows.append([tuple(row[x:x + 3]) for x in range(0, stride, channels)])
        above = row
    return rows


def unfiltered(kind, row, above, channels):
    for x in range(len(row)):
        left = row[x - channels] if x >= channels else 0
        corner = above[x - channels] if x >= channels else 0
        if kind == 1:
            guess = left
        elif kind == 2:
            guess = above[x]
        elif kind == 3:
            guess = (left + above[x]) // 2
        elif kind == 4:
            estimate = left + above[x] - corner
            guess = min((left, above[x], corner), key=lambda each: abs(estimate - each))
        else:
            guess = 0
        row[x] = (row[x] + guess) & 255
    return row
