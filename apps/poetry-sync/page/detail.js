// What is shown of the chosen record: its state, its jobs, the log of one of them, its text.
import { History } from "./history.js";
import { LogPane } from "./log.js";
import { PartsPane } from "./parts.js";
import { waitsToRetry } from "./states.js";
import { Buttons, Status } from "./status.js";
import { TextPane } from "./text.js";
import { durationText, timeText } from "./times.js";
import { put, putAttribute } from "./words.js";

/** ", synced by itself every 10 min, next at 12:30:00". */
function scheduleText(record) {
  if (!record.every_s) return "";
  const next = record.next ? `, next at ${timeText(record.next)}` : "";
  return `, synced by itself every ${durationText(1000 * record.every_s)}${next}`;
}

const byId = (id) => document.getElementById(id);

export class Detail {
  constructor(actions) {
    this.id = 0; // of the record; 0: none
    this.job = 0; // the one that was chosen of its jobs; 0: whatever is the latest
    this.record = null;
    this.status = new Status();
    this.buttons = new Buttons(actions, false);
    byId("detail-status").append(this.status.element, this.buttons.element);
    this.log = new LogPane();
    this.text = new TextPane({ text: byId("text"), note: byId("text-note") });
    this.parts = new PartsPane(byId("parts"));
    this.history = new History({ list: byId("jobs"), empty: byId("no-jobs") });
  }

  /** Shows this record, and this job of it, from now on; with null, none, for the reason told. */
  choose(record, job, why) {
    this.id = record?.id ?? 0;
    this.job = job?.id ?? 0;
    this.chosen = job;
    put(byId("detail-hint"), why ?? "Choose a record to see its log, its text and its past jobs.");
    byId("detail-hint").hidden = Boolean(record);
    byId("detail-body").hidden = !record;
  }

  /** Shows what is new of it. */
  update(record, state, asOf) {
    this.record = record;
    put(byId("detail-title"), record?.name ?? "No record chosen");
    put(byId("detail-about"), record ? `${record.type} of ${record.address}${scheduleText(record)}` : "");
    const latest = record?.job ?? null;
    const shown = this.job && this.job !== latest?.id ? this.chosen : latest;
    if (record) {
      this.status.update(record, state, asOf);
      this.buttons.update(record, state);
    }
    put(byId("log-title"), this.job ? `Log of job ${this.job}` : "Log");
    byId("latest").hidden = !this.job || this.job === latest?.id;
    putAttribute(byId("latest"), "href", `#/records/${this.id}`);
    this.log.follow(shown, record?.name ?? "");
    this.history.show(record, shown?.id ?? 0);
    this.showText(record);
  }

  /** A collection's poems, each with its own; of anything else, its text. */
  async showText(record) {
    byId("text-link").hidden = !record?.synced;
    if (record) byId("text-link").href = `api/records/${record.id}/text`;
    const collection = record?.type === "collection" ? record : null;
    const inParts = Boolean(collection) && this.parts.known !== false;
    byId("whole-text").hidden = inParts;
    byId("parts").hidden = !inParts;
    this.text.show(inParts ? null : record);
    await this.parts.show(collection);
  }

  get ticks() {
    return waitsToRetry(this.record?.job);
  }
}
