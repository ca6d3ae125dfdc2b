// What a press of Sync Up brings: an answer at once, progress, a log that grows, a text.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";

import { test, testOfPage, until } from "./rig.mjs";
import { connection, hold, logLines, Row, text } from "./view.mjs";

/** A catalog of poems that `peers` serve. */
const catalog = (poems) =>
  JSON.stringify(poems.map(({ peer, bytes }) => ({
    host: "127.0.0.1", port: peer.port, service: "poem", name: "poem.txt", bytes: Buffer.byteLength(bytes),
    lines: bytes.split("\n").length - 1, sha256: createHash("sha256").update(bytes).digest("hex"), delay: 1,
  })));

test("a press is acknowledged at once, moves the progress, fills the log and ends with the text", async (rig) => {
  const poems = ["Über allen Gipfeln\nIst Ruh,\n", "In allen Wipfeln\nSpürest du\n", "Kaum einen Hauch.\n"];
  const peers = [];
  for (const bytes of poems) peers.push({ peer: await rig.peer(), bytes });
  const list = await rig.peer((socket) => socket.end(catalog(peers)));
  await rig.sync("serve");
  await rig.add("collection", list.address, "all of it");
  const page = await rig.page();
  const row = new Row(page, "all of it");
  await row.shows("new");

  const release = await hold(page, "POST", "**/api/jobs");
  await row.press("Sync Up");
  await row.shows("asked");
  assert.equal((await rig.api("GET", "/api/jobs")).length, 0, "the server knew");
  release();
  await row.shows("running");

  let lines = (await logLines(page, 2)).length;
  let share = 0;
  for (const { peer, bytes } of peers) {
    const client = await peer.client();
    client.write(bytes.slice(0, 5));
    const half = await row.progress(share + 0.01);
    assert.ok(half > share && half < 1, `${half} after ${share}`);
    share = half;
    client.end(bytes.slice(5));
    lines = (await logLines(page, lines + 1)).length;
  }
  await row.shows("done");
  await text(page, poems.join(""));
  const numbers = (await logLines(page, lines)).map(({ number }) => number);
  assert.deepEqual(numbers, numbers.map((_, at) => at + 1));
});

test("two presses are one job", async (rig) => {
  const peer = await rig.peer();
  await rig.sync("serve");
  await rig.add("poem", peer.address, "once");
  const [one, other] = [await rig.page(), await rig.page()];
  await Promise.all([new Row(one, "once").shows("new"), new Row(other, "once").shows("new")]);
  const release = await hold(one, "POST", "**/api/jobs");
  await new Row(one, "once").button("Sync Up").dblclick();
  await new Row(other, "once").press("Sync Up");
  await new Row(other, "once").shows("running");
  const answered = one.waitForResponse("**/api/jobs");
  release();
  assert.equal((await (await answered).json()).id, 1);
  await new Row(one, "once").shows("running");
  (await peer.client()).end("a line\n");
  await new Row(one, "once").shows("done");
  assert.equal((await rig.api("GET", "/api/jobs")).length, 1);
  assert.equal(peer.clients.length, 1);
});

testOfPage("an answer that comes late does not take a row back", async (rig) => {
  const peer = await rig.peer((socket) => socket.end("a line\n"));
  await rig.sync("serve");
  await rig.add("poem", peer.address, "late");
  const page = await rig.page();
  const row = new Row(page, "late");
  let deliver;
  const delivered = new Promise((now) => (deliver = now));
  await page.route("**/api/jobs", async (route) => {
    const response = await route.fetch();
    assert.equal((await response.json()).state, "queued");
    await delivered;
    await route.fulfill({ response });
  });
  await row.press("Sync Up");
  await row.shows("done");
  await page.evaluate(() => {
    window.seen = [];
    const pill = document.querySelector("#records .pill");
    new MutationObserver(() => window.seen.push(pill.textContent)).observe(pill, { childList: true, subtree: true, characterData: true });
  });
  const answered = page.waitForResponse("**/api/jobs");
  deliver();
  await (await answered).finished();
  await row.press("Sync Up"); // goes by way of the row again, and so behind the late answer
  await until("another job", async () => (await rig.api("GET", "/api/jobs")).length === 2);
  await row.shows("done");
  assert.ok(!(await page.evaluate(() => window.seen)).slice(0, 1).includes("queued"));
});

