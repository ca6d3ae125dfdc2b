// The table of records. Of many, a window is rendered that grows as one goes down; a change of one
// record touches its row alone, unless its place changes.
import { Order } from "./order.js";
import { RecordRow } from "./row.js";
import { counted, numberText, put, putAttribute } from "./words.js";

export const CHUNK = 60; // rows
const ARRANGE_MS = 250; // places change at most so often

const byId = (id) => document.getElementById(id);

export class Table {
  /** `look(id)` says of a record whether it is chosen and selected, and as of when it is known. */
  constructor({ library, actions, select, look }) {
    Object.assign(this, { library, actions, select, look });
    this.order = new Order();
    this.rows = new Map(); // id -> row, of those rendered
    this.keys = new Map(); // id -> what its place depended on
    this.ids = []; // of all that are listed
    this.limit = CHUNK;
    this.timer = null;
    this.arranged = -ARRANGE_MS;
    this.more = byId("more");
    this.more.addEventListener("click", () => this.grow());
    new IntersectionObserver((seen) => seen.some((each) => each.isIntersecting) && this.grow(), {
      rootMargin: "800px",
    }).observe(this.more);
  }

  changed(record) {
    const state = this.library.state(record);
    const key = this.order.key(record, state);
    if (this.keys.get(record.id) !== key) this.arrangeSoon();
    this.keys.set(record.id, key);
    this.rows.get(record.id)?.update(record, state, this.look(record.id));
  }

  removed(id) {
    this.keys.delete(id);
    this.arrangeSoon();
    const row = this.rows.get(id);
    if (!row) return;
    const next = row.element.nextElementSibling ?? row.element.previousElementSibling;
    const had = row.element.contains(document.activeElement);
    row.element.remove();
    this.rows.delete(id);
    if (had) (next?.querySelector(".name") ?? byId("records-title")).focus();
  }

  /** Lists others, or in another order, from the top. */
  list(changes) {
    Object.assign(this.order, changes);
    for (const record of this.library.records.values()) {
      this.keys.set(record.id, this.order.key(record, this.library.state(record)));
    }
    this.limit = CHUNK;
    this.arrange();
  }

  /** Draws a row anew, as where another one is chosen. */
  redraw(id) {
    const record = this.library.records.get(id);
    if (record) this.rows.get(id)?.update(record, this.library.state(record), this.look(id));
  }

  redrawAll() {
    for (const id of this.rows.keys()) this.redraw(id);
  }

  tick() {
    for (const [id, row] of this.rows) if (row.ticks) this.redraw(id);
  }

  arrangeSoon() {
    const wait = Math.max(0, this.arranged + ARRANGE_MS - performance.now());
    this.timer ??= setTimeout(() => this.arrange(), wait);
  }

  arrange() {
    clearTimeout(this.timer);
    this.timer = null;
    this.ids = this.order.of(this.library.records.values(), (record) => this.library.state(record));
    this.render();
    this.arranged = performance.now();
  }

  grow() {
    if (this.limit >= this.ids.length) return;
    this.limit += CHUNK;
    this.render();
    // Where the end is still in sight, there is no news of it.
    setTimeout(() => this.more.getBoundingClientRect().top < innerHeight + 800 && !this.more.hidden && this.grow());
  }

  render() {
    const focused = document.activeElement;
    const shown = new Set(this.ids.slice(0, this.limit));
    for (const [id, row] of this.rows) {
      if (shown.has(id)) continue;
      row.element.remove();
      this.rows.delete(id);
    }
    let place = byId("records").firstElementChild;
    for (const id of shown) {
      const row = this.rows.get(id) ?? this.make(id);
      if (row.element === place) place = place.nextElementSibling;
      else byId("records").insertBefore(row.element, place);
    }
    if (focused !== document.activeElement) (focused.isConnected ? focused : byId("records-title")).focus({ preventScroll: true });
    this.tell();
  }

  make(id) {
    const row = new RecordRow(this.actions, this.select);
    this.rows.set(id, row);
    this.redraw(id);
    return row;
  }

  tell() {
    const all = this.library.records.size;
    const listed = this.ids.length;
    byId("no-records").hidden = all > 0 || !this.library.known;
    byId("table").hidden = listed === 0;
    byId("tools").hidden = all === 0;
    byId("none-found").hidden = all === 0 || listed > 0;
    this.more.hidden = listed <= this.limit;
    putAttribute(byId("table"), "aria-rowcount", listed + 1);
    if (!this.library.known) return;
    put(byId("count"), listed === all ? counted(all, "record") : `${numberText(listed)} of ${counted(all, "record")}`);
  }
}
