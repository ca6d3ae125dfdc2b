// A connection that looks alive and is not, presses that get no answer, and a page below another path.
import assert from "node:assert/strict";

import { testOfPage as test, until } from "./rig.mjs";
import { add, connection, logLines, Row, text } from "./view.mjs";

const DISCONNECTED = /^error: Failed to load resource: net::ERR_/;

/** A page whose time-outs are a hundredth as long as they are. */
async function hastyPage(rig) {
  const page = await (await rig.browsing.context()).newPage();
  await page.addInitScript(() => {
    const real = AbortSignal.timeout.bind(AbortSignal);
    AbortSignal.timeout = (ms) => real(ms / 100);
  });
  await page.goto(rig.url);
  await connection(page, "live");
  return page;
}

test("a stream that says nothing for 30 seconds is dead, and the next one goes on behind it", async (rig) => {
  const peer = await rig.peer((socket) => socket.write("a line\n"));
  await rig.sync("serve");
  await rig.add("poem", peer.address, "silent");
  const proxy = await rig.proxy();
  const page = await (await rig.browsing.context()).newPage();
  await page.clock.install();
  await page.addInitScript(() => {
    window.reads = 0; // by the page, of its stream
    const { read } = ReadableStreamDefaultReader.prototype;
    ReadableStreamDefaultReader.prototype.read = function () {
      ++window.reads;
      return read.call(this);
    };
  });
  await page.goto(proxy.url);
  await connection(page, "live");
  const row = new Row(page, "silent");
  await row.press("Sync Up");
  await row.says("7 B");

  proxy.standStill();
  (await peer.client()).end("and its end\n");
  await until("done", async () => (await rig.api("GET", "/api/jobs/1")).state === "done");
  await connection(page, "live"); // as far as it knows
  const streams = () => proxy.asked.filter(({ url }) => url === "/events");
  assert.equal(streams().length, 1);
  await page.clock.fastForward(20_000);
  const before = await page.evaluate(() => window.reads);
  proxy.beat();
  await page.waitForFunction((count) => window.reads > count, before, { polling: 20 });
  await page.clock.fastForward(20_000);
  await connection(page, "live"); // by the heartbeat alone
  assert.equal(streams().length, 1);
  await page.clock.fastForward(11_000);
  await connection(page, "disconnected");
  await row.shows("running");
  await row.says(/^7 B, as of \d+:\d+:\d+/);
  await page.locator("#as-of", { hasText: /^as of \d+:\d+:\d+/ }).waitFor();
  assert.ok(await row.element.locator("progress").evaluate((bar) => bar.position >= 0), "the bar moves");
  await until("the title", async () => /^disconnected/.test(await page.title()));
  assert.equal(await page.locator("#icon").getAttribute("href"), "icon-away.svg");

  proxy.goOn();
  await page.clock.runFor(2_000);
  await connection(page, "live");
  await row.shows("done");
  assert.equal(await page.locator("#as-of").textContent(), "");
  assert.match(streams().at(-1).headers["last-event-id"], /^\d+-\d+$/);
});

test("a press without an answer says so, and then what became of it", async (rig) => {
  const peer = await rig.peer();
  await rig.sync("serve");
  for (const [name, port] of [["taken", peer.port], ["lost", 1]]) await rig.add("poem", `127.0.0.1:${port}`, name);
  const page = await hastyPage(rig);
  const message = (words) => page.locator("#problem .message", { hasText: words });
  await page.route("**/api/jobs", async (route) => {
    if (route.request().postDataJSON().record === 1) await route.fetch(); // and no answer comes
  });
  await new Row(page, "taken").press("Sync Up");
  await message(/^Sync Up taken: no answer for 15 s\. It was taken all the same\./).waitFor();
  await new Row(page, "taken").shows("running");
  await new Row(page, "lost").press("Sync Up");
  await message(/^Sync Up lost: no answer for 15 s\. It was not taken: press again\./).waitFor();
  await new Row(page, "lost").shows("new");

  await page.getByRole("button", { name: "Dismiss: Sync Up taken" }).click();
  assert.deepEqual(await page.locator("#problem .message span").allTextContents(), ["Sync Up lost: no answer for 15 s. It was not taken: press again."]);
  await page.keyboard.press("Enter"); // the focus is at the next
  await page.locator("#problem .message").waitFor({ state: "detached" });
});

