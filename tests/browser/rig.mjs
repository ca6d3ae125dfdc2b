// Runs poetry-sync, servers and a browser for one test, waits for what they do, and ends them.
// Nothing here sleeps for a fixed time: a wait ends with what it waits for, or fails after WAIT.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test as nodeTest } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

import { Browsing } from "./browsing.mjs";
import { Proxy } from "./proxy.mjs";

const BIN = process.env.POETRY_BIN;
assert.ok(BIN, "POETRY_BIN must name the folder of the tools");
const SANITIZED = process.env.POETRY_SANITIZED === "1";
export const WAIT = SANITIZED ? 100_000 : 30_000; // ms; far beyond what a loaded machine needs

// To add thousands by the API takes a minute.
const MANY = `
import sqlite3, sys
with sqlite3.connect(sys.argv[1], timeout=60) as database:
    columns = [row[1] for row in database.execute("PRAGMA table_info(records)") if row[1] != "id"]
    place = {"address": "'127.1.' || (n / 256) || '.' || (n % 256) || ':9'", "name": "'Poem ' || n || ' of many'"}
    database.execute(
        "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?) "
        f"INSERT INTO records ({', '.join(columns)}) SELECT {', '.join(place.get(c, c) for c in columns)} "
        "FROM numbers, (SELECT * FROM records ORDER BY id LIMIT 1) ORDER BY n", [int(sys.argv[2])])
`;

/** What `look` returns, once that is something. */
export async function until(what, look) {
  const deadline = Date.now() + WAIT;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > deadline) assert.fail(`did not happen: ${what}`);
    await pause(20);
  }
}

/** A port that nobody has, below those which the system gives away by itself. */
export async function freePort() {
  for (;;) {
    const port = 15_000 + Math.floor(Math.random() * 15_000);
    const server = net.createServer();
    const free = await new Promise((told) => {
      server.once("error", () => told(false)).listen(port, "127.0.0.1", () => told(true));
    });
    if (!free) continue;
    server.close();
    return port;
  }
}

/** A tool that runs while the test goes on. */
class Running {
  constructor(name, args) {
    // It ends with this process, should that be killed.
    const command = ["--pdeathsig", "KILL", path.resolve(BIN, name), ...args.map(String)];
    this.process = spawn("setpriv", command, { stdio: ["ignore", "pipe", "pipe"] });
    this.text = "";
    for (const pipe of [this.process.stdout, this.process.stderr]) {
      pipe.setEncoding("utf8").on("data", (text) => (this.text += text));
    }
    this.ended = once(this.process, "close");
  }

  /** What it has printed that matches, once it has. */
  has(pattern) {
    return until(pattern, () => {
      assert.equal(this.process.exitCode, null, this.text);
      return this.text.match(pattern);
    });
  }

  async end(signal = "SIGTERM") {
    this.process.kill(signal);
    const killing = setTimeout(() => this.process.kill("SIGKILL"), WAIT);
    await this.ended;
    clearTimeout(killing);
  }
}

/** A server that sends what the test tells it to; `greet(socket)` is called for each client. */
class Peer {
  constructor(greet = () => {}) {
    this.clients = [];
    this.server = net.createServer({ allowHalfOpen: true }, (socket) => {
      socket.on("error", () => {}).on("end", () => socket.end()).resume();
      this.clients.push(socket);
      greet(socket, this.clients.length);
    });
  }

  async listen() {
    await new Promise((told) => this.server.listen(0, "127.0.0.1", told));
    return this;
  }

  get port() {
    return this.server.address().port;
  }

  get address() {
    return `127.0.0.1:${this.port}`;
  }

  /** The client of this number, from 1, once it is there. */
  client(number = 1) {
    return until(`client ${number} of ${this.port}`, () => this.clients[number - 1]);
  }

  async end() {
    for (const each of this.clients) each.destroy();
    await new Promise((told) => this.server.close(told));
  }
}

class Rig {
  constructor(browsing) {
    this.browsing = browsing;
    browsing.beginTest();
    this.folder = mkdtempSync(path.join(tmpdir(), "poetry-browser-"));
    this.database = `sqlite:${path.join(this.folder, "library.db")}`;
    this.started = [];
  }

  start(name, ...args) {
    this.started.push(new Running(name, args));
    return this.started.at(-1);
  }

  async peer(greet) {
    this.started.push(await new Peer(greet).listen());
    return this.started.at(-1);
  }

  /** In front of the server; the pages go by way of it. */
  async proxy(prefix = "/") {
    this.started.push(await new Proxy(this.url, prefix).listen());
    return this.started.at(-1);
  }

  /** `poetry-sync serve`, or only one of its halves, on this test's database. */
  async sync(command, ...args) {
    const all = [command, "--database", this.database];
    if (command !== "worker" && !args.includes("--listen")) all.push("--listen", "0");
    if (command !== "web") all.push("--control", "0");
    const running = this.start("poetry-sync", ...all, ...args);
    if (command === "worker") await running.has(/listening \S+ control/);
    else this.url = `http://${(await running.has(/listening (\S+) page/))[1]}`;
    return running;
  }

  /** The answer of the API, which has to be a good one. */
  async api(method, target, body) {
    const response = await fetch(this.url + target, {
      method,
      ...(body && { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }),
    });
    assert.ok(response.ok, `${method} ${target}: ${response.status}`);
    if (response.status === 204) return null;
    return response.headers.get("Content-Type").includes("json") ? response.json() : response.text();
  }

  add(type, address, name) {
    return this.api("POST", "/api/records", { type, address, name });
  }

  /** So many further records, in which nothing listens: copies of the first but for name and address. */
  addMany(count) {
    const file = this.database.replace("sqlite:", "");
    execFileSync("python3", ["-c", MANY, file, String(count)]);
    return until(`${count} records more`, async () => (await this.api("GET", "/api/records")).length > count);
  }

  /** A page of a context of its own. */
  page(options) {
    return this.browsing.page(this.url, options);
  }

  async streams() {
    return Number((await this.api("GET", "/metrics")).match(/^poetry_sync_streams (\d+)$/m)[1]);
  }

  /** Tells what a failed test leaves behind. */
  async explain() {
    console.log(this.browsing.complaints);
    for (const each of this.started) if (each.text) console.log(each.text);
    for (const page of this.browsing.pages()) console.log(await page.locator("body").innerText().catch(String));
    console.log(await this.api("GET", "/api/jobs").catch(String));
  }

  async end() {
    await this.browsing.endTest();
    for (const each of this.started.reverse()) await each.end();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const browsing = new Browsing();
after(() => browsing.end());

/** A test with a rig of its own, which fails too where a page complained of something. */
export function test(name, body) {
  nodeTest(name, { timeout: 4 * WAIT }, async () => {
    await browsing.begin();
    const rig = new Rig(browsing);
    try {
      await body(rig);
    } catch (error) {
      await rig.explain();
      throw error;
    } finally {
      await rig.end();
    }
    assert.deepEqual(browsing.complaints, [], "the page complained");
  });
}

/** Not worth its time under a sanitizer: it asks nothing further of the program. */
export const testOfPage = SANITIZED ? (name) => nodeTest.skip(name) : test;
