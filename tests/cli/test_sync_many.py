"""Many records at once: presses of all or some, searches, pages of a list, parts of a collection."""

import hashlib
import json

import pytest

from harness import Server, replying, silent

POEMS = [b"Rise like Lions after slumber\n", b"In unvanquishable number\n"]


def ids(answer):
    assert answer.status == 200
    return [each["id"] for each in answer.json]


def test_some_or_all_are_pressed_in_one_request(sync, peer):
    server = sync(command="web")
    records = [server.add(number) for number in range(1, 5)]
    before = server.press(records[1])
    some = server.json("POST", "/api/jobs", {"records": [records[2], records[1], records[2]]})
    assert some.status == 202
    assert [(each["record"], each["new"]) for each in some.json] == [
        (records[1], False), (records[2], True)]
    assert some.json[0]["job"] == before
    assert server.state_of(some.json[1]["job"]) == "queued"
    refused = server.json("POST", "/api/jobs", {"records": [records[3], 99]})
    assert (refused.status, refused.json["detail"]) == (404, "no record 99")
    assert len(server.ask("GET", "/api/jobs").json) == 2, "all or nothing"
    every = server.json("POST", "/api/jobs", {"all": True})
    assert [(each["record"], each["new"]) for each in every.json] == list(
        zip(records, [True, False, False, True]))
    assert server.json("POST", "/api/jobs", {"records": []}).json == []


def test_twenty_thousand_ids_fit_into_a_request(sync):
    server = sync(command="web")
    record = server.add(1)
    sent = json.dumps({"records": [record] + [10**18 + each for each in range(20_000)]})
    answer = server.ask("POST", "/api/jobs", sent, Content_Type="application/json")
    assert (answer.status, answer.json["detail"]) == (404, f"no record {10**18}")


def test_records_are_searched_by_text_and_state(sync, peer):
    server = sync()
    names = ["Ozymandias", "ozymandias again", "100%", "a_b", "axb"]
    made = [server.json("POST", "/api/records", {
        "type": "poem", "address": str(peer(silent).port), "name": name}).json for name in names]
    oz, again, percent, under, other = [each["id"] for each in made]
    job = server.press(again)
    server.wait_for(job, "running")

    def found(query):
        return ids(server.ask("GET", f"/api/records?{query}"))

    assert found("q=OZYM") == [oz, again]
    assert found("q=%25") == [percent] and found("q=A_B") == [under]
    assert found("q=as+again") == found("q=as%20again") == [again]
    assert found("q=" + made[4]["address"].partition(":")[2]) == [other]
    assert found("state=running") == [again] and found("q=oz&state=new") == [oz]
    assert found("state=") == found("q=") == [oz, again, percent, under, other]
    assert found("limit=2") == [oz, again] and found(f"limit=2&after={again}") == [percent, under]
    assert server.ask("GET", "/api/records?q=again").json == [
        server.ask("GET", f"/api/records/{again}").json]


@pytest.mark.parametrize("query", ["state=lost", "limit=0", "limit=501", "limit=x", "after=-1",
                                   "after=x", "q=%ff", "q=%00", "q=a%c3"])
def test_bad_searches(sync, query):
    answer = sync().ask("GET", f"/api/records?{query}")
    assert (answer.status, answer.json["title"]) == (400, "Bad query")


def test_parts_of_a_collection(sync, started, poem):
    poems = [poem(text, f"{number}.txt") for number, text in enumerate(POEMS)]
    served = started(Server, *(word for each in poems for word in ("--serve", f"0=poem:{each}")),
                     "--serve", "0=catalog", "--delay", "0")
    server = sync()
    record = server.add(served.ports[-1], "collection")
    assert server.ask("GET", f"/api/records/{record}/parts").json == []
    job = server.press(record)
    server.wait_for(job, "done")
    parts = server.ask("GET", f"/api/records/{record}/parts").json
    assert all(each.pop("name") for each in parts) and parts == [
        {"number": number, "address": f"127.0.0.1:{served.ports[number]}", "bytes": len(text),
         "complete": True, "expected": len(text), "sha256": hashlib.sha256(text).hexdigest()}
        for number, text in enumerate(POEMS)]
    for number, text in enumerate(POEMS):
        answer = server.ask("GET", f"/api/records/{record}/text?part={number}")
        assert (answer.status, answer.body) == (200, text)
    assert server.ask("GET", f"/api/records/{record}/text").body == b"".join(POEMS)
    assert server.ask("GET", f"/api/records/{record}/text?part=2").status == 404
    assert server.ask("GET", f"/api/records/{record}/text?part=x").status == 400
    assert server.ask("GET", "/api/records/99/parts").status == 404


def test_lines_of_a_log_that_contain_a_text(sync, peer):
    server = sync()
    job = server.press(server.add(peer(replying(b"".join(POEMS))).port))
    server.wait_for(job, "done")
    log = server.ask("GET", f"/api/jobs/{job}/log").json
    wanted = [line for line in log if "number" in line["text"].lower()]
    assert 0 < len(wanted) < len(log)
    assert server.ask("GET", f"/api/jobs/{job}/log?q=NUMBER").json == wanted
    last = wanted[-1]["number"]
    assert server.ask("GET", f"/api/jobs/{job}/log?q=number&after={last}").json == []
