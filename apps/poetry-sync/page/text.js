// The text stored of a record, or the beginning of a long one.
import { ask } from "/api.js";
import { put, sizeText } from "/words.js";

const MOST_SHOWN = 256 * 1024; // bytes

export class TextPane {
  constructor({ text, link, note }) {
    Object.assign(this, { text, link, note });
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
    this.link.hidden = !record?.synced;
    if (other || !record?.synced) this.clear(record?.synced ? "Loading." : "Not synced yet.");
    if (!record?.synced) return;
    const path = `/api/records/${record.id}/text`;
    this.link.href = path;
    try {
      const { bytes, isAll } = await beginning(path, this.aborter.signal);
      if (which !== this.shown) return;
      // A character that is cut in two at the end is left out.
      const text = new TextDecoder().decode(bytes, { stream: !isAll });
      this.text.hidden = text === "";
      put(this.text, text);
      put(this.note, note(bytes.length, isAll, record.bytes));
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

const note = (shown, isAll, all) =>
  isAll ? (shown === 0 ? "It is empty." : "") : `The first ${sizeText(shown)} of ${sizeText(all)} are shown.`;

/** The first bytes of what is there, without fetching the rest. */
async function beginning(path, signal) {
  const reader = (await ask(path, { signal })).body.getReader();
  const bytes = new Uint8Array(MOST_SHOWN);
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return { bytes: bytes.subarray(0, size), isAll: true };
    const taken = value.subarray(0, MOST_SHOWN - size);
    bytes.set(taken, size);
    size += taken.length;
    if (taken.length === value.length) continue;
    reader.cancel().catch(() => {});
    return { bytes, isAll: false };
  }
}
