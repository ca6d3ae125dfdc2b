"""The picture that --timeline-svg writes: what is in it, where it stands, and how it looks."""

import json
import os
import re
import xml.etree.ElementTree as ElementTree

import pytest

import browser
from harness import half_then_reset, refused_port, replying, run, silent

SVG = "{http://www.w3.org/2000/svg}"
POEM = b"one\ntwo\nthree\nfour\n"
SECONDS = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "min": 60, "h": 3600}


class Picture:
    """An SVG file as a reader of it sees it."""

    def __init__(self, path):
        self.text = path.read_text(encoding="utf-8")
        self.root = ElementTree.fromstring(self.text)
        self.panels = self.of_class(self.root, "pt-panel")
        self.ticks = [(float(text.get("x")), self.time(text.text))
                      for text in self.of_class(self.root, "pt-ticks")[-1].iter(SVG + "text")
                      if text.text != "time"]

    @staticmethod
    def time(label):
        number, unit = label.split()
        return float(number) * SECONDS[unit]

    @staticmethod
    def of_class(element, name):
        return [each for each in element.iter() if name in each.get("class", "").split()]

    def x(self, seconds):
        """Where a time stands, by the first and the last tick of the axis."""
        (left, zero), (right, last) = self.ticks[0], self.ticks[-1]
        return left + (right - left) * (seconds - zero) / (last - zero)

    def tasks(self, panel=0):
        return self.of_class(self.panels[panel], "pt-task")

    def names(self, panel=0):
        return [tuple(text.text for text in task.findall(SVG + "text"))[:2]
                for task in self.tasks(panel)]

    def arrivals(self, task):
        return [float(x) for path in self.of_class(task, "pt-arrival")
                for x in re.findall(r"M([\d.]+)", path.get("d"))]

    def words(self):
        """What the legend explains."""
        legend, = self.of_class(self.root, "pt-legend")
        return [text.text for text in legend.iter(SVG + "text")]


@pytest.fixture
def picture(fetch, tmp_path):
    """picture(ARG...): the picture of a run, and the run's report."""

    def draw(*args, **options):
        path = tmp_path / "timeline.svg"
        result = fetch("-q", "--print", "none", "--timeline-svg", path, *args, **options)
        return Picture(path), result.report

    return draw


@pytest.fixture
def ports(server, poem):
    return server("-d", "150ms", poem(POEM), poem(POEM, "b"), poem(POEM, "c"), listeners=3).ports


def test_it_shows_every_task_by_number_and_address(picture, ports):
    drawn, _ = picture(*ports)
    assert drawn.names() == [(str(task), f"127.0.0.1:{port}")
                             for task, port in enumerate(ports, start=1)]
    assert [len(drawn.of_class(task, "pt-bar")) for task in drawn.tasks()] == [1, 1, 1]


def test_it_is_true_to_the_report(picture, ports):
    drawn, report = picture("-e", "sequential", *ports)
    for task, row in zip(report["tasks"], drawn.tasks()):
        came = drawn.arrivals(row)
        assert came[0] == pytest.approx(drawn.x(task["first_byte_s"]), abs=1)
        # Never early; the server counts from its accept, which the client may be late to notice.
        for number, x in enumerate(came[1:], start=1):
            assert x >= drawn.x(task["started_s"] + number * 0.15) - 1 or len(came) < 4
        idle = [(float(rect.get("x")), float(rect.get("width")))
                for rect in drawn.of_class(row, "pt-idle")]
        ended = drawn.x(task["ended_s"])
        assert min(x for x, _ in idle) >= drawn.x(task["started_s"]) - 1
        assert max(x + width for x, width in idle) <= ended + 1
        # The last silence is shown unless its line came so late that others are longer.
        if ended - came[-1] >= min(width for _, width in idle) + 1:
            assert max(x + width for x, width in idle) == pytest.approx(ended, abs=1)
        end, = drawn.of_class(row, "pt-whole")
        assert float(end.get("cx")) == pytest.approx(drawn.x(task["ended_s"]), abs=1)


