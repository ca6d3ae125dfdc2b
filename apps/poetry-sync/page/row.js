// A record's row of the table.
import { waitsToRetry } from "./states.js";
import { Buttons, Status } from "./status.js";
import { putTime, tookText } from "./times.js";
import { make, put, putAttribute, sizeText } from "./words.js";

function cell(label, classes, ...content) {
  const made = make("td", classes, ...content);
  made.setAttribute("role", "cell");
  made.dataset.label = label; // shown where there is no room for columns
  return made;
}

export class RecordRow {
  /** `select(id, on)` is told of its box. */
  constructor(actions, select) {
    this.record = null;
    this.box = make("input");
    this.box.type = "checkbox";
    this.box.addEventListener("change", () => select(this.record.id, this.box.checked));
    this.name = make("a", "name");
    this.name.dir = "auto";
    this.address = make("span", "address quiet");
    this.status = new Status();
    this.size = cell("Size", "number size");
    this.time = make("time");
    this.took = make("span", "took quiet");
    this.buttons = new Buttons(actions, true);
    this.element = this.build();
  }

  build() {
    const head = make("th", "record", this.name, this.address);
    head.scope = "row";
    head.setAttribute("role", "rowheader");
    // The label makes the room around the box a place to press, too.
    const row = make("tr", "", cell("", "box", make("label", "", this.box)), head, cell("State", "stands", this.status.element), this.size,
      cell("Synced", "synced", this.time, this.took), cell("Actions", "does", this.buttons.element));
    row.setAttribute("role", "row");
    return row;
  }

  /** Whether it has something to say that changes by the second. */
  get ticks() {
    return waitsToRetry(this.record.job);
  }

  update(record, state, { chosen, selected, asOf }) {
    this.record = record;
    this.box.checked = selected;
    putAttribute(this.box, "aria-label", `Select ${record.name}`);
    put(this.name, record.name);
    putAttribute(this.name, "href", `#/records/${record.id}`);
    putAttribute(this.name, "aria-current", chosen ? "true" : null);
    put(this.address, record.name === record.address ? record.type : `${record.type} ${record.address}`);
    this.status.update(record, state, asOf);
    put(this.size, record.synced ? sizeText(record.bytes) : "");
    putTime(this.time, record.synced, "never");
    const took = record.job?.state === "done" ? tookText(record.job) : "";
    put(this.took, took && `in ${took}`);
    this.buttons.update(record, state);
  }
}
