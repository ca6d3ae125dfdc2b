// What the page looks like, and whether everybody can use it: axe, narrow screens, pictures.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import path from "node:path";

import { packages } from "./browsing.mjs";
import { testOfPage as test } from "./rig.mjs";
import { back, connection, logLines, Row, text } from "./view.mjs";

const axe = packages("axe-core").source;
const PICTURES = process.env.POETRY_SCREENSHOTS;
const POEM = "Look on my Works, ye Mighty, and despair!\nNothing beside remains. Round the decay\n";
const MANY = 2000;
const PARTS = ["Ozymandias", "The Ecstasy", "Eternity"].map((name, at) => ({
  number: at + 1, name, address: "127.0.0.1:9", bytes: at ? 30 : POEM.length, complete: at === 0, expected: POEM.length, sha256: "",
}));
const VIEWPORTS = [
  { viewport: { width: 1440, height: 900 } },
  { viewport: { width: 1024, height: 768 } },
  { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true },
];

/** No rule of axe is broken. Where axe itself fails, so does the test. */
async function pleasesAxe(page, what) {
  await page.evaluate(axe);
  // Of what passes, axe need not keep each of the thousands of elements.
  const { violations, passes } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
  assert.deepEqual(told, [], what);
  assert.ok(passes.length > 10, `${what}: axe looked at nothing`);
}

/** The page is not wider than the screen. */
async function fits(page, what) {
  const [wide, seen] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
  assert.equal(seen, page.viewportSize().width, what);
  assert.equal(wide, seen, what);
}

async function picture(page, name) {
  if (!PICTURES) return;
  mkdirSync(PICTURES, { recursive: true });
  await page.screenshot({ path: path.join(PICTURES, `${name}.png`) });
}

async function looksWell(page, name) {
  await pleasesAxe(page, name);
  await fits(page, name);
  await picture(page, name);
}

/** A library with a record in each state, before `more` others. */
async function furnish(rig, more) {
  const done = await rig.peer((socket) => socket.end(POEM));
  const broken = await rig.peer((socket) => socket.resetAndDestroy());
  const parts = [await rig.peer((socket) => socket.end(POEM)), await rig.peer((socket) => socket.write(POEM.slice(0, 30)))];
  const catalog = JSON.stringify(parts.map(({ port }) => ({
    host: "127.0.0.1", port, service: "poem", name: "poem", bytes: POEM.length, lines: 2, delay: 1,
  })));
  const list = await rig.peer((socket) => socket.end(catalog));
  const log = await rig.peer((socket) => socket.write("GET /sonnets/18 200\n".repeat(30)));
  const endless = await rig.peer((socket) => socket.write(POEM));
  const all = [["poem", done, "Ozymandias"], ["poem", broken, "A server that resets"],
    ["collection", list, "Anthology of the catalog"], ["weblog", log, "The web log of a library"],
    ["poem", endless, "A poem that nobody has heard to its end, whose name is long"]];
  const server = await rig.sync("serve", "--attempts", "1", "--idle-timeout", "10m", "--follow-time", "10m");
  for (const [type, peer, name] of all) await rig.add(type, peer.address, name);
  await rig.add("poem", "127.0.0.1:10000", "127.0.0.1:10000");
  await rig.addMany(more);
  return { names: all.map(([, , name]) => name), server };
}

async function eachState(page, rows) {
  for (const row of rows) {
    await row.press("Sync Up");
    await back(page);
  }
  await rows[0].shows("done");
  await rows[1].shows("failed");
  await rows[2].progress(0.5);
  await rows[3].shows("running");
  await rows[4].says(/\d B$/);
  await rows[4].press("Cancel");
  await rows[4].shows("cancelled");
  await rows[4].press("Retry");
  await rows[4].shows("running");
  await back(page);
}

async function looksWellFurnished(page, name, rows) {
  await rows[0].shows("done");
  await looksWell(page, `${name}-records`);
  await rows[0].element.getByRole("checkbox").check();
  await rows[1].element.getByRole("checkbox").check();
  await page.locator("#selected").waitFor();
  await looksWell(page, `${name}-selected`);
  await page.getByRole("button", { name: "Select none" }).click();
  await rows[3].choose();
  await logLines(page, 30);
  await looksWell(page, `${name}-log`);
  await back(page);
  await rows[2].choose();
  await page.locator("#parts details").nth(2).scrollIntoViewIfNeeded();
  await looksWell(page, `${name}-collection`);
  await back(page);
  await rows[0].choose();
  await text(page, POEM);
  await logLines(page, 2);
  await looksWell(page, `${name}-detail`);
  await back(page);
  await rows[0].press("Remove");
  await looksWell(page, `${name}-question`);
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Add a record" }).click();
  await looksWell(page, `${name}-add`);
  await page.keyboard.press("Escape");
}

for (const colorScheme of ["light", "dark"]) {
  test(`${colorScheme}: axe finds nothing, and all fits, on an empty page`, async (rig) => {
    await rig.sync("serve");
    for (const each of VIEWPORTS) {
      const page = await rig.page({ colorScheme, ...each });
      await connection(page, "live");
      await page.getByText("Nothing to keep in step with yet").waitFor();
      await looksWell(page, `${colorScheme}-${each.viewport.width}-empty`);
    }
  });

  for (const each of VIEWPORTS) {
    const { width } = each.viewport;
    test(`${colorScheme}, ${width} px: axe finds nothing, and all fits, among ${MANY} records`, async (rig) => {
      const { names, server } = await furnish(rig, MANY);
      const page = await rig.page({ colorScheme, ...each });
      await page.route("**/parts", (route) => route.fulfill({ json: PARTS })); // CONTRACT: see views.test.mjs
      await page.route("**/text?part=*", (route) => route.fulfill({ body: POEM }));
      const rows = names.map((name) => new Row(page, name));
      await eachState(page, rows);
      await looksWellFurnished(page, `${colorScheme}-${width}`, rows);
      rig.browsing.allow(/^error: Failed to load resource: net::ERR_/);
      await server.end();
      await connection(page, "disconnected");
      await rows[0].press("Sync Up");
      await back(page);
      await page.locator("#problem .message").waitFor();
      await looksWell(page, `${colorScheme}-${width}-disconnected`);
    });
  }
}