test("cancelling shows at once, and a cancelled job can be tried again", async (rig) => {
  const peer = await rig.peer();
  await rig.sync("serve");
  await rig.add("poem", peer.address, "endless");
  const page = await rig.page();
  const row = new Row(page, "endless");
  await row.press("Sync Up");
  (await peer.client()).write("a line\n");
  await row.says("7 B");
  const release = await hold(page, "POST", "**/cancel");
  await row.press("Cancel");
  await row.shows("cancelling");
  assert.equal((await rig.api("GET", "/api/jobs/1")).state, "running", "the server knew");
  release();
  await row.shows("cancelled");
  await row.press("Retry");
  (await peer.client(2)).end("a line\nanother\n");
  await row.shows("done");
  await text(page, "a line\nanother\n");
});

test("a failure is told in words, and tried again", async (rig) => {
  const peer = await rig.peer((socket, number) => (number === 1 ? socket.resetAndDestroy() : socket.end("whole\n")));
  await rig.sync("serve", "--attempts", "1");
  await rig.add("poem", peer.address, "shaky");
  const page = await rig.page();
  const row = new Row(page, "shaky");
  await row.press("Sync Up");
  await row.shows("failed");
  await row.says(/reset/);
  await row.press("Retry");
  await row.shows("done");
  await text(page, "whole\n");
  await page.locator("#jobs li").nth(1).click(); // the first job, below the second
  assert.match((await logLines(page, 2)).at(-1).text, /reset|failed/);
  await page.locator("#jobs li").first().click();
  assert.match((await logLines(page, 2)).at(-1).text, /done/);
});

testOfPage("a tab can be reloaded in mid-job, and shows the same record", async (rig) => {
  const peer = await rig.peer();
  await rig.sync("serve");
  await rig.add("weblog", peer.address, "growing");
  const page = await rig.page();
  const row = new Row(page, "growing");
  await row.press("Sync Up");
  (await peer.client()).write("one\ntwo\n");
  const before = await logLines(page, 3);
  await page.reload();
  await row.shows("running");
  assert.deepEqual((await logLines(page, 3)).slice(0, 3), before.slice(0, 3));
  (await peer.client()).end("three\n");
  await row.shows("done");
  await text(page, "one\ntwo\nthree\n");
  assert.equal(await page.getByRole("heading", { name: "growing" }).count(), 1);
});

testOfPage("a sync takes nothing but the keyboard, and the focus stays", async (rig) => {
  const peer = await rig.peer();
  await rig.sync("serve");
  const page = await rig.page();
  await connection(page, "live");
  const focused = () => page.evaluate(() => [document.activeElement].map((each) => each.getAttribute("aria-label") ?? (each.name || each.textContent))[0]);
  const tabTo = (name) => until(`focus of ${name}`, async () => {
    if ((await focused()) === name) return true;
    await page.keyboard.press("Tab");
  });
  await tabTo("Add a record");
  await page.keyboard.press("Enter");
  await tabTo("address");
  await page.keyboard.type(peer.address);
  await page.keyboard.press("Tab");
  await page.keyboard.type("by hand");
  await page.keyboard.press("Enter");
  const row = new Row(page, "by hand");
  await row.shows("new");
  await tabTo("Sync Up by hand");
  await page.keyboard.press("Enter");
  await row.shows("running");
  assert.equal(await focused(), "Sync Up by hand");
  await tabTo("Cancel by hand");
  (await peer.client()).end("all\n");
  await row.shows("done"); // which takes Cancel away
  assert.equal(await focused(), "Sync Up by hand");
  await until("an announcement", async () => /by hand: done/.test(await page.locator("#announcer").textContent()));
});
