// The records as this page knows them. Answers and events come by several connections, so that an
// older one may arrive behind a newer: a record never goes back in time.

const ACTIVE = new Set(["queued", "running", "cancelling"]);

export const isActive = (job) => ACTIVE.has(job?.state);

/** Job ids grow, and a job's revision with each of its changes. */
const isOlder = (one, other) =>
  (one?.id ?? 0) < (other?.id ?? 0) ||
  ((one?.id ?? 0) === (other?.id ?? 0) && (one?.revision ?? 0) < (other?.revision ?? 0));

export class Library {
  /** `changed(record, before)` is told of each change, `removed(id)` of each end. */
  constructor({ changed, removed }) {
    this.records = new Map();
    this.known = false; // whether all records were told once
    this.gone = new Set(); // ids of removed records, which are never used again
    this.pressed = new Map(); // id of a record -> what was pressed, and not answered yet
    this.told = { changed, removed };
  }

  update(record) {
    const before = this.records.get(record.id);
    if (this.gone.has(record.id) || isOlder(record.job, before?.job)) return;
    this.records.set(record.id, record);
    if ((this.pressed.get(record.id)?.job ?? 0) < (record.job?.id ?? 0)) this.pressed.delete(record.id);
    this.told.changed(record, before);
  }

  /** A job that the server answered with. */
  updateJob(job) {
    const record = this.records.get(job.record);
    if (record) this.update({ ...record, job });
  }

  remove(id) {
    this.gone.add(id);
    this.drop(id);
  }

  drop(id) {
    this.pressed.delete(id);
    if (this.records.delete(id)) this.told.removed(id);
  }

  /** All that there are. `anew`: they are a server's that was started meanwhile. */
  replace(all, anew) {
    if (anew) this.gone.clear();
    const left = new Set(all.map(({ id }) => id));
    for (const id of [...this.records.keys()]) if (!left.has(id)) this.drop(id);
    for (const record of all) {
      if (anew && isOlder(record.job, this.records.get(record.id)?.job)) this.records.delete(record.id);
      this.update(record);
    }
  }

  /** Shows a press at once, until its answer is there. */
  async press(record, word, answer) {
    const mark = this.mark(record, word);
    try {
      return await answer;
    } finally {
      this.unmark(record.id, mark);
    }
  }

  /** What is pressed and not answered yet; unmark() takes it back, and so does the record's next job. */
  mark(record, word) {
    const mark = { word, job: record.job?.id ?? 0 };
    this.pressed.set(record.id, mark);
    this.told.changed(record, record);
    return mark;
  }

  unmark(id, mark) {
    if (this.pressed.get(id) !== mark) return;
    this.pressed.delete(id);
    const now = this.records.get(id);
    if (now) this.told.changed(now, now);
  }

  /** The word for a record's state, as whoever pressed a button should see it. */
  state(record) {
    const pressed = this.pressed.get(record.id);
    const job = record.job;
    if (pressed && pressed.job === (job?.id ?? 0)) {
      if (pressed.word === "cancelling" ? isActive(job) : !isActive(job)) return pressed.word;
    }
    return job?.state ?? "new";
  }

  isIdle(record) {
    return !isActive(record.job) && !this.pressed.has(record.id);
  }
}
