// The demo that ./dev web shows.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { testOfPage as test, until } from "./rig.mjs";
import { connection, Row } from "./view.mjs";

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const childrenOf = (pid) => execFileSync("pgrep", ["-P", pid]).toString().trim().split("\n").map(Number);

test("the demo shows a dozen records, and leaves nothing behind", async (rig) => {
  process.env.POETRY_POEMS = path.join(ROOT, "poems");
  process.env.TMPDIR = rig.folder;
  const demo = rig.start(path.join(ROOT, "apps/poetry-sync/demo"));
  rig.url = (await demo.has(/http:\/\/[\d.:]+/))[0];
  const page = await rig.page();
  await connection(page, "live");
  await page.locator("#records tr").nth(11).waitFor();
  await page.getByRole("button", { name: "Sync all" }).click();
  await new Row(page, "Eternity").shows("done");
  const children = childrenOf(demo.process.pid);
  assert.ok(children.length >= 3, `${children}`);
  const folder = execFileSync("ls", [rig.folder]).toString().trim();
  assert.match(folder, /^poetry-web\.\w+$/);

  rig.browsing.allow(/^error: Failed to load resource: net::ERR_/);
  await demo.end("SIGTERM");
  assert.equal(demo.process.exitCode, 143);
  await until("the end of its children", () => !children.some((pid) => existsSync(`/proc/${pid}`)));
  assert.ok(!existsSync(path.join(rig.folder, folder)));
});
