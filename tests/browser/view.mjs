// The page as a person finds their way in it: by the names of buttons, and the words they see.

/** A record's row. */
export class Row {
  constructor(page, name) {
    this.page = page;
    this.name = name;
    this.element = page.locator("#records tr", { has: this.button("Sync Up") });
  }

  button(what) {
    return this.page.getByRole("button", { name: `${what} ${this.name}`, exact: true, includeHidden: true });
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
    return this.page.getByRole("button", { name: this.name, exact: true }).click();
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

/** Until the text shown is this one. */
export const text = (page, wanted) =>
  page.waitForFunction((all) => document.querySelector("#text").textContent === all, wanted, { polling: 20 });

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
