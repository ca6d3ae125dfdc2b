"""What poetry-get is asked to do."""

import csv
import hashlib
import io
import json

from harness import ENGINES
from running import OF_A_CONNECTION, OTHER, POEM, ended, must, told

LIMITS = ("--connect-timeout", "3s", "--idle-timeout", "3s", "--timeout", "5s")


def is_made_of(text, poems):
    """Whether it is a beginning of each poem, in their order."""
    ends = {0}
    for poem in poems:
        ends = {end + len(poem[:length]) for end in ends for length in range(len(poem) + 1)
                if text[end:end + length] == poem[:length]}
    return len(text) in ends


def fetching(engine):
    def fetch(run):
        poems = [POEM.read_bytes(), OTHER.read_bytes()]
        victim = run.start("poetry-get", "-e", engine, *LIMITS, run.ports["quick"], run.ports["slow"])
        status = ended(victim)
        victim.end()
        out = victim.out.bytes
        if status == 0:
            must(out == b"".join(poems), f"exit status 0, and printed {out!r}")
            return "went on"
        must(is_made_of(out, poems), f"printed {out!r}")
        of_one = run.failure.call in OF_A_CONNECTION or (
            run.failure.call == "epoll_ctl" and victim.met.what.startswith("socket"))
        must(status == 1 and b"finished" in victim.err.bytes or not of_one, "one call, and both tasks failed")
        return told(run, victim, status)

    return fetch


def fetched(run, *args):
    """(the victim, its exit status) of a fetch of both poems, to its end."""
    victim = run.start("poetry-get", "-e", "epoll", *LIMITS, *args)
    status = ended(victim)
    victim.end()
    return victim, status


def into_folder(run):
    """Each file has its name once it is whole, and not before."""
    victim, status = fetched(run, "-O", "poems", run.ports["quick"], run.ports["slow"])
    folder = run.folder / "poems"
    files = {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else {}
    whole = {name: text for name, text in files.items() if not name.endswith(".part")}
    for name, text in whole.items():
        must(text == (POEM if name.startswith("001") else OTHER).read_bytes(), f"{name}: {text!r}")
    if status == 0:
        must(len(whole) == 2, f"exit status 0, and there are {sorted(files)}")
        return "went on"
    return told(run, victim, status)


def is_whole_json(text):
    report = json.loads(text)
    return len(report["tasks"]) == 2 and report["engine"] == "epoll"


def is_whole_jsonl(text):
    return len([json.loads(line) for line in text.splitlines()]) >= 2


def is_whole_csv(text):
    rows = list(csv.reader(io.StringIO(text)))
    return len(rows) == 3 and len({len(row) for row in rows}) == 1 and text.endswith("\n")


def is_whole_svg(text):
    return text.startswith("<svg") and text.endswith("</svg>\n")


def reporting(is_whole, *args):
    """A report's file is the new one or the old one, and never a part."""
    def report(run):
        path = run.folder / "report"
        path.write_text("old\n")
        victim, status = fetched(run, *args, path, "--print", "none", run.ports["quick"], run.ports["slow"])
        text = path.read_text()
        try:
            whole = text != "old\n" and is_whole(text)
        except (ValueError, KeyError):
            whole = False
        if status == 0:
            must(whole, f"exit status 0, and half a report: {text[-100:]!r}")
            return "went on"
        # Reports are written piece by piece; a picture is put there whole.
        must(whole or text == "old\n" or args[0] == "--report", f"half a picture: {text[-100:]!r}")
        return told(run, victim, status)

    return report


def comparing(run):
    """Each engine in a process of its own, and a comparison."""
    victim = run.start("poetry-get", "-e", ",".join(ENGINES), *LIMITS, "--print", "none", "--report", "json",
                       run.ports["quick"])
    status = ended(victim)
    victim.end()
    if status != 0:
        return told(run, victim, status)
    said = victim.err.text()
    reports = json.loads(said[said.index("["):])
    must([each["engine"] for each in reports] == ENGINES, "an engine is missing")
    must(all(each["fetched"] == 1 for each in reports), "exit status 0, and one did not fetch")
    return "went on"


def by_catalog(run):
    """The poems of a catalog, checked by their digests."""
    victim, status = fetched(run, "--catalog", run.ports["catalog"], "-O", "poems")
    if status != 0:
        return told(run, victim, status)
    digests = {hashlib.sha256(path.read_bytes()).digest() for path in (run.folder / "poems").iterdir()}
    must(digests == {hashlib.sha256(poem.read_bytes()).digest() for poem in (POEM, OTHER)},
         "exit status 0, and other poems")
    return "went on"


def by_list(run):
    """A list of servers from a file, the output into one, live."""
    (run.folder / "list").write_text(f"{run.ports['quick']}\n{run.ports['slow']}\n")
    victim, status = fetched(run, "-f", "list", "-o", "out")
    out = run.folder / "out"
    text = out.read_bytes() if out.exists() else b""
    poems = [POEM.read_bytes(), OTHER.read_bytes()]
    if status == 0:
        must(text == b"".join(poems), f"exit status 0, and wrote {text!r}")
        return "went on"
    must(is_made_of(text, poems), f"wrote {text!r}")
    return told(run, victim, status)


def saying(tool, *args):
    """What it prints of itself is whole, or it says that it is not."""
    def say(run):
        victim = run.start(tool, *args)
        status = ended(victim)
        victim.end()
        if status != 0:
            return told(run, victim, status)
        must(victim.out.text().endswith("\n"), "exit status 0, and nothing printed")
        return "went on"

    return say


SCENARIOS = {
    **{f"fetch-{engine}": fetching(engine) for engine in ENGINES},
    "into-folder": into_folder,
    "report-json": reporting(is_whole_json, "--report", "json", "--report-file"),
    "report-jsonl": reporting(is_whole_jsonl, "--report", "jsonl", "--report-file"),
    "report-csv": reporting(is_whole_csv, "--report", "csv", "--report-file"),
    "report-svg": reporting(is_whole_svg, "--timeline-svg"),
    "compare": comparing,
    "by-catalog": by_catalog,
    "by-list": by_list,
    "help-get": saying("poetry-get", "--help"),
    "help-server": saying("poetry-server", "--help"),
    "help-sync": saying("poetry-sync", "serve", "--help"),
}
