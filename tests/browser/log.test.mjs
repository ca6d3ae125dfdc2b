// The log of a job that has a million lines. The server's answers are made here, since to sync so many
// takes too long; a log of a real server is read in press.test.mjs and trouble.test.mjs.
import assert from "node:assert/strict";

import { testOfPage as test, until } from "./rig.mjs";
import { connection } from "./view.mjs";

const NEEDLE = 123_456;
const MOST_SHOWN = 1000;

class Log {
  constructor(lines) {
    this.lines = lines;
    this.asked = 0;
  }

  line(number) {
    const text = number === NEEDLE ? "a Needle in hay" : "hay";
    return { number, at: new Date().toISOString(), text: `growing log ${number}: ${text}` };
  }

  get record() {
    const job = { id: 1, record: 1, state: "running", revision: this.lines, created: new Date().toISOString(), started: new Date().toISOString(),
      ended: null, due: null, attempts: 1, fetched: this.lines, expected: null, lines: this.lines, worker: "", error: "" };
    return { id: 1, type: "weblog", address: "127.0.0.1:9", name: "growing log", created: job.created, synced: null, bytes: 0, job };
  }

  answer(url) {
    ++this.asked;
    const after = Number(url.searchParams.get("after"));
    if (url.searchParams.get("q")) return after < NEEDLE && "a needle in hay".includes(url.searchParams.get("q").toLowerCase()) ? [this.line(NEEDLE)] : [];
    return Array.from({ length: Math.max(0, Math.min(500, this.lines - after)) }, (_, at) => this.line(after + 1 + at));
  }
}

async function logPage(rig, log, viewport, colorScheme) {
  rig.browsing.allow(/503 .*\/events$/);
  await rig.sync("serve");
  const page = await (await rig.browsing.context({ viewport, colorScheme })).newPage();
  await page.route("**/events", (route) => route.fulfill({ status: 503, json: {} }));
  await page.route("**/api/records", (route) => route.fulfill({ json: [log.record] }));
  await page.route("**/api/records/1/jobs", (route) => route.fulfill({ json: [log.record.job] }));
  await page.route("**/api/jobs/1/log?*", (route) => route.fulfill({ json: log.answer(new URL(route.request().url())) }));
  await page.goto(`${rig.url}/#/records/1`);
  await connection(page, "polling");
  await until("the last line", async () => (await shown(page)).last === log.lines);
  return page;
}

/** Numbers of the first and the last line there, how many there are, and the first in sight with its place. */
const shown = (page, to = null) =>
  page.evaluate((top) => {
    const pane = document.querySelector("#log-pane");
    if (top !== null) pane.scrollTop = top < 0 ? pane.scrollHeight : top;
    const all = [...document.querySelectorAll("#log li")];
    const above = pane.getBoundingClientRect().top;
    const seen = all.find((each) => each.getBoundingClientRect().bottom > above + 1);
    return { first: all[0]?.value, last: all.at(-1)?.value, count: all.length, seen: seen?.value, at: seen && seen.getBoundingClientRect().top - above };
  }, to);

/** The same, once it was scrolled there. */
const scroll = (page, to) => shown(page, to);

