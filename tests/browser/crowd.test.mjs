// Thousands of records: what all of them come to, finding some, and doing something to many at once.
import assert from "node:assert/strict";

import { testOfPage as test, until } from "./rig.mjs";
import { connection, Row } from "./view.mjs";

const MANY = 2000;

async function crowd(rig, options, ...args) {
  const endless = await rig.peer((socket) => socket.write("a line\n"));
  const broken = await rig.peer((socket) => socket.resetAndDestroy());
  await rig.sync("serve", ...args);
  await rig.add("poem", endless.address, "endless");
  await rig.add("weblog", broken.address, "broken");
  await rig.addMany(MANY);
  const page = await rig.page(options);
  await connection(page, "live");
  await page.locator("#records tr").first().waitFor();
  return page;
}

const counts = (page) =>
  page.locator("#overview .count").allTextContents().then((all) => all.map((each) => each.trim()).join(", "));
const count = (page, words) => page.locator("#count", { hasText: words }).waitFor();
const listed = (page) => page.locator("#records .name").allTextContents();

test("a line tells what runs, waits and has failed, and so do the title and the icon", async (rig) => {
  const page = await crowd(rig, {}, "--retry-delay", "50s", "--attempts", "5");
  const icon = (name) => until(name, async () => (await page.locator("#icon").getAttribute("href")) === name);
  assert.equal(await counts(page), "0 running, 0 waiting, 0 failed");
  assert.equal(await page.title(), "poetry-sync");
  for (const record of [1, 2]) await rig.api("POST", "/api/jobs", { record });
  await until("one that runs, one that waits", async () => (await counts(page)) === "1 running, 1 waiting, 0 failed");
  assert.match(await page.title(), /^0 %, 1 running, 1 waiting · poetry-sync$/);
  await icon("icon-busy.svg");
  // When, how often, and why; and the time goes by.
  const remark = new Row(page, "broken").element.locator(".remark");
  const told = async () => (await remark.textContent()).match(/^try 2( of 5)? in 0:(\d\d|\d): .*reset/)?.[2];
  const first = Number(await until("the next try", told));
  await until("a second less", async () => Number(await told()) < first);

  await page.locator("#overview").getByRole("button", { name: "1 waiting" }).click();
  assert.deepEqual(await listed(page), ["broken"]);
  await new Row(page, "broken").press("Cancel");
  await page.getByText("No record is like that.").waitFor();
  await rig.api("POST", `/api/jobs/${(await rig.api("GET", "/api/records/1")).job.id}/cancel`, {});
  await until("nothing runs", async () => (await counts(page)) === "0 running, 0 waiting, 0 failed");
  await icon("icon.svg");
  assert.equal(await page.locator("#overall").isVisible(), false);
});

test("records are searched, filtered by state and put in order", async (rig) => {
  const page = await crowd(rig, { viewport: { width: 1024, height: 768 } }, "--attempts", "1");
  await count(page, "2,002 records");
  await page.getByLabel("Search", { exact: true }).fill("POEM 1999 of");
  await count(page, "1 of 2,002 records");
  assert.deepEqual(await listed(page), ["Poem 1999 of many"]);
  await page.getByLabel("Search", { exact: true }).fill("weblog");
  assert.deepEqual(await listed(page), ["broken"]);
  await new Row(page, "broken").press("Sync Up");
  await new Row(page, "broken").shows("failed");
  await page.getByLabel("Search", { exact: true }).fill("");
  await page.locator("#group").selectOption("failed");
  assert.deepEqual(await listed(page), ["broken"]);
  await page.locator("#group").selectOption("");
  await page.locator("#sort").selectOption("latest");
  assert.equal((await listed(page))[0], "Poem 2000 of many");
  await page.locator("#sort").selectOption("state");
  assert.equal((await listed(page))[0], "broken");
  await page.locator("#sort").selectOption("name");
  assert.deepEqual((await listed(page)).slice(0, 4), ["broken", "endless", "Poem 1 of many", "Poem 2 of many"]);
});

test("some are selected, and synced, cancelled, tried again and removed", async (rig) => {
  const page = await crowd(rig, {}, "--attempts", "1");
  const names = ["endless", "broken", "Poem 1 of many"];
  const rows = names.map((name) => new Row(page, name));
  const bar = page.getByRole("group", { name: "Selected records" });
  const press = (what) => bar.getByRole("button", { name: what, exact: true }).click();
  for (const row of rows) await row.element.getByRole("checkbox").check();
  await bar.getByText("3 selected").waitFor();
  await press("Sync");
  await rows[0].shows("running");
  for (const row of rows.slice(1)) await row.shows("failed");
  assert.equal((await rig.api("GET", "/api/jobs")).length, 3);
  await press("Cancel");
  await rows[0].shows("cancelled");
  await press("Retry");
  await rows[0].shows("running");
  await until("three jobs more", async () => (await rig.api("GET", "/api/jobs")).length === 6);
  await press("Cancel");
  await rows[0].shows("cancelled");
  for (const row of rows.slice(1)) await row.shows("failed");
  await press("Remove");
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("heading", { name: "Remove 3 records?" }).waitFor();
  await dialog.getByRole("button", { name: "Remove" }).click();
  await count(page, "1,999 records");
  assert.equal((await rig.api("GET", "/api/records")).length, 1999);
  await bar.waitFor({ state: "hidden" });

  await page.getByLabel("Search", { exact: true }).fill("Poem 200");
  await page.getByLabel("Select all").check();
  await bar.getByText("2 selected").waitFor(); // 200 and 2000
  await press("Select none");
  await bar.waitFor({ state: "hidden" });
});

test("of 20,000 records a window is rendered, and a change of one touches its row alone", async (rig) => {
  await rig.sync("serve", "--attempts", "1");
  await rig.add("poem", "127.0.0.1:9", "first of all");
  await rig.addMany(19_999);
  const page = await (await rig.browsing.context()).newPage();
  await page.addInitScript(() => {
    new MutationObserver((_, observer) => {
      if (!document.querySelector("#records tr")) return;
      observer.disconnect();
      requestAnimationFrame(() => (window.firstRows = performance.now()));
    }).observe(document, { childList: true, subtree: true });
  });
  await page.goto(rig.url);
  const shown = await page.waitForFunction(() => window.firstRows);
  console.log(`first rows of 20,000 records after ${Math.round(await shown.jsonValue())} ms`);
  await count(page, "20,000 records");
  const rendered = () => page.locator("#records tr").count();
  assert.ok((await rendered()) < 300);

  await page.evaluate(() => {
    window.touched = new Set();
    new MutationObserver((all) => {
      for (const { target } of all) window.touched.add(target.parentElement?.closest("tr")?.querySelector(".name").textContent ?? "the table");
    }).observe(document.querySelector("#records"), { childList: true, subtree: true, characterData: true, attributes: true });
  });
  await rig.api("POST", "/api/jobs", { record: 1 });
  await new Row(page, "first of all").shows("failed");
  assert.deepEqual(await page.evaluate(() => [...window.touched]), ["first of all"]);

  const before = await rendered();
  await page.locator("#more").scrollIntoViewIfNeeded();
  await until("more rows", async () => (await rendered()) > before);
  assert.ok((await rendered()) < 1000);
});
