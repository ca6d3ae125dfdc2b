// What went wrong, or became of a press: over the page, so that nothing moves, until it is dismissed.
import { button, make, put } from "./words.js";

const MOST_SHOWN = 5;

export class Messages {
  constructor(element) {
    this.element = element;
    this.shown = new Map(); // what it is of -> its element and text
  }

  /** `what` is what was pressed: of that there is one message. */
  tell(what, text) {
    const known = this.shown.get(what);
    if (known) return put(known.words, `${what}: ${text}`);
    const words = make("span", "", `${what}: ${text}`);
    const close = button("Dismiss", "plain", () => this.dismiss(what));
    close.setAttribute("aria-label", `Dismiss: ${what}`);
    const element = make("p", "message", words, close);
    this.shown.set(what, { element, words });
    this.element.append(element);
    if (this.shown.size > MOST_SHOWN) this.clear(this.shown.keys().next().value);
  }

  has(what) {
    return this.shown.has(what);
  }

  clear(what) {
    this.shown.get(what)?.element.remove();
    this.shown.delete(what);
  }

  dismiss(what) {
    this.clear(what);
    (this.element.querySelector("button") ?? document.querySelector("h1")).focus();
  }
}