for (const [width, colorScheme] of [[1440, "light"], [1024, "dark"], [390, "light"]]) {
  test(`at ${width} px a window goes over a million lines, in both directions`, async (rig) => {
    const log = new Log(1_000_000);
    const page = await logPage(rig, log, { width, height: 800 }, colorScheme);
    assert.ok(log.asked <= 4, `${log.asked} answers were needed`);
    assert.equal((await shown(page)).first, log.lines - MOST_SHOWN + 1);
    await page.getByText("Lines 999,001 to 1,000,000 of 1,000,000.").waitFor();

    const before = await scroll(page, 40);
    const { seen, at } = await until("earlier lines", async () => {
      const now = await shown(page);
      return now.first < 999_001 && now;
    });
    assert.equal(seen, before.seen, "the place was lost");
    assert.ok(Math.abs(at - before.at) < 1.5, `${at} after ${before.at}`);
    assert.ok((await shown(page)).count <= MOST_SHOWN);
    for (let turn = 0; turn < 4; ++turn) {
      const { first } = await shown(page);
      await scroll(page, 0);
      await until("earlier ones", async () => (await shown(page)).first < first);
    }
    const away = await shown(page);
    assert.ok(away.last < 999_001, "what is out of sight was kept");
    await scroll(page, -1);
    await until("later lines again", async () => (await shown(page)).last > away.last);

    await page.getByRole("button", { name: "First line" }).click();
    await until("line 1", async () => (await shown(page)).seen === 1);
    await page.getByRole("button", { name: "Last line" }).click();
    await until("the last", async () => (await shown(page)).last === log.lines);

    // A number is as wide as its place; it was clipped before.
    const [room, needed] = await page.evaluate(() => {
      const list = document.querySelector("#log");
      const probe = document.createElement("span");
      probe.textContent = "1000000. ";
      probe.style.whiteSpace = "pre";
      list.lastElementChild.append(probe);
      const wide = probe.getBoundingClientRect().width;
      probe.remove();
      return [parseFloat(getComputedStyle(list).paddingLeft), wide];
    });
    assert.ok(room >= needed, `${room} for ${needed}`);
    const texts = await page.locator("#log li").last().evaluate((each) => each.lastChild.textContent);
    assert.equal(texts.trim(), "1000000: hay", "the record's name is repeated");
    // As wide as the view.
    const [pane, view] = await page.evaluate(() => ["#log-pane", "#detail"].map((each) => document.querySelector(each).clientWidth));
    assert.ok(pane > view - 60, `${pane} of ${view}`);
    if (width < 1200) return;
    await page.getByRole("button", { name: "Full width" }).click();
    assert.ok(await page.evaluate(() => document.querySelector("#log-pane").clientWidth > innerWidth - 120));
  });
}

test("a line is searched for over the whole log, and found again from the first", async (rig) => {
  const page = await logPage(rig, new Log(1_000_000), { width: 1440, height: 800 });
  const found = (words) => page.locator("#log-found", { hasText: words }).waitFor();
  await page.getByPlaceholder("Search the log").fill("NEEDLE in");
  await page.keyboard.press("Enter");
  await found("Line 123,456.");
  const line = page.locator("#log li[aria-current]");
  await line.waitFor();
  assert.match(await line.textContent(), /123456: a Needle in hay$/);
  const [top, bottom, above, below] = await page.evaluate(() => {
    const [one, pane] = ["#log li[aria-current]", "#log-pane"].map((each) => document.querySelector(each).getBoundingClientRect());
    return [one.top, one.bottom, pane.top, pane.bottom];
  });
  assert.ok(top >= above && bottom <= below, "it is out of sight");
  await page.getByRole("button", { name: "Find next" }).click();
  await found("No further line; the next search begins at the first.");
  await page.getByRole("button", { name: "Find next" }).click();
  await found("Line 123,456.");
  await page.getByPlaceholder("Search the log").fill("straw");
  await page.keyboard.press("Enter");
  await found("No line has it.");
});

test("a pause keeps the place, and its end brings what came meanwhile", async (rig) => {
  const log = new Log(5000);
  const page = await logPage(rig, log, { width: 1024, height: 800 });
  const pause = page.getByRole("button", { name: "Pause", exact: true });
  await pause.click();
  const before = await shown(page);
  log.lines += 37;
  await page.getByText("Paused: 37 new lines.").waitFor();
  assert.deepEqual(await shown(page), before);
  await pause.click();
  await until("the new ones", async () => (await shown(page)).last === 5037);
  // Whoever has scrolled up is not taken away, either.
  await scroll(page, 3000);
  const reading = await shown(page);
  log.lines += 20;
  await page.getByText("of 5,057.").waitFor();
  const still = await shown(page);
  assert.deepEqual([still.seen, still.at], [reading.seen, reading.at]);
});
