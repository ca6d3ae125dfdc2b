// How many records are running, wait and have failed, and how far all of that is: in a line, in the
// title, and on the icon. Each change of a record costs the same, however many there are.
import { isActive } from "./library.js";
import { groupOf, share } from "./states.js";
import { numberText, put, putAttribute } from "./words.js";

const TOLD = ["running", "waiting", "failed"];
const DRAW_MS = 200;
const byId = (id) => document.getElementById(id);

export class Overview {
  constructor() {
    this.counts = new Map(); // group -> how many
    this.groups = new Map(); // id -> its group
    this.under = new Map(); // id -> how far it is; of those asked for since nothing was under way
    this.active = 0;
    this.sum = 0; // of all in `under`
    this.connection = "";
    this.name = ""; // of what is looked at
    this.timer = null;
  }

  changed(record, state) {
    this.place(record.id, groupOf(state));
    const active = isActive(record.job);
    if (active || this.under.has(record.id)) this.follow(record.id, share(record.job), active);
    this.drawSoon();
  }

  removed(id) {
    this.place(id, null);
    if (this.under.has(id)) this.follow(id, 1, false);
    this.drawSoon();
  }

  place(id, group) {
    const before = this.groups.get(id);
    if (before === group) return;
    const add = (which, number) => which && this.counts.set(which, this.count(which) + number);
    add(before, -1);
    add(group, 1);
    if (group) this.groups.set(id, group);
    else this.groups.delete(id);
  }

  count(group) {
    return this.counts.get(group) ?? 0;
  }

  follow(id, far, active) {
    const before = this.under.get(id);
    this.active += Number(active) - Number(before?.active ?? false);
    this.sum += far - (before?.far ?? 0);
    this.under.set(id, { far, active });
    if (this.active > 0) return;
    this.under.clear();
    this.sum = 0;
  }

  drawSoon() {
    this.timer ??= setTimeout(() => this.draw(), DRAW_MS);
  }

  draw() {
    clearTimeout(this.timer);
    this.timer = null;
    for (const group of TOLD) put(byId(`count-${group}`), numberText(this.count(group)));
    const percent = this.active ? Math.floor((100 * this.sum) / this.under.size) : null;
    const bar = byId("overall");
    bar.classList.toggle("away", percent === null);
    putAttribute(bar, "aria-hidden", percent === null ? "true" : null);
    bar.value = percent ?? 0;
    put(byId("overall-text"), percent === null ? "" : `${percent} %`);
    putAttribute(byId("sync-all"), "aria-disabled", this.count("running") + this.count("waiting") >= this.groups.size);
    const told = TOLD.filter((group) => this.count(group)).map((group) => `${numberText(this.count(group))} ${group}`);
    if (percent !== null) told.unshift(`${percent} %`);
    if (this.connection === "disconnected") told.unshift("disconnected");
    document.title = [told.join(", "), this.name, "poetry-sync"].filter(Boolean).join(" · ");
    putAttribute(byId("icon"), "href", `${this.badge()}.svg`);
  }

  badge() {
    if (this.connection === "disconnected") return "icon-away";
    if (this.count("failed")) return "icon-failed";
    return this.active ? "icon-busy" : "icon";
  }
}
