// Several tabs, hidden ones, and a server that has no stream left for them.
import assert from "node:assert/strict";

import { test, testOfPage, until } from "./rig.mjs";
import { connection, Row } from "./view.mjs";

const MOST_STREAMS = 4; // of one browser, as events.js has it

test("seven tabs of one browser are all kept up to date", async (rig) => {
  const peer = await rig.peer();
  await rig.sync("serve");
  await rig.add("poem", peer.address, "shared");
  const context = await rig.browsing.context();
  const tabs = [];
  for (let number = 1; number <= 7; ++number) {
    const tab = await context.newPage();
    await tab.goto(rig.url);
    await connection(tab, number <= MOST_STREAMS ? "live" : "polling");
    tabs.push(new Row(tab, "shared"));
  }
  assert.equal(await rig.streams(), MOST_STREAMS);
  await tabs[6].press("Sync Up");
  for (const row of tabs) await row.shows("running");
  (await peer.client()).end("to everybody\n");
  for (const row of tabs) await row.shows("done");
  await tabs.shift().page.close(); // which makes room for another
  const words = () => Promise.all(tabs.map(({ page }) => page.locator("#connection").textContent()));
  await until("another stream", async () => (await words()).filter((word) => word === "live").length === MOST_STREAMS);
});

/** Hides a tab, or shows it, as far as its page can tell. */
const hide = (page, hidden) =>
  page.evaluate((is) => {
    Object.defineProperty(document, "hidden", { configurable: true, value: is });
    document.dispatchEvent(new Event("visibilitychange"));
  }, hidden);

test("a hidden tab has no stream, and catches up when it is seen again", async (rig) => {
  const peer = await rig.peer((socket) => socket.end("in the dark\n"));
  await rig.sync("serve");
  const { id } = await rig.add("poem", peer.address, "unseen");
  const page = await rig.page();
  await connection(page, "live");
  assert.equal(await rig.streams(), 1);
  await hide(page, true);
  await until("no stream", async () => (await rig.streams()) === 0);
  const { id: job } = await rig.api("POST", "/api/jobs", { record: id });
  await until("done", async () => (await rig.api("GET", `/api/jobs/${job}`)).state === "done");
  assert.equal(await new Row(page, "unseen").element.locator(".pill").textContent(), "new");
  await hide(page, false);
  await new Row(page, "unseen").shows("done");
  assert.equal(await rig.streams(), 1);
});

testOfPage("a page without a stream asks again and again, until it has one", async (rig) => {
  const peer = await rig.peer();
  await rig.sync("serve", "--max-streams", "1");
  await rig.add("weblog", peer.address, "asked for");
  const first = await rig.page();
  await connection(first, "live");
  rig.browsing.allow(/503 \(Service Unavailable\) .*\/events$/);
  const second = await rig.page();
  await connection(second, "polling");
  const row = new Row(second, "asked for");
  await row.press("Sync Up");
  await row.shows("running");
  (await peer.client()).write("one\ntwo\n");
  await second.locator("#log li", { hasText: "2: two" }).waitFor();
  await first.close();
  await connection(second, "live");
  (await peer.client()).end();
  await row.shows("done");
});
