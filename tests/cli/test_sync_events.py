"""The events that poetry-sync tells its pages: from the beginning, and on from where they were."""

import os
import signal

import pytest

from harness import becomes_true, replying
from sync_server import Events


def test_events_begin_with_all_records_and_go_on_with_changes(sync, started):
    server = sync()
    first = server.add(1)
    events = started(Events, server.page).begin()
    assert events.head[0] == "HTTP/1.1 200 OK"
    assert {"Content-Type: text/event-stream", "Cache-Control: no-store",
            "X-Accel-Buffering: no"} <= set(events.head)
    begun = events.next()
    assert begun.kind == "records" and [each["id"] for each in begun.data] == [first]
    second = server.add(2)
    added = events.next()
    assert (added.kind, added.data["id"], added.data["job"]) == ("record", second, None)
    server.ask("DELETE", f"/api/records/{first}")
    removed = events.next()
    assert (removed.kind, removed.data) == ("removed", {"id": first})


def test_a_stream_that_comes_back_loses_and_doubles_nothing(sync, started):
    server = sync()
    events = started(Events, server.page).begin()
    seen = [events.next()]
    for number in range(1, 31):
        server.add(number)
        if number % 7 == 0:  # the connection is lost, with some events unread
            events.close()
            events = started(Events, server.page, last=seen[-1].id).begin()
        if number % 3 == 0:
            seen.append(events.next())
    seen += events.until(lambda event: event.kind == "record" and event.data["id"] == 30)
    assert [each.kind for each in seen] == ["records"] + ["record"] * 30
    assert [each.data["id"] for each in seen[1:]] == list(range(1, 31))
    assert len({each.id for each in seen}) == 31


@pytest.mark.parametrize("last", ["x", "1-1", "99999999999999999999-1", "-", "EPOCH-999",
                                  "EPOCH-18446744073709551615", "EPOCH-x", "EPOCH-"])
def test_an_unknown_event_id_begins_anew(sync, started, last):
    server = sync()
    server.add(1)
    begun = started(Events, server.page).begin().next()
    last = last.replace("EPOCH", begun.id.split("-")[0])
    again = started(Events, server.page, last=last).begin().next()
    assert (again.kind, again.data) == ("records", begun.data)


def test_a_restarted_server_begins_anew(sync, started):
    server = sync()
    server.add(1)
    events = started(Events, server.page).begin()
    last = events.next().id
    os.kill(server.pid, signal.SIGKILL)
    assert events.next() is None, "the page sees the end"
    server.wait()
    again = started(Events, sync().page, last=last).begin().next()
    assert (again.kind, [each["id"] for each in again.data]) == ("records", [1])


def test_many_streams_and_a_slow_reader_disturb_nobody(sync, started):
    server = sync()
    slow = started(Events, server.page, receive_buffer=4096)  # and never reads
    streams = [started(Events, server.page).begin() for _ in range(40)]
    names = ["n" * 190 + str(number) for number in range(60)]
    for number, name in enumerate(names, 1):
        made = server.json("POST", "/api/records",
                           {"type": "poem", "address": str(number), "name": name})
        assert made.status == 201
    for stream in streams:
        seen = stream.until(lambda event: event.kind == "record" and event.data["id"] == 60)
        assert [event.data["id"] for event in seen[1:]] == list(range(1, 61))
    assert server.ask("GET", "/healthz").status == 200
    slow.begin()
    assert slow.until(lambda event: event.kind == "record" and event.data["id"] == 60)


def test_more_streams_than_allowed_are_told_so(sync, started):
    server = sync("--max-streams", "2")
    streams = [started(Events, server.page).begin() for _ in range(2)]
    assert all(stream.next() for stream in streams)
    refused = server.ask("GET", "/events")
    assert (refused.status, refused.json["title"]) == (503, "Too many streams")
    streams[0].close()
    assert becomes_true(lambda: b"poetry_sync_streams 1\n" in server.ask("GET", "/metrics").body)
    assert started(Events, server.page).begin().head[0] == "HTTP/1.1 200 OK"


def test_a_page_alone_tells_what_a_worker_does(sync, started, peer):
    page = sync(command="web")
    worker = sync(command="worker")
    events = started(Events, page.page).begin()
    record = page.add(peer(replying(b"Rise like Lions\n")).port)
    job = page.press(record)
    seen = events.until(lambda event: event.kind == "record" and event.data["job"]
                        and event.data["job"]["state"] == "done")
    assert seen[-1].data["job"]["id"] == job and worker.process.poll() is None


def test_a_silent_stream_beats(sync, started):
    events = started(Events, sync().page).begin()
    assert events.next().kind == "records"
    beat = [events.file.readline() for _ in range(3)]  # within the helper's limit of time
    assert beat == [b"event: heartbeat\n", b"data: {}\n", b"\n"], "and no id"


def test_streams_end_with_the_server(sync, started):
    server = sync()
    streams = [started(Events, server.page).begin() for _ in range(100)]
    assert all(stream.next() for stream in streams)
    assert server.stop() == 0
    assert [stream.next() for stream in streams] == [None] * 100
