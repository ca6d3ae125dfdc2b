// A record's state, its progress and what there is to say of it; and the buttons beside that. Both are
// made once and updated in place, and keep their room, so that nothing moves and the focus stays.
import { isActive } from "./library.js";
import { isBusy, isOver, remark } from "./states.js";
import { button, make, put, putAttribute, shareText } from "./words.js";

export class Status {
  constructor() {
    this.pill = make("span", "pill");
    this.progress = make("progress");
    this.remark = make("span", "remark quiet");
    this.share = make("span", "share quiet");
    this.element = make("div", "status", make("div", "state", this.pill, this.share), this.progress, this.remark);
  }

  /** `asOf` is when that was so, where the server is not heard any more. */
  update(record, state, asOf = "") {
    put(this.pill, state);
    putAttribute(this.pill, "data-state", state);
    const said = remark(record.job, state);
    put(this.remark, said);
    putAttribute(this.remark, "title", said || null);
    const job = state === "asked" ? null : record.job;
    const shown = isBusy(state) && state !== "queued";
    this.progress.classList.toggle("away", !shown);
    putAttribute(this.progress, "aria-hidden", shown ? null : "true");
    putAttribute(this.progress, "aria-label", `Progress of ${record.name}`);
    if (job?.expected) {
      this.progress.max = job.expected;
      this.progress.value = Math.min(job.fetched, job.expected);
    } else if (shown && !asOf) {
      this.progress.removeAttribute("value"); // how much there is to come is not known
    } else {
      this.progress.value = 0;
    }
    const far = shown ? shareText(job?.fetched ?? 0, job?.expected) : "";
    put(this.share, asOf && isBusy(state) ? `${far ? `${far}, ` : ""}as of ${asOf}` : far);
  }
}

export class Buttons {
  /** `actions` has sync, cancel and remove, each of a record. `named` puts the record's name in them. */
  constructor(actions, named) {
    this.named = named;
    this.record = null;
    const act = (name) => () => actions[name](this.record);
    this.main = button("Sync Up", "main", act("sync"));
    this.cancel = button("Cancel", "", act("cancel"));
    this.remove = button("Remove", "plain", act("remove"));
    this.element = make("div", "actions", this.main, this.cancel, this.remove);
  }

  update(record, state) {
    this.record = record;
    const busy = isBusy(state);
    const focused = document.activeElement;
    put(this.main, isOver(state) ? "Retry" : "Sync Up");
    putAttribute(this.main, "aria-disabled", busy);
    putAttribute(this.cancel, "aria-disabled", !isActive(record.job) || state === "cancelling");
    this.cancel.hidden = !busy;
    this.remove.hidden = busy;
    if (focused?.hidden && this.element.contains(focused)) this.main.focus();
    if (!this.named) return;
    for (const each of [this.main, this.cancel, this.remove]) {
      putAttribute(each, "aria-label", `${each.textContent} ${record.name}`);
    }
  }
}
