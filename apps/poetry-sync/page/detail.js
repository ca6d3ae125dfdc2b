// What is shown of the chosen record: its jobs, the log of one of them, its text.
import { History } from "/history.js";
import { LogPane } from "/log.js";
import { TextPane } from "/text.js";
import { put } from "/words.js";

const byId = (id) => document.getElementById(id);

export class Detail {
  constructor() {
    this.id = 0; // of the record; 0: none
    this.job = 0; // the one that was chosen of its past jobs; 0: whatever is the latest
    this.log = new LogPane({
      pane: byId("log-pane"), list: byId("log"), download: byId("download"), note: byId("log-note"),
    });
    this.text = new TextPane({ text: byId("text"), link: byId("text-link"), note: byId("text-note") });
    this.history = new History({ list: byId("jobs"), empty: byId("no-jobs") }, (job) => {
      this.job = job.id === this.record.job.id ? 0 : job.id;
      this.log.follow(job);
      this.update(this.record);
    });
  }

  /** Shows this record from now on; with null, none. */
  choose(record) {
    this.id = record?.id ?? 0;
    this.job = 0;
    // That a reload shows the same; each tab has its own.
    history.replaceState(null, "", record ? `#${record.id}` : location.pathname);
    byId("detail-hint").hidden = Boolean(record);
    byId("detail-body").hidden = !record;
    byId("close").hidden = !record;
    this.update(record);
  }

  /** Shows what is new of it. */
  update(record) {
    this.record = record;
    put(byId("detail-title"), record?.name ?? "No record chosen");
    put(byId("detail-about"), record ? `${record.type} of ${record.address}` : "");
    const latest = record?.job ?? null;
    if (!this.job) this.log.follow(latest);
    this.history.show(record, this.job || (latest?.id ?? 0));
    this.text.show(record);
  }
}

/** The record that the page's address names; 0 for none. */
export const named = () => Number(location.hash.slice(1)) || 0;
