// Processes that are killed and started again while the page is open.
import assert from "node:assert/strict";

import { freePort, test, until } from "./rig.mjs";
import { connection, logLines, Row, text } from "./view.mjs";

const numbered = (from, to) =>
  Array.from({ length: to - from + 1 }, (_, at) => `line ${from + at}\n`).join("");

test("a worker that is killed in mid-job loses and doubles no line", async (rig) => {
  const log = await rig.peer((socket, number) => socket.write(number === 1 ? numbered(1, 40) : ""));
  const poem = await rig.peer((socket, number) => number === 1 && socket.write(numbered(1, 5)));
  await rig.sync("web");
  const first = await rig.sync("worker", "--lease", "2s");
  await rig.add("weblog", log.address, "log");
  await rig.add("poem", poem.address, "poem");
  const page = await rig.page();
  const rows = [new Row(page, "poem"), new Row(page, "log")];
  for (const row of rows) await row.press("Sync Up");
  await rows[0].says("35 B");
  const before = await logLines(page, 41);

  await first.end("SIGKILL");
  await rig.sync("worker", "--lease", "2s");
  (await log.client(2)).end(numbered(41, 50));
  (await poem.client(2)).end(numbered(1, 9));
  for (const row of rows) await row.shows("done");
  await text(page, numbered(1, 50));

  const lines = await logLines(page, 52);
  assert.deepEqual(lines.slice(0, before.length), before);
  assert.deepEqual(lines.map(({ number }) => number), lines.map((_, at) => at + 1));
  const told = lines.map((each) => each.text.match(/^(\d+): line \1$/)?.[1]).filter(Boolean);
  assert.deepEqual(told.map(Number), Array.from({ length: 50 }, (_, at) => at + 1));
  await rows[0].choose();
  await text(page, numbered(1, 9));
});

test("a page whose server is started again says so, and catches up by itself", async (rig) => {
  const poem = await rig.peer((socket) => socket.write("a line\n"));
  const listen = ["--listen", `127.0.0.1:${await freePort()}`];
  const first = await rig.sync("serve", ...listen);
  await rig.add("poem", poem.address, "kept");
  const page = await rig.page();
  const row = new Row(page, "kept");
  await row.press("Sync Up");
  await row.says("7 B");
  await connection(page, "live");

  rig.browsing.allow(/^error: Failed to load resource: net::ERR_(CONNECTION|INCOMPLETE|EMPTY)/);
  await first.end();
  await connection(page, "disconnected");
  await page.getByRole("button", { name: "Cancel kept" }).click();
  await page.locator("#problem", { hasText: "Cancel kept: the server does not answer" }).waitFor();
  await row.shows("running");
  await rig.sync("serve", ...listen);
  (await poem.client(2)).end("and its end\n");
  await connection(page, "live");
  await row.shows("done");
  await text(page, "a line\nand its end\n");
  await until("the announcement", async () => (await page.locator("#announcer").textContent()).includes("kept: done"));
});
