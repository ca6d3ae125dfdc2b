"""What a client of these peers prints at its end."""

import json
import time


def print_figures(started, cpu_before, counted):
    """`counted` is the bytes of every poem. Processor time without the interpreter's start."""
    print(json.dumps({
        "elapsed_s": time.monotonic() - started, "cpu_s": time.process_time() - cpu_before,
        "bytes": sum(counted), "failed": sum(each == 0 for each in counted)}))