def test_it_has_a_title_with_engine_elapsed_and_floor(picture, ports):
    drawn, (sequential, select) = picture("-e", "sequential,select", *ports)
    headings = ["".join(panel.find(SVG + "text").itertext()) for panel in drawn.panels]
    for heading, report in zip(headings, (sequential, select)):
        ratio = report["elapsed_s"] / report["longest_s"]
        assert heading == (f"{report['engine']} {report['elapsed_s']:.3f} s, {ratio:.2f} times "
                           f"the floor of {report['longest_s']:.3f} s")
    assert len(drawn.of_class(drawn.panels[0], "pt-floor")) == 1
    assert "the floor: the slowest task" in drawn.words()


def test_engines_stand_under_each_other_on_one_scale(picture, ports):
    drawn, reports = picture("-e", "sequential,select", *ports)
    for panel, report in enumerate(reports):
        for task, row in zip(report["tasks"], drawn.tasks(panel)):
            assert drawn.arrivals(row)[0] == pytest.approx(drawn.x(task["first_byte_s"]), abs=1)
    assert len(drawn.of_class(drawn.root, "pt-ticks")) == 1


def test_the_axis_has_round_times_at_equal_distances(picture, ports):
    drawn, report = picture(*ports)
    assert 3 <= len(drawn.ticks) <= 12 and drawn.ticks[0][1] == 0
    assert drawn.ticks[-1][1] <= report["elapsed_s"] < 2 * drawn.ticks[-1][1]
    for x, seconds in drawn.ticks:
        assert x == pytest.approx(drawn.x(seconds), abs=0.1)


def test_the_legend_explains_what_is_there_and_nothing_else(picture, ports, peer):
    words = picture(*ports)[0].words()
    assert "arrival" in words and "whole" in words and "failed" not in words
    with refused_port() as refused:
        drawn, _ = picture("--retries", "1", "--retry-delay", "150ms", "--idle-timeout", "200ms",
                           "--max-bytes", "100B", peer(silent).port, refused,
                           peer(replying(b"x" * 200)).port, peer(half_then_reset).port)
    assert {"failed", "limit", "broken attempts", "waiting"} <= set(drawn.words())
    assert "whole" not in drawn.words()
    remarks = [task.findall(SVG + "text")[2].text for task in drawn.tasks()]
    assert remarks == ["idle-timeout, try 2", "connect, try 2", "limit", "reset, try 2"]


def test_a_long_list_is_sampled_and_says_so(picture, server, poem):
    port = server("-d0", poem(b"x\n")).port
    with refused_port() as refused:
        drawn, report = picture("-n", "150", f"127.0.0.1:{port}", refused, f"localhost:{port}")
    shown = [int(number) for number, _ in drawn.names()]
    slowest = max(report["tasks"], key=lambda task: task["ended_s"] - task["started_s"])
    assert len(shown) == 40 and shown == sorted(shown)
    assert {1, 450, slowest["task"]} <= set(shown)
    failures = sum(150 < task <= 300 for task in shown)
    assert failures >= 10
    assert f">40 of 450 tasks shown, with {failures} of 150 failures<" in drawn.text


def test_an_interrupted_run_is_drawn_as_far_as_it_got(getting, peer, tmp_path):
    path = tmp_path / "timeline.svg"
    client = getting("--print", "none", "-j", "1", "-n", "2", "--timeline-svg", path,
                     peer(lambda sock, number, done: (sock.sendall(b"x\n"), done.wait())).port)
    client.err.wait_for("got 2 bytes")
    client.send(2)
    assert client.wait() == 130
    drawn = Picture(path)
    assert "interrupted" in drawn.words()
    assert [task.findall(SVG + "text")[-1].text for task in drawn.tasks()] == [
        "interrupted", "not begun"]


