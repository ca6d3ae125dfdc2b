"""Where the figures were taken: machine, kernel and the versions of all that took part."""

import os
import platform
import subprocess
import time
from pathlib import Path

from processes import PROCESSORS
from servers import BIN, PACKAGES, ROOT


def said(*command):
    """The first line that a command prints; nothing where it cannot be run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    except OSError:
        return ""
    return done.stdout.partition("\n")[0].strip()


def field(path, name):
    for line in Path(path).read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return "unknown"


def described():
    versions = {name: said("dpkg-query", "-W", "-f", "${Version}", package)
                for name, package in PACKAGES.items()}
    distribution = dict(line.split("=", 1) for line in
                        Path("/etc/os-release").read_text().splitlines() if "=" in line)
    return {
        "date": time.strftime("%Y-%m-%d"),
        "slow-poetry": said(BIN / "poetry-server", "--version"),
        "commit": said("git", "-C", ROOT, "describe", "--always", "--dirty"),
        "processor": field("/proc/cpuinfo", "model name"),
        "processors": len(PROCESSORS),
        "memory": field("/proc/meminfo", "MemTotal"),
        "kernel": platform.release(),
        "distribution": distribution.get("PRETTY_NAME", "").strip('"'),
        "load average before": round(os.getloadavg()[0], 2),
        **{f"{name} version": version for name, version in versions.items() if version},
    }
