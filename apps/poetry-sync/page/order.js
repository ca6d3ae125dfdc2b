// Which records are listed, and in what order.
import { groupOf } from "./states.js";

const RANK = ["failed", "running", "waiting", "cancelled", "new", "done"];
const words = new Intl.Collator(undefined, { numeric: true });
const time = (record) => (record.synced ? Date.parse(record.synced) : 0);

const ORDERS = {
  first: () => 0,
  latest: (a, b) => b.record.id - a.record.id,
  name: (a, b) => words.compare(a.record.name, b.record.name),
  state: (a, b) => RANK.indexOf(a.group) - RANK.indexOf(b.group),
  synced: (a, b) => time(b.record) - time(a.record),
  size: (a, b) => b.record.bytes - a.record.bytes,
};

export class Order {
  constructor() {
    this.query = "";
    this.group = ""; // any
    this.sort = "first";
  }

  has(record, state) {
    if (this.group && groupOf(state) !== this.group) return false;
    if (!this.query) return true;
    return `${record.name}\n${record.address}\n${record.type}`.toLowerCase().includes(this.query.toLowerCase());
  }

  /** What a record's place depends on; where that is as before, so is the place. */
  key(record, state) {
    const by = { name: record.name, state: groupOf(state), synced: record.synced, size: record.bytes }[this.sort];
    return `${this.has(record, state)} ${by}`;
  }

  /** The ids of those that are listed. */
  of(records, stateOf) {
    const all = [];
    for (const record of records) {
      const state = stateOf(record);
      if (this.has(record, state)) all.push({ record, group: groupOf(state) });
    }
    const by = ORDERS[this.sort];
    all.sort((a, b) => by(a, b) || a.record.id - b.record.id);
    return all.map(({ record }) => record.id);
  }
}
