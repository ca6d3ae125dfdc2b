// Records that are selected, and what is done to all of them at once.
import { isActive } from "./library.js";
import { isOver } from "./states.js";
import { counted, numberText, put, putAttribute, whenEnabled } from "./words.js";

const byId = (id) => document.getElementById(id);

export class Selection {
  /** `redraw(id)` is called for each whose box changes otherwise than by a press of it. */
  constructor({ library, presses, table, redraw }) {
    Object.assign(this, { library, presses, table, redraw });
    this.ids = new Set();
    this.timer = null;
    const does = {
      sync: [(record) => library.isIdle(record) && !isOver(record.job?.state), (all) => presses.syncMany("Sync", all)],
      cancel: [(record) => isActive(record.job), (all) => presses.cancelMany(all)],
      retry: [(record) => library.isIdle(record) && isOver(record.job?.state), (all) => presses.syncMany("Retry", all)],
      remove: [(record) => library.isIdle(record), (all) => presses.removeMany(all)],
    };
    this.fits = Object.entries(does).map(([name, [fit]]) => ({ button: byId(`${name}-selected`), fit }));
    for (const [name, [fit, run]] of Object.entries(does)) {
      whenEnabled(byId(`${name}-selected`), () => run(this.records().filter(fit)));
    }
    byId("select-all").addEventListener("change", (event) => this.set(event.target.checked ? table().ids : []));
    byId("clear-selected").addEventListener("click", () => {
      this.set([]);
      byId("select-all").focus();
    });
  }

  records() {
    return [...this.ids].map((id) => this.library.records.get(id)).filter(Boolean);
  }

  has(id) {
    return this.ids.has(id);
  }

  select(id, on) {
    if (on) this.ids.add(id);
    else this.ids.delete(id);
    this.draw();
  }

  set(ids) {
    const before = this.ids;
    this.ids = new Set(ids);
    for (const id of new Set([...before, ...ids])) this.redraw(id);
    this.draw();
  }

  removed(id) {
    if (this.ids.delete(id)) this.drawSoon();
  }

  /** What fits to them has changed. */
  changed(id) {
    if (this.ids.has(id)) this.drawSoon();
  }

  drawSoon() {
    this.timer ??= setTimeout(() => this.draw(), 100);
  }

  draw() {
    clearTimeout(this.timer);
    this.timer = null;
    const all = this.records();
    byId("selected").classList.toggle("away", all.length === 0);
    put(byId("selected-count"), `${numberText(all.length)} selected`);
    for (const { button, fit } of this.fits) {
      const count = all.filter(fit).length;
      putAttribute(button, "aria-disabled", count === 0);
      putAttribute(button, "title", `${button.textContent}: ${counted(count, "record")} of those selected`);
    }
    const listed = this.table().ids.length;
    byId("select-all").checked = all.length > 0 && all.length >= listed;
    byId("select-all").indeterminate = all.length > 0 && all.length < listed;
  }
}
