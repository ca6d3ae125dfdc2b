// A record is a view of its own, with an address; what is shown in it of a collection.
import assert from "node:assert/strict";

import { testOfPage as test, until } from "./rig.mjs";
import { add, connection, logLines, Row, text } from "./view.mjs";

const hash = (page) => new URL(page.url()).hash;
const heading = (page, name) => page.getByRole("heading", { name, exact: true }).waitFor();

for (const [width, besides] of [[1440, true], [1024, false], [390, false]]) {
  test(`at ${width} px, Back, a reload and a pasted link show what they name`, async (rig) => {
    const peer = await rig.peer((socket, number) => socket.end(`line ${number}\n`));
    await rig.sync("serve");
    for (const name of ["one", "other"]) await rig.add("poem", name === "one" ? peer.address : "127.0.0.1:9", name);
    await rig.addMany(2000);
    for (let job = 1; job <= 2; ++job) {
      await rig.api("POST", "/api/jobs", { record: 1 });
      await until("done", async () => (await rig.api("GET", "/api/records/1")).job.state === "done");
    }
    const options = { viewport: { width, height: 800 } };
    const page = await rig.page(options);
    const list = page.locator("#library");
    await page.locator("#records tr").nth(30).scrollIntoViewIfNeeded();
    const top = await page.evaluate(() => window.scrollY);
    await page.locator("#records .name").nth(30).click();
    await heading(page, "Poem 29 of many");
    assert.equal(hash(page), "#/records/31");
    assert.equal(await list.isVisible(), besides);
    assert.equal(await page.evaluate(() => document.activeElement.id), "detail-title");
    await page.goBack();
    await page.locator("#records tr").nth(30).waitFor();
    assert.equal(await page.evaluate(() => window.scrollY), top);

    await new Row(page, "one").choose();
    assert.equal(hash(page), "#/records/1");
    await text(page, "line 2\n");
    await page.locator("#jobs a").last().click();
    assert.equal(hash(page), "#/jobs/1");
    await heading(page, "Log of job 1");
    await page.getByRole("link", { name: "Show the latest job" }).waitFor();
    await page.reload();
    await heading(page, "Log of job 1");
    const pasted = await rig.browsing.page(page.url(), options);
    await heading(pasted, "one");
    await heading(pasted, "Log of job 1");
    assert.equal(await pasted.locator("#jobs [aria-current]").getAttribute("href"), "#/jobs/1");
    await page.goBack();
    assert.equal(hash(page), "#/records/1");
    await heading(page, "Log");
    await page.getByRole("button", { name: "Close the record" }).click();
    assert.equal(hash(page), "#/");
    await until("the focus is at its row", () => page.evaluate(() => document.activeElement.textContent === "one"));

    await page.goto(`${rig.url}/#/records/9999`);
    await page.getByText("Record 9999 is not there.").waitFor();
    rig.browsing.allow(/404 .*\/api\/jobs\/77$/);
    await page.goto(`${rig.url}/#/jobs/77`);
    await page.getByText("Job 77 is not there.").waitFor();
  });
}

test("records are added in a dialog, which gives the focus back", async (rig) => {
  await rig.sync("serve");
  const page = await rig.page();
  await connection(page, "live");
  const opener = page.getByRole("button", { name: "Add a record" });
  await opener.click();
  assert.equal(await page.evaluate(() => document.activeElement.name), "address");
  await page.keyboard.press("Escape");
  await page.locator("#add").waitFor({ state: "hidden" });
  const focused = () => page.evaluate(() => document.activeElement.id);
  assert.equal(await focused(), "add-open");
  const family = "👩‍👩‍👧‍👦 at home";
  await add(page, "poem", "127.0.0.1:9", family);
  const [{ name }] = await until("the record", async () => (await rig.api("GET", "/api/records")).length && rig.api("GET", "/api/records"));
  await new Row(page, name).shows("new");
  await page.locator("#add").waitFor({ state: "hidden" });
  assert.equal(await focused(), "add-open");
});

test("names keep their joined characters", async (rig) => {
  rig.browsing.allow(/503 .*\/events$/);
  const name = "👩‍👩‍👧‍👦 क्‍ष 🏴󠁧󠁢󠁳󠁣󠁴󠁿";
  const record = { id: 1, type: "poem", address: "127.0.0.1:9", name, created: "2026-01-02T03:04:05.678Z", synced: "2026-01-02T03:04:05.678Z", bytes: 5, job: null };
  await rig.sync("serve");
  const page = await (await rig.browsing.context({ timezoneId: "Asia/Tokyo" })).newPage();
  await page.route("**/events", (route) => route.fulfill({ status: 503, json: {} }));
  await page.route("**/api/records", (route) => route.fulfill({ json: [record] }));
  await page.goto(rig.url);
  const row = new Row(page, name);
  await row.shows("new");
  // Not today: with its date, and its zone beside it.
  const time = row.element.locator("time");
  assert.match(await time.textContent(), /2 Jan 2026, 12:04:05/);
  assert.match(await time.getAttribute("title"), /Japan Standard Time/);
});

test("each poem of a collection has its heading, its state and its text", async (rig) => {
  // CONTRACT: the answers of api/records/ID/parts and text?part=NUMBER, in place of a server that has them.
  const parts = [["Ozymandias", true, 9], ["Ecstasy", false, 4], ["Eternity", false, 0]].map(([name, complete, bytes], at) => ({
    number: at + 1, name, address: `127.0.0.1:${at + 1}`, bytes, complete, expected: 9, sha256: String(at),
  }));
  const list = await rig.peer((socket) => socket.end("[]"));
  const { url } = await rig.sync("serve").then(() => rig);
  await rig.add("collection", list.address, "all");
  await rig.api("POST", "/api/jobs", { record: 1 });
  await until("over", async () => ["done", "failed"].includes((await rig.api("GET", "/api/records/1")).job.state));
  const record = { ...(await rig.api("GET", "/api/records/1")), synced: "2026-11-29T12:00:00.000Z" };
  record.job = { ...record.job, state: "running", revision: 100 };
  rig.browsing.allow(/503 .*\/events$/);
  const page = await (await rig.browsing.context()).newPage();
  await page.route("**/events", (route) => route.fulfill({ status: 503, json: {} }));
  await page.route("**/api/records", (route) => route.fulfill({ json: [record] }));
  await page.route("**/api/records/1/parts", (route) => route.fulfill({ json: parts }));
  await page.route("**/api/records/1/text?part=*", (route) => route.fulfill({ body: `text ${new URL(route.request().url()).searchParams.get("part")}` }));
  await page.goto(`${url}/#/records/1`);
  await page.locator("#parts details").nth(2).waitFor();
  assert.deepEqual(await page.locator("#parts h4").allTextContents(), ["Ozymandias", "Ecstasy", "Eternity"]);
  assert.deepEqual(await page.locator("#parts .pill").allTextContents(), ["done", "running", "queued"]);
  await text(page, "text 1text 2text 3");
  assert.equal(await page.getByRole("region", { name: "Text of Ecstasy" }).textContent(), "text 2");
  parts[1].complete = true;
  record.job.revision += 1;
  await until("its end", async () => (await page.locator("#parts .pill").allTextContents())[1] === "done");
});
