// What the page looks like, and whether everybody can use it: axe, narrow screens, pictures.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import path from "node:path";

import { packages } from "./browsing.mjs";
import { testOfPage as test } from "./rig.mjs";
import { connection, logLines, Row, text } from "./view.mjs";

const axe = packages("axe-core").source;
const PICTURES = process.env.POETRY_SCREENSHOTS;
const POEM = "Look on my Works, ye Mighty, and despair!\nNothing beside remains. Round the decay\n";

/** No rule of axe is broken. Where axe itself fails, so does the test. */
async function pleasesAxe(page, what) {
  await page.evaluate(axe);
  const { violations, passes } = await page.evaluate(() => window.axe.run(document));
  const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
  assert.deepEqual(told, [], what);
  assert.ok(passes.length > 10, `${what}: axe looked at nothing`);
}

async function picture(page, name) {
  if (!PICTURES) return;
  mkdirSync(PICTURES, { recursive: true });
  await page.screenshot({ path: path.join(PICTURES, `${name}.png`), fullPage: true });
}

/** A library with a record in each state. */
async function furnish(rig) {
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
  await rig.sync("serve", "--attempts", "1");
  for (const [type, peer, name] of all) await rig.add(type, peer.address, name);
  await rig.add("poem", "127.0.0.1:10000", "127.0.0.1:10000");
  return all.map(([, , name]) => name);
}

async function looksWell(rig, name, options) {
  const empty = await rig.page(options);
  await connection(empty, "live");
  await pleasesAxe(empty, "empty");
  await picture(empty, `${name}-empty`);
}

async function looksWellFurnished(rig, name, options) {
  const names = await furnish(rig);
  const page = await rig.page(options);
  const rows = names.map((each) => new Row(page, each));
  for (const row of rows) await row.press("Sync Up");
  await rows[0].shows("done");
  await rows[1].shows("failed");
  await rows[2].progress(0.5);
  await rows[3].shows("running");
  await rows[4].says(/\d B$/);
  await rows[4].press("Cancel");
  await rows[4].shows("cancelled");
  await rows[4].press("Sync Up");
  await rows[4].shows("running");
  await page.getByRole("button", { name: "Close the record" }).click();
  await pleasesAxe(page, "records");
  await picture(page, `${name}-records`);
  await rows[3].choose();
  await logLines(page, 30);
  await picture(page, `${name}-log`);
  await rows[0].choose();
  await text(page, POEM);
  await logLines(page, 2);
  await pleasesAxe(page, "a record");
  await picture(page, `${name}-detail`);
  await rows[0].press("Remove");
  await pleasesAxe(page, "a question");
  await picture(page, `${name}-question`);
  await page.keyboard.press("Escape");
  return page;
}

for (const colorScheme of ["light", "dark"]) {
  test(`${colorScheme}: axe finds nothing`, async (rig) => {
    await rig.sync("serve");
    await looksWell(rig, colorScheme, { colorScheme });
  });

  test(`${colorScheme}: axe finds nothing in records`, async (rig) => {
    await looksWellFurnished(rig, colorScheme, { colorScheme });
  });
}

test("a phone's page is as wide as the phone", async (rig) => {
  const viewport = { width: 360, height: 740 };
  const page = await looksWellFurnished(rig, "phone", { viewport, hasTouch: true, isMobile: true });
  const [wide, seen] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
  assert.equal(seen, viewport.width);
  assert.equal(wide, viewport.width);
});
