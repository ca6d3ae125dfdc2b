// Tells a screen reader what becomes of jobs: their states, not each step of their progress.
import { sizeText } from "./words.js";

const TOGETHER_MS = 700; // what happens at once is said at once
const MOST_SAID = 4;

export class Announcer {
  constructor(element) {
    this.element = element;
    this.news = new Map(); // record -> what is to be said of it
    this.timer = null;
  }

  changed(record, before) {
    if (!before || record.job?.state === before.job?.state) return;
    const { state, error } = record.job;
    const more = state === "failed" ? `, ${error}` : state === "done" ? `, ${sizeText(record.bytes)}` : "";
    this.news.set(record.id, `${record.name}: ${state}${more}.`);
    this.timer ??= setTimeout(() => this.sayAll(), TOGETHER_MS);
  }

  say(text) {
    this.element.textContent = text;
  }

  sayAll() {
    const all = [...this.news.values()];
    this.news.clear();
    this.timer = null;
    const rest = all.length - MOST_SAID;
    this.say(all.slice(0, MOST_SAID).join(" ") + (rest > 0 ? ` And ${rest} more.` : ""));
  }
}
