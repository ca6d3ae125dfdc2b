"""What poetry-sync is asked to do."""

import contextlib
import http.client
import json
import re
import shutil
import time

from running import POEM, WAIT, Wrong, ended, must, told
from serving import stopped


def asked(port, method, path, body=None):
    """(status, body) of a request; (0, b"") where the connection was not answered."""
    page = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT)
    with contextlib.closing(page), contextlib.suppress(OSError, http.client.HTTPException):
        page.request(method, path, json.dumps(body) if body else None,
                     {"Content-Type": "application/json"} if body else {})
        answer = page.getresponse()
        return answer.status, answer.read()
    return 0, b""


class Page:
    """Asks again what was refused, as a person would; one failure refuses little."""

    def __init__(self, port):
        self.port, self.refused = port, 0

    def ask(self, method, path, body=None, good=(200, 201, 202)):
        for _ in range(5):
            status, text = asked(self.port, method, path, body)
            if status in good:
                return status, text
            must(status in (0, 400) or status >= 500, f"{method} {path}: {status} {text[:200]!r}")
            self.refused += 1
            time.sleep(0.05)
        raise Wrong(f"{method} {path} is refused for good: {status} {text[:200]!r}")


def over(page, job):
    """The job, once it is over."""
    deadline = time.monotonic() + WAIT
    while time.monotonic() < deadline:
        _, text = page.ask("GET", f"/api/jobs/{job}")
        if json.loads(text)["state"] in ("done", "failed"):
            return json.loads(text)
        time.sleep(0.01)
    raise Wrong("the job does not end")


def places(run, victim):
    """{"page": its port, "control": its port}; None where it could not start, and told why."""
    found = victim.out.wait_for(r"^listening \S+:(\d+) (\w+)", 2)
    if len(found) == 2:
        return {what: int(port) for port, what in found}
    status = ended(victim)
    victim.end()
    must(status == 1, f"does not serve: exit status {status}")
    told(run, victim, status)
    return None


SERVE = ("serve", "--listen", "0", "--control", "0", "--attempts", "2", "--retry-delay", "50ms",
         "--lease", "2s", "--database")


def pressed(run, page):
    """A record, its job, and how that ended."""
    status, text = page.ask("POST", "/api/records", good=(200, 201, 202, 409),
                            body={"type": "poem", "address": f"127.0.0.1:{run.ports['quick']}"})
    record = json.loads(text)["id"] if status != 409 else 1
    _, text = page.ask("POST", "/api/jobs", {"record": record})
    job = json.loads(text)["id"]
    ends = over(page, job)
    check(page, record, job, ends)
    return record, job, ends


def syncing(run):
    """A press that is acknowledged ends in a text, or in a failure that says why; also after a restart."""
    database = f"sqlite:{run.folder}/library.db"
    victim = run.start("poetry-sync", *SERVE, database)
    ports = places(run, victim)
    if ports:
        page = Page(ports["page"])
        try:
            record, job, ends = pressed(run, page)
        except Wrong:
            if victim.process.poll() is None:
                raise
            ports = None  # it has ended: for whatever reason it says
    if ports:
        status = stopped(victim)
        victim.end()
        must(status in (0, 1), f"exit status {status}")
        said = bool(re.search(r" (warn|warning|error) ", victim.err.text()))
        must(status == 0 or said or "poetry-sync: " in victim.err.text(), "exit status 1, and not a word")
        outcome = "told" if said or status or ends["state"] == "failed" or page.refused else "went on"
    elif victim.process.poll() is not None:
        told(run, victim, victim.process.poll())
        victim.end()
    after = run.start("poetry-sync", *SERVE, database)
    again = places(run, after)
    must(again, "cannot start again")
    if ports:
        check(Page(again["page"]), record, job, ends)
    must((status := stopped(after)) == 0, f"does not stop again: exit status {status}")
    return outcome if ports else "told"


def check(page, record, job, ends):
    """What the job came to is what can be read."""
    _, text = page.ask("GET", f"/api/jobs/{job}")
    must(json.loads(text)["state"] == ends["state"], "a job's end was forgotten")
    status, text = page.ask("GET", f"/api/records/{record}/text", good=(200, 404))
    if ends["state"] == "done":
        must(status == 200 and text == POEM.read_bytes(), f"a done job's text: {text!r}")
    else:
        must(ends.get("error") or ends.get("message"), f"failed without a reason: {ends}")
        must(status == 404, f"a failed job's text: {text!r}")


def commanding(run):
    """Commands on a database of their own."""
    database = f"sqlite:{run.folder}/library.db"
    victim = run.start("poetry-sync", "add", "poem", f"127.0.0.1:{run.ports['quick']}", "--database", database)
    status = ended(victim)
    victim.end()
    after = run.start("poetry-sync", "list", "--database", database)
    ended(after)
    after.end()
    if status != 0:
        return told(run, victim, status)
    must(str(run.ports["quick"]) in after.out.text(), "exit status 0, and no record")
    return "went on"


def exporting(run):
    """A text has its name once it is whole, and not before."""
    shutil.copy(run.library, run.folder)
    victim = run.start("poetry-sync", "export", "texts", "--database", f"sqlite:{run.folder}/library.db")
    status = ended(victim)
    victim.end()
    texts = [path.read_bytes() for path in run.folder.glob("texts/[!.]*")]
    must(all(text == POEM.read_bytes() for text in texts), f"half a text: {texts}")
    if status != 0:
        return told(run, victim, status)
    must(len(texts) == 1, "exit status 0, and no text")
    return "went on"


SCENARIOS = {"sync": syncing, "sync-add": commanding, "sync-export": exporting}
