// A record's row of the table: made once, and updated in place, so that the focus stays.
import { isActive } from "/library.js";
import { make, put, putAttribute, putTime, sizeText, timeText } from "/words.js";

const BUSY = new Set(["asked", "queued", "running", "cancelling", "removing"]);

/** A button that keeps the focus while it does nothing, as a disabled one does not. */
function button(text, classes, press) {
  const made = make("button", classes, text);
  made.type = "button";
  made.addEventListener("click", () => {
    if (made.getAttribute("aria-disabled") !== "true") press();
  });
  return made;
}

function cell(label, ...content) {
  const made = make("td", "", ...content);
  made.setAttribute("role", "cell");
  made.dataset.label = label; // shown where there is no room for columns
  return made;
}

/** What there is to say of a state beside its word. */
function remark(record, state) {
  const job = record.job;
  if (!job) return "";
  if (state === "failed") return job.error;
  if (state === "queued" && job.error) return `${job.error}; again at ${timeText(job.due)}`;
  return state === "running" && job.attempts > 1 ? `attempt ${job.attempts}` : "";
}

function progressText(job) {
  if (!job?.expected) return sizeText(job?.fetched ?? 0);
  const share = Math.floor((100 * job.fetched) / job.expected);
  return `${Math.min(share, 100)} % of ${sizeText(job.expected)}`;
}

export class RecordRow {
  constructor(actions) {
    this.record = null;
    const act = (name) => () => actions[name](this.record);
    this.name = button("", "name", act("choose"));
    this.address = make("span", "address quiet");
    this.pill = make("span", "pill");
    this.remark = make("span", "remark quiet");
    this.progress = make("progress");
    this.share = make("span", "share quiet");
    this.size = cell("Size");
    this.size.classList.add("number");
    this.time = make("time");
    this.sync = button("Sync Up", "main", act("sync"));
    this.cancel = button("Cancel", "", act("cancel"));
    this.retry = button("Retry", "", act("retry"));
    this.remove = button("Remove", "plain", act("remove"));
    this.element = this.build();
  }

  build() {
    const head = make("th", "", this.name, this.address);
    head.scope = "row";
    head.setAttribute("role", "rowheader");
    const buttons = make("div", "actions", this.sync, this.cancel, this.retry, this.remove);
    const state = make("div", "state", this.pill, this.share);
    const row = make("tr", "", head, cell("State", state, this.progress, this.remark), this.size,
      cell("Last sync", this.time), cell("Actions", buttons));
    row.setAttribute("role", "row");
    return row;
  }

  update(record, state, chosen) {
    this.record = record;
    put(this.name, record.name);
    putAttribute(this.name, "aria-current", chosen ? "true" : null);
    put(this.address, record.name === record.address ? record.type : `${record.type} ${record.address}`);
    put(this.pill, state);
    putAttribute(this.pill, "data-state", state);
    put(this.remark, remark(record, state));
    put(this.size, record.synced ? sizeText(record.bytes) : "");
    putTime(this.time, record.synced, "never");
    this.updateProgress(record, state);
    this.updateButtons(record, state);
  }

  updateProgress(record, state) {
    const fresh = state === "asked" ? null : record.job;
    const shown = BUSY.has(state) && state !== "queued";
    this.progress.hidden = !shown;
    putAttribute(this.progress, "aria-label", `Progress of ${record.name}`);
    if (fresh?.expected) {
      this.progress.max = fresh.expected;
      this.progress.value = Math.min(fresh.fetched, fresh.expected);
    } else {
      this.progress.removeAttribute("value"); // how much there is to come is not known
    }
    put(this.share, shown ? progressText(fresh) : "");
  }

  updateButtons(record, state) {
    const busy = BUSY.has(state);
    const over = state === "failed" || state === "cancelled";
    const focused = document.activeElement;
    putAttribute(this.sync, "aria-disabled", busy);
    putAttribute(this.cancel, "aria-disabled", !isActive(record.job) || state === "cancelling");
    this.cancel.hidden = !busy;
    this.retry.hidden = !over;
    this.remove.hidden = busy;
    if (focused?.hidden && this.element.contains(focused)) this.sync.focus();
    for (const each of [this.sync, this.cancel, this.retry, this.remove]) {
      putAttribute(each, "aria-label", `${each.textContent} ${record.name}`);
    }
  }
}