test("the page works below another path", async (rig) => {
  const peer = await rig.peer((socket) => socket.end("a line\n"));
  await rig.sync("serve");
  const proxy = await rig.proxy("/library/of/poems/");
  const page = await rig.browsing.page(proxy.url);
  await connection(page, "live");
  await add(page, "poem", peer.address, "elsewhere");
  const row = new Row(page, "elsewhere");
  await row.press("Sync Up");
  await row.shows("done");
  await text(page, "a line\n");
  await logLines(page, 2);
  assert.equal(new URL(page.url()).pathname, proxy.prefix);
  await page.reload();
  await text(page, "a line\n");
  const outside = proxy.asked.filter(({ url }) => !url.startsWith(proxy.prefix) && url !== "/favicon.ico");
  assert.deepEqual(outside, []);
});

const VIEWPORTS = [[1440, 900], [1024, 768], [390, 844]];
for (const [width, height] of VIEWPORTS) {
  test(`nothing moves at ${width} px when states change`, async (rig) => {
    const steady = await rig.peer((socket) => socket.end("a line\n".repeat(500)));
    const broken = await rig.peer((socket) => socket.resetAndDestroy());
    const endless = await rig.peer((socket) => socket.write("a line\n"));
    await rig.sync("serve", "--attempts", "2", "--retry-delay", "500ms");
    const names = ["steady", "broken", "endless"];
    for (const [at, peer] of [steady, broken, endless].entries()) await rig.add("poem", peer.address, names[at]);
    await rig.addMany(2000);
    const page = await rig.page({ viewport: { width, height } });
    const rows = names.map((name) => new Row(page, name));
    await rows[2].shows("new");
    await page.evaluate(() => {
      window.moved = [];
      new PerformanceObserver((list) => {
        for (const { value, sources } of list.getEntries()) window.moved.push({ value, what: sources.map(({ node }) => node?.outerHTML?.slice(0, 200)) });
      }).observe({ type: "layout-shift" });
    });
    // By the API: what follows a press within half a second does not count.
    for (const record of [1, 2, 3]) await rig.api("POST", "/api/jobs", { record });
    await rows[0].shows("done");
    await rows[0].button("Sync Up").waitFor();
    await rows[1].shows("failed");
    await rows[1].button("Retry").waitFor();
    await rows[2].shows("running");
    await rig.api("POST", `/api/jobs/${(await rig.api("GET", "/api/records/3")).job.id}/cancel`, {});
    await rows[2].shows("cancelled");
    await rows[2].button("Retry").waitFor();
    assert.equal(await rows[2].button("Sync Up").count(), 0);
    const moved = await page.evaluate(() => window.moved);
    const sum = moved.reduce((all, { value }) => all + value, 0);
    assert.ok(sum < 0.02, JSON.stringify(moved));
  });
}

test("bars stand still while the server is away, and say as of when", async (rig) => {
  const peer = await rig.peer((socket) => socket.write("a line\n"));
  const server = await rig.sync("serve");
  await rig.add("poem", peer.address, "kept");
  const page = await rig.page({ viewport: { width: 390, height: 844 } });
  const row = new Row(page, "kept");
  await row.press("Sync Up");
  await row.says("7 B");
  rig.browsing.allow(DISCONNECTED);
  await server.end();
  await connection(page, "disconnected");
  await row.says(/as of \d/);
  const still = () => page.evaluate(() => document.getAnimations().filter((each) => each.playState === "running").length);
  await until("no bar moves", async () => (await still()) === 0);
});