def test_it_refers_to_nothing_outside_itself(picture, ports):
    drawn, _ = picture(*ports)
    assert {each.tag for each in drawn.root.iter()} <= {
        SVG + tag for tag in ("svg", "title", "desc", "style", "defs", "pattern", "path", "rect",
                              "g", "text", "tspan", "circle")}
    for each in drawn.root.iter():
        assert not [name for name in each.keys() if "href" in name or name.startswith("on")]
    assert set(re.findall(r"url\(([^)]*)\)", drawn.text)) == {"#pt-hatch"}
    assert "@import" not in drawn.text
    assert re.findall(r"\S*//\S*", drawn.text) == ['xmlns="http://www.w3.org/2000/svg"']
    assert set(re.findall(r"font-family:([^;}]*)", drawn.text)) == {"monospace", "sans-serif"}


def test_it_can_be_read_aloud(picture, ports):
    root = picture(*ports)[0].root
    assert root.get("role") == "img"
    labels = [root.find(f".//*[@id='{name}']") for name in root.get("aria-labelledby").split()]
    assert [label.tag for label in labels] == [SVG + "title", SVG + "desc"]
    assert labels[0].text == "Fetching 3 poems by select" and "select: 0." in labels[1].text


@pytest.mark.parametrize("name, shown", [
    ("a<b>&\"c'.invalid", "a<b>&\"c'.invalid:1"),
    ("床前明月光.invalid", "床前明月光.invalid:1"),
    ("x" * 60 + ".invalid", "xxxxxxxxxxx…xxxxxxxx.invalid:1")])
def test_names_are_shown_whatever_they_are(picture, name, shown):
    drawn, _ = picture(f"{name}:1")
    assert drawn.names() == [("1", shown)]


def test_the_file_is_replaced_as_a_whole(picture, ports, tmp_path):
    path = tmp_path / "timeline.svg"
    path.write_text("old")
    link = os.stat(path).st_ino
    picture(ports[0])
    assert os.stat(path).st_ino != link
    assert [each.name for each in tmp_path.iterdir() if "timeline" in each.name] == [path.name]


def test_a_symbolic_link_stays_one(server, poem, tmp_path):
    port = server("-d0", poem(b"x\n")).port
    target, link = tmp_path / "target.svg", tmp_path / "link.svg"
    target.write_text("old")
    link.symlink_to(target)
    assert run("poetry-get", "-q", "--timeline-svg", link, port).status == 0
    assert link.is_symlink() and target.read_text().startswith("<svg ")


@pytest.mark.parametrize("where", ["missing/timeline.svg", ""])
def test_a_file_that_cannot_be_written_is_found_out_before_fetching(peer, tmp_path, where):
    busy = peer(silent)
    result = run("poetry-get", "--timeline-svg", tmp_path / where, busy.port)
    assert (result.status, busy.accepted) == (1, 0)
    assert result.err.startswith("poetry-get: write to ") and str(tmp_path / where) in result.err


def test_a_full_disk_is_an_error(server, poem):
    port = server("-d0", poem(b"x\n")).port
    result = run("poetry-get", "-q", "--timeline-svg", "/dev/full", port)
    assert (result.status, result.out) == (1, b"x\n")
    assert "Got 1 poem in " in result.err  # the report is there all the same
    assert result.err.endswith("\npoetry-get: write to /dev/full: No space left on device\n")


def test_standard_output_can_be_the_file(server, poem):
    port = server("-d0", poem(b"x\n")).port
    result = run("poetry-get", "-q", "--print", "none", "--timeline-svg", "/dev/stdout", port)
    assert result.status == 0 and ElementTree.fromstring(result.out).tag == SVG + "svg"


# ---- in a real browser ----

in_a_browser = pytest.mark.skipif(not browser.CHROMIUM, reason="chromium is not installed")
LOOKS = [("light", [], (255, 255, 255), (10, 50, 99)),
         ("dark", ["--blink-settings=preferredColorScheme=0"], (19, 22, 27), (216, 235, 255))]


