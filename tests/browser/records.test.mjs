// Adding and removing records, and what is shown of long ones.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";

import { testOfPage as test } from "./rig.mjs";
import { add, connection, hold, logLines, Row, text } from "./view.mjs";

test("records are added and removed, and every tab is told", async (rig) => {
  await rig.sync("serve");
  const [page, other] = [await rig.page(), await rig.page()];
  await page.getByText("Nothing to keep in step with yet").waitFor();
  await add(page, "poem", "127.0.0.1:10001", "first");
  await add(page, "weblog", "localhost:10002");
  for (const each of [page, other]) {
    await new Row(each, "first").says("poem 127.0.0.1:10001");
    await new Row(each, "localhost:10002").shows("new");
  }
  await new Row(page, "first").press("Remove");
  await page.getByRole("button", { name: "Keep it" }).click();
  assert.equal((await rig.api("GET", "/api/records")).length, 2);
  await new Row(page, "first").press("Remove");
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  for (const each of [page, other]) await new Row(each, "first").element.waitFor({ state: "detached" });
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "localhost:10002");
  await page.reload();
  await new Row(page, "localhost:10002").shows("new");
  assert.equal(await page.locator("#records tr").count(), 1);
});

test("the next record can be written while the server takes one", async (rig) => {
  await rig.sync("serve");
  const page = await rig.page();
  await connection(page, "live");
  const release = await hold(page, "POST", "**/api/records");
  await add(page, "poem", "127.0.0.1:10001", "first", { answered: false });
  await page.locator("#add").getByLabel("Address").fill("127.0.0.1:10002");
  release();
  await new Row(page, "first").shows("new");
  assert.equal(await page.locator("#add").getByLabel("Address").inputValue(), "127.0.0.1:10002");
  await page.locator("#add").getByLabel("Name").fill("second");
  await page.locator("#add").getByLabel("Name").press("Enter");
  await new Row(page, "second").shows("new");
  assert.equal(await page.locator("#add").getByLabel("Address").inputValue(), "");
});

test("what the server refuses is said in words beside the form", async (rig) => {
  await rig.sync("serve");
  const page = await rig.page();
  const problem = (words) => page.locator("#add-problem", { hasText: words }).waitFor();
  rig.browsing.allow(/status of 40[09]/);
  await add(page, "poem", "127.0.0.1:10001", "first");
  await new Row(page, "first").shows("new");
  await add(page, "poem", "127.0.0.1:10001", "again");
  await problem(/Conflict: .*127\.0\.0\.1:10001/);
  await add(page, "poem", "no address: at all", "bad");
  await problem(/Bad request: .*no address: at all/);
  assert.equal(await page.locator("#add").getByLabel("Address").getAttribute("aria-invalid"), "true");
  await add(page, "poem", "  ");
  await problem("An address is needed");
  await add(page, "collection", "127.0.0.1:10001", "other type");
  await new Row(page, "other type").shows("new");
  await page.locator("#add").waitFor({ state: "hidden" });
  assert.equal(await page.locator("#add-problem").textContent(), "");
  assert.equal(await page.locator("#records tr").count(), 2);
});

test("a record that is synced by itself says how often, and when it is next", async (rig) => {
  const peer = await rig.peer((socket) => socket.end("a poem\n"));
  await rig.sync("serve");
  const page = await rig.page();
  rig.browsing.allow(/status of 400/);
  await add(page, "poem", peer.address, "by itself", { every: "soon" });
  await page.locator("#add-problem", { hasText: "soon" }).waitFor();
  const every = page.locator("#add").getByLabel("Sync by itself every");
  assert.equal(await every.getAttribute("aria-invalid"), "true");
  await every.fill("2s");
  await every.press("Enter");
  await new Row(page, "by itself").shows("done"); // nobody has pressed
  await new Row(page, "by itself").choose();
  await page.locator("#detail-about", { hasText: /synced by itself every 2\.0 s, next at/ }).waitFor();
});

test("what another has removed meanwhile is refused in words", async (rig) => {
  await rig.sync("serve");
  const { id } = await rig.add("poem", "127.0.0.1:10001", "gone");
  const page = await rig.page();
  await new Row(page, "gone").shows("new");
  rig.browsing.allow(/status of 404/);
  await page.route("**/api/jobs", async (route) => {
    await rig.api("DELETE", `/api/records/${id}`);
    await route.continue();
  });
  await new Row(page, "gone").press("Sync Up");
  await page.locator("#problem", { hasText: /Sync Up gone: Not found: / }).waitFor();
  await page.getByText("Nothing to keep in step with yet").waitFor();
});

test("a long text is cut between two characters, and a long log to its end", async (rig) => {
  const shown = 256 * 1024;
  const count = 1200;
  const peer = await rig.peer((socket) => socket.end("é\n".repeat(150_000))); // 3 bytes each
  const log = await rig.peer((socket) => socket.end("x\n".repeat(count)));
  await rig.sync("serve", "--follow-records", "5000");
  await rig.add("poem", peer.address, "long");
  await rig.add("weblog", log.address, "chatty");
  const page = await rig.page();
  await connection(page, "live");
  await page.getByRole("button", { name: "Sync all" }).click();
  const rows = [new Row(page, "long"), new Row(page, "chatty")];
  for (const row of rows) await row.shows("done");
  await rows[0].choose();
  await text(page, "é\n".repeat(150_000).slice(0, Math.floor(shown / 3) * 2));
  await page.getByText("The first 262.1 kB of 450.0 kB are shown.").waitFor();
  const whole = await page.request.get(await page.getByText("Open whole text").evaluate((link) => link.href));
  assert.equal((await whole.body()).length, 450_000);

  await rows[1].choose();
  await page.locator("#log li", { hasText: `${count} records` }).waitFor();
  const lines = await logLines(page, 1000);
  assert.equal(lines.length, 1000);
  const all = (await rig.api("GET", "/api/jobs")).find(({ record }) => record === 2).lines;
  assert.equal(lines.at(-1).number, all);
  const comma = (number) => number.toLocaleString("en");
  await page.locator("#log-note", { hasText: `Lines ${lines[0].number} to ${comma(all)} of ${comma(all)}.` }).waitFor();
  const download = page.waitForEvent("download");
  await page.getByText("Download whole log").click();
  const file = await readFile(await (await download).path(), "utf8");
  assert.equal(file.trimEnd().split("\n").length, lines.at(-1).number);
});
