// The browser of one file of tests, and the pages of one test; what they complain of is collected.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import path from "node:path";

const modules = process.env.POETRY_NODE_MODULES;
assert.ok(modules, "POETRY_NODE_MODULES must name the folder of the npm packages; ./dev test does");
export const packages = createRequire(path.join(modules, "packages.js"));
const { chromium } = packages("playwright-core");
const WAIT = process.env.POETRY_SANITIZED === "1" ? 100_000 : 30_000; // ms

/** In each page, before it begins. */
function tellViolations() {
  document.addEventListener("securitypolicyviolation", (event) => {
    console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`);
  });
}

export class Browsing {
  /** Starts the browser, unless that is done: a file whose tests are all skipped needs none. */
  async begin() {
    this.browser ??= await chromium.launch({
      executablePath: process.env.POETRY_CHROMIUM ?? "/usr/bin/chromium-headless-shell",
      chromiumSandbox: false, // it sees our page alone, and many a container forbids it
      timeout: WAIT,
    });
  }

  beginTest() {
    this.contexts = [];
    this.complaints = [];
    this.allowed = [];
  }

  /** Complaints like this are part of the test. */
  allow(pattern) {
    this.allowed.push(pattern);
  }

  async context(options = {}) {
    const made = await this.browser.newContext({ viewport: { width: 1360, height: 900 }, locale: "en-GB", ...options });
    made.setDefaultTimeout(WAIT);
    await made.addInitScript(tellViolations);
    made.on("page", (page) => this.watch(page));
    this.contexts.push(made);
    return made;
  }

  watch(page) {
    const complain = (text) => {
      if (!this.allowed.some((each) => each.test(text))) this.complaints.push(text);
    };
    page.on("pageerror", (error) => complain(`error: ${error.stack}`));
    page.on("crash", () => complain("crash"));
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) {
        complain(`${message.type()}: ${message.text()} ${message.location().url}`);
      }
    });
  }

  /** A page of a context of its own. */
  async page(url, options) {
    const page = await (await this.context(options)).newPage();
    await page.goto(url);
    return page;
  }

  pages() {
    return this.contexts.flatMap((each) => each.pages());
  }

  async endTest() {
    for (const each of this.contexts) await each.close();
  }

  async end() {
    await this.browser?.close();
  }
}
