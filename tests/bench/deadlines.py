"""How late deadlines fire: many tasks at once against servers that say nothing.

Prints a Markdown table: for each engine of poetry-get and each of its three
limits, by how many milliseconds tasks outlived that limit, as the JSON report
tells. POETRY_BIN names the folder of the tools.

usage: deadlines.py [TASKS [ENGINE...]]
"""

import contextlib
import json
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cli"))
from harness import ENGINES, tool, unanswering_port  # noqa: E402

LIMIT = 1.0  # seconds
TASKS = 1000
FEW = 5  # for `sequential`, which waits for them one after another
WAIT = 120  # seconds, far beyond what any run takes


@contextlib.contextmanager
def silent_port():
    """A port whose handshakes the kernel completes, and nobody accepts or says anything."""
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as listener:
        yield listener.getsockname()[1]


# Option, outcome that it ends with, the server, and the time from which it counts.
DEADLINES = [
    ("connect-timeout", "connect-timeout", unanswering_port, "started_s"),
    ("idle-timeout", "idle-timeout", silent_port, "connected_s"),
    ("timeout", "timeout", silent_port, "started_s"),
]


def lateness(engine, tasks, option, outcome, serve, since):
    """How long after its deadline each task ended, in ms, in ascending order."""
    with serve() as port, tempfile.NamedTemporaryFile() as report:
        subprocess.run(
            [tool("poetry-get"), "-q", "--print", "none", "-e", engine, "-n", str(tasks),
             "--report", "json", "--report-file", report.name, f"--{option}", str(LIMIT),
             str(port)], timeout=WAIT, check=False)
        results = json.load(report)["tasks"]
    wrong = [task for task in results if task["outcome"] != outcome]
    if wrong:
        sys.exit(f"{engine}: --{option}: not {outcome}: {wrong[0]}")
    return sorted(1000 * (task["ended_s"] - task[since] - LIMIT) for task in results)


def main():
    tasks = int(sys.argv[1]) if len(sys.argv) > 1 else TASKS
    print("| engine | tasks | deadline | p50 ms | p99 ms | max ms |")
    print("| --- | ---: | --- | ---: | ---: | ---: |")
    for engine in sys.argv[2:] or ENGINES:
        count = min(tasks, FEW) if engine == "sequential" else tasks
        for option, outcome, serve, since in DEADLINES:
            late = lateness(engine, count, option, outcome, serve, since)
            p50, p99 = late[len(late) // 2], late[len(late) * 99 // 100]
            print(f"| {engine} | {count} | {option} | {p50:.2f} | {p99:.2f} | {late[-1]:.2f} |",
                  flush=True)


if __name__ == "__main__":
    main()
