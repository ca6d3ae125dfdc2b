"""The engine spin of both tools, which asks each socket in turn and never waits."""

import signal
import time

from harness import connect, read_line, read_poem, refused_port, run


def test_it_fetches_what_select_does_and_takes_a_processor_for_it(server, poem, fetch):
    port = server("-d", "150ms", poem(b"one\ntwo\nthree\n")).port
    result = fetch("-e", "select,spin", "--print", "ordered", port)
    waiting, spinning = result.report
    assert result.status == 0 and result.out == b"one\ntwo\nthree\n"
    assert [run["tasks"][0]["bytes"] for run in result.report] == [14, 14]
    assert spinning["wakeups"] > 100 * waiting["wakeups"]
    cpu = [run["cpu_user_s"] + run["cpu_system_s"] for run in result.report]
    assert cpu[1] > 3 * cpu[0]


def test_it_tells_a_refused_connection_and_the_end_of_time(server, fetch):
    port = server("-s", "0=discard").port
    with refused_port() as refused:
        result = fetch("-e", "spin", "--idle-timeout", "200ms", refused, port)
    assert [task["outcome"] for task in result.report["tasks"]] == ["connect", "idle-timeout"]


def test_it_runs_only_where_it_is_named():
    with refused_port() as port:
        result = run("poetry-get", "-e", "all", "-q", port)
    *_, last = result.err.splitlines()
    assert "Engine spin" not in result.err
    assert last == "spin, which takes a whole processor as it never waits, runs only where it is named."


def test_it_serves_each_line_in_its_time_beside_an_echo(server, poem):
    running = server("-e", "spin", "-s", f"0=poem:{poem(b'one' + bytes([10]) + b'two')},delay=150ms",
                     "-s", "0=echo", listeners=2)
    with connect(running.ports[1]) as echo:
        start = time.monotonic()
        assert read_poem(running.ports[0]) == b"one\ntwo"
        assert time.monotonic() - start >= 0.15
        echo.sendall(b"here\n")
        assert read_line(echo) == b"here\n"
    assert running.stop(signal.SIGTERM) == 0
