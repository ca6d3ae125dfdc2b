"""--tick: what falls due within one tick is served together, never early."""

import pytest

from harness import arrivals, never_early, read_poem

TICKING = ["asio", "select", "poll", "epoll"]
LINES = b"".join(b"line %02d\n" % i for i in range(20))


@pytest.mark.parametrize("engine", TICKING)
def test_lines_of_one_tick_go_together_and_none_early(server, poem, engine):
    running = server("-e", engine, "--tick", "500ms", "--delay", "10ms", poem(LINES))
    seen = arrivals(running.port)
    never_early(seen, [(8 * i + 1, i / 100) for i in range(20)])
    assert seen[-1][0] >= 0.2 and seen[-1][1] == len(LINES)
    assert len(seen) <= 4, "the first line, one tick or two of the others, the end"


def test_a_tick_longer_than_a_delay_is_warned_of(server, poem):
    running = server("--tick", "20ms", "--delay", "10ms", poem(b"a\nb\n", "short.txt"))
    assert read_poem(running.port) == b"a\nb\n"
    running.err.wait_for(r"warning.*--tick 20ms is longer than the delay of short\.txt, 10ms")


@pytest.mark.parametrize("delay", ["0", "20ms", "1s"])
def test_other_delays_are_not(server, poem, delay):
    running = server("--tick", "20ms", "--delay", delay, poem(b""))
    assert read_poem(running.port) == b""
    running.stop()
    assert "--tick" not in running.err.text()


def test_without_delay_no_tick_is_waited_for(server, poem):
    """A tick of an hour would be noticed."""
    big = b"x" * (8 << 20)
    assert read_poem(server("--tick", "1h", "--delay", "0", poem(big)).port) == big