@in_a_browser
@pytest.mark.parametrize("look, options, paper, arrival", LOOKS, ids=[look[0] for look in LOOKS])
def test_a_browser_paints_it(picture, ports, tmp_path, look, options, paper, arrival):
    drawn, _ = picture(*ports)
    width, height = (int(float(drawn.root.get(name))) for name in ("width", "height"))
    png = tmp_path / f"{look}.png"
    browser.chromium(*options, f"--screenshot={png}", f"--window-size={width},{height}",
                     (tmp_path / "timeline.svg").as_uri())
    rows = browser.pixels(png)
    assert (len(rows[0]), len(rows)) == (width, height)
    assert rows[2][2] == paper
    for row in drawn.tasks():
        first, = drawn.of_class(row, "pt-arrival")
        x, top = map(float, re.match(r"M([\d.]+) ([\d.]+)v", first.get("d")).groups())
        assert rows[int(top) + 3][int(x)] == arrival


OVERLAPS = """<!doctype html><meta charset="utf-8"><body style="margin:0">%s<pre id="found"></pre>
<script>
const texts = [...document.querySelectorAll("svg text")].map(text => {
  const box = text.getBoundingClientRect();
  return [text.textContent, box.left, box.top, box.right, box.bottom];
});
const bars = [...document.querySelectorAll(".pt-bar")].map(bar => {
  const box = bar.getBoundingClientRect();
  return ["bar", box.left, box.top, box.right, box.bottom];
});
const whole = document.querySelector("svg").getBoundingClientRect();
document.getElementById("found").textContent =
  JSON.stringify({texts, bars, width: whole.width, height: whole.height});
</script>"""


def boxes_of(drawn, tmp_path):
    """The boxes (text, left, top, right, bottom) of texts and bars as a browser lays them out."""
    page = tmp_path / "page.html"
    page.write_text(OVERLAPS % drawn.text, encoding="utf-8")
    dom = browser.chromium("--dump-dom", "--window-size=1300,900", page.as_uri())
    found = re.search(r'<pre id="found">(.*?)</pre>', dom, re.S)[1]
    return json.loads(found.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))


def overlap(one, other):
    # Boxes of text are as high as its font; the ink of two lines may be further apart than that.
    slack = 3
    return (one[1] < other[3] and other[1] < one[3] and one[2] + slack < other[4] - slack
            and other[2] + slack < one[4] - slack)


@in_a_browser
@pytest.mark.parametrize("case", ["three", "engines", "many", "troubles"])
def test_no_label_covers_another_or_a_bar(picture, server, poem, peer, tmp_path, case):
    three = server("-d", "60ms", poem(POEM), poem(POEM, "b"), poem(POEM, "c"), listeners=3).ports
    with refused_port() as refused:
        drawn, _ = picture(*{
            "three": three,
            "engines": ["-e", "sequential,select,select,select,select,select", *three],
            "many": ["-n", "1250", "-j", "800", "-e", "select,select", *three, refused],
            "troubles": ["--retries", "1", "--retry-delay", "100ms", "--idle-timeout", "200ms",
                         "--max-bytes", "100B", "x" * 60 + ".invalid:12345", refused,
                         peer(silent).port, peer(replying(b"x" * 200)).port,
                         peer(half_then_reset).port, f"localhost:{refused}", "床前明月光.invalid:1",
                         *three]}[case])
    found = boxes_of(drawn, tmp_path)
    texts = found["texts"]
    assert len(texts) > 10 and len(found["bars"]) == sum(
        len(drawn.tasks(panel)) for panel in range(len(drawn.panels)))
    for index, one in enumerate(texts):
        assert 0 <= one[1] and one[3] <= found["width"]
        assert 0 <= one[2] and one[4] <= found["height"]
        covered = [other for other in texts[index + 1:] + found["bars"] if overlap(one, other)]
        assert not covered, one
