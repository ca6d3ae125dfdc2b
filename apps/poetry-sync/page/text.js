// The text stored of a record, or the beginning of a long one.
import { ask } from "./api.js";
import { put, sizeText } from "./words.js";

const MOST_SHOWN = 256 * 1024; // bytes

export class TextPane {
  constructor({ text, note }) {
    Object.assign(this, { text, note });
    this.shown = ""; // which text it is
    this.aborter = null;
  }

  /** Shows the record's text, unless it is there already; with null, nothing. */
  async show(record) {
    const which = record ? `${record.id} ${record.synced}` : "";
    if (which === this.shown) return;
    const other = which.split(" ")[0] !== this.shown.split(" ")[0];
    this.shown = which;
    this.aborter?.abort();
    this.aborter = new AbortController();
    if (other || !record?.synced) this.clear(record?.synced ? "Loading." : "Not synced yet.");
    if (!record?.synced) return;
    try {
      const { text, shown, isAll } = await beginning(`api/records/${record.id}/text`, this.aborter.signal);
      if (which !== this.shown) return;
      this.text.hidden = text === "";
      put(this.text, text);
      put(this.note, note(shown, isAll, record.bytes));
    } catch (error) {
      if (which !== this.shown) return;
      this.shown = ""; // it is tried again with the next news of the record
      this.clear(`The text cannot be shown: ${error.message}.`);
    }
  }

  clear(note) {
    this.text.hidden = true;
    put(this.text, "");
    put(this.note, note);
  }
}

/** What is to be said beside so many bytes of a text of `all`. */
export const note = (shown, isAll, all) =>
  isAll ? (shown === 0 ? "It is empty." : "") : `The first ${sizeText(shown)} of ${sizeText(all)} are shown.`;

/** The beginning of a text, and how many bytes that is, without fetching the rest. */
export async function beginning(path, signal, most = MOST_SHOWN) {
  const reader = (await ask(path, { signal })).body.getReader();
  const bytes = new Uint8Array(most);
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    // A character that is cut in two at the end is left out.
    const decoded = (isAll) => ({ text: new TextDecoder().decode(bytes.subarray(0, size), { stream: !isAll }), shown: size, isAll });
    if (done) return decoded(true);
    const taken = value.subarray(0, most - size);
    bytes.set(taken, size);
    size += taken.length;
    if (taken.length === value.length) continue;
    reader.cancel().catch(() => {});
    return decoded(false);
  }
}
