// The page as a person finds their way in it: by the names of buttons, and the words they see.

/** A record's row. */
export class Row {
  constructor(page, name) {
    this.page = page;
    this.name = name;
    this.element = page.locator("#records tr", { has: this.link });
  }

  get link() {
    return this.page.getByRole("link", { name: this.name, exact: true, includeHidden: true });
  }

  button(what) {
    return this.element.getByRole("button", { name: `${what} ${this.name}`, exact: true, includeHidden: true });
  }

  press(what) {
    return this.button(what).click();
  }

  shows(state) {
    return this.element.locator(".pill", { hasText: new RegExp(`^${state}$`) }).waitFor();
  }

  says(text) {
    return this.element.getByText(text).first().waitFor();
  }

  /** The progress, from 0 to 1, once it is at least that; null while it is not known. */
  async progress(least) {
    const found = await this.page.waitForFunction(
      ([bar, from]) => bar.position >= from && { share: bar.position },
      [await this.element.locator("progress").elementHandle(), least],
      { polling: 20 },
    );
    return (await found.jsonValue()).share;
  }

  choose() {
    return this.link.click();
  }
}

/** Until the page's stream, or what it has in its place, is as that word says. */
export const connection = (page, word) =>
  page.locator("#connection", { hasText: new RegExp(`^${word}$`) }).waitFor();

/** The numbers and texts of the log's lines, once there are at least so many. */
export async function logLines(page, least) {
  await page.waitForFunction((count) => document.querySelectorAll("#log li").length >= count, least, { polling: 20 });
  return page.locator("#log li").evaluateAll((all) =>
    all.map((each) => ({ number: each.value, text: each.lastChild.textContent })));
}

/** Until the text shown is this one; of a collection, its poems one behind the other. */
export const text = (page, wanted) =>
  page.waitForFunction((all) => {
    const whole = document.querySelector("#whole-text");
    const shown = document.querySelectorAll(whole.hidden ? "#parts pre" : "#text");
    return [...shown].map((each) => each.textContent).join("") === all;
  }, wanted, { polling: 20 });

/** Adds a record by the dialog, which is opened unless it is, and by default waits for the answer. */
export async function add(page, type, address, name = "", { answered = true, every = "" } = {}) {
  if (!(await page.locator("#add").isVisible())) await page.getByRole("button", { name: "Add a record" }).click();
  const dialog = page.locator("#add");
  await dialog.getByLabel("Type").selectOption(type);
  await dialog.getByLabel("Address").fill(address);
  await dialog.getByLabel("Name").fill(name);
  await dialog.getByLabel("Sync by itself every").fill(every);
  await dialog.getByRole("button", { name: "Add", exact: true }).click();
  if (!answered) return;
  await page.waitForFunction(() => !document.querySelector("#add").open || document.querySelector("#add-problem").textContent);
}

/** Holds the page's requests like this; what is returned lets them go. */
export async function hold(page, method, target) {
  let release;
  const released = new Promise((free) => (release = free));
  await page.route(target, async (route) => {
    if (route.request().method() === method) await released;
    await route.continue();
  });
  return release;
}

/** Closes the record that is shown, if one is, by which the list is there on a narrow page, too. */
export async function back(page) {
  const close = page.getByRole("button", { name: "Close the record" });
  if (await close.isVisible()) await close.click();
}
