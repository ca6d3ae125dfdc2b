// The poems of a collection: each with its heading, its state and its text, which is fetched once it is
// opened.
import { call } from "./api.js";
import { isActive } from "./library.js";
import { beginning, note } from "./text.js";
import { make, put, putAttribute, shareText, sizeText } from "./words.js";

const OPEN_AT_MOST = 12; // poems of a collection, that all of them are open from the beginning
const MOST_BYTES = 64 * 1024; // of each
const AGAIN_MS = 1000; // between two looks while the collection is synced

export class PartsPane {
  constructor(element) {
    this.element = element;
    this.known = null; // false where the server cannot tell parts
    this.shown = ""; // which state of which record
    this.record = null;
    this.parts = new Map(); // number -> Part
    this.timer = null;
  }

  /** Shows a record's poems as they are; with null, none. False where the server does not tell them. */
  async show(record) {
    const other = record?.id !== this.record?.id;
    this.record = record;
    if (other) this.clear();
    if (!record || this.known === false) return this.known;
    const which = `${record.id} ${record.job?.id} ${record.job?.revision}`;
    if (which === this.shown || this.timer) return this.known;
    this.shown = which;
    this.timer = setTimeout(() => {
      this.timer = null;
      this.show(this.record);
    }, AGAIN_MS);
    try {
      const all = await call("GET", `api/records/${record.id}/parts`);
      this.known = true;
      if (record.id === this.record?.id) this.draw(all);
    } catch (error) {
      if (error.status === 404) this.known = false;
      else this.shown = ""; // and is looked at again
    }
    return this.known;
  }

  clear() {
    clearTimeout(this.timer);
    this.timer = null;
    this.shown = "";
    this.parts.clear();
    this.element.replaceChildren();
  }

  draw(all) {
    const numbers = new Set(all.map(({ number }) => number));
    for (const [number, part] of this.parts) {
      if (numbers.has(number)) continue;
      part.element.remove();
      this.parts.delete(number);
    }
    for (const each of all) {
      let part = this.parts.get(each.number);
      if (!part) {
        part = new Part(this.record.id, each.number, all.length <= OPEN_AT_MOST);
        this.parts.set(each.number, part);
        this.element.append(part.element);
      }
      part.update(each, this.record);
    }
  }
}

/** The word for a poem's state, as the job has it. */
function stateOf(part, job) {
  if (part.complete) return "done";
  if (!isActive(job)) return job?.state === "cancelled" ? "cancelled" : "failed";
  return part.bytes ? "running" : "queued";
}

class Part {
  constructor(record, number, open) {
    this.path = `api/records/${record}/text?part=${number}`;
    this.shown = "";
    this.name = make("h4");
    this.name.dir = "auto";
    this.pill = make("span", "pill");
    this.share = make("span", "quiet");
    this.note = make("p", "quiet");
    this.text = make("pre", "pane poem");
    this.text.dir = "auto";
    this.text.tabIndex = 0;
    this.text.setAttribute("role", "region");
    this.element = make("details", "part", make("summary", "", this.name, this.pill, this.share), this.note, this.text);
    this.element.open = open;
    this.text.hidden = true;
    this.element.addEventListener("toggle", () => this.load());
  }

  update(part, record) {
    const state = stateOf(part, record.job);
    put(this.name, part.name);
    putAttribute(this.name, "title", part.address);
    put(this.pill, state);
    putAttribute(this.pill, "data-state", state);
    put(this.share, part.complete ? sizeText(part.bytes) : shareText(part.bytes, part.expected));
    putAttribute(this.text, "aria-label", `Text of ${part.name}`);
    this.part = part;
    // What is stored is the text of the last job that was done.
    this.wanted = record.synced ? `${record.synced} ${part.sha256}` : "";
    this.load();
  }

  async load() {
    if (!this.element.open || this.wanted === this.shown) return;
    const wanted = (this.shown = this.wanted);
    if (!wanted) return put(this.note, "Not synced yet.");
    try {
      const { text, shown, isAll } = await beginning(this.path, AbortSignal.timeout(60_000), MOST_BYTES);
      if (wanted !== this.shown) return;
      put(this.text, text);
      this.text.hidden = text === "";
      put(this.note, note(shown, isAll, this.part.bytes));
    } catch (error) {
      this.shown = null; // it is tried again with the next news
      put(this.note, `The text cannot be shown: ${error.message}.`);
    }
  }
}
