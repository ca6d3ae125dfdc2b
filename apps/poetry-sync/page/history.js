// The jobs of the chosen record, latest first; choosing one shows its log.
import { call } from "/api.js";
import { make, put, putAttribute, putTime, sizeText } from "/words.js";

const MOST_SHOWN = 50;

export class History {
  /** `choose(job)` is told of a press. */
  constructor({ list, empty }, choose) {
    Object.assign(this, { list, empty, choose });
    this.record = 0;
    this.jobs = new Map(); // id -> job
    this.items = new Map(); // id -> its button and the button's parts
    this.asked = "";
  }

  /** Shows the jobs of a record; `chosen` is the id of the one whose log is shown. */
  show(record, chosen) {
    if ((record?.id ?? 0) !== this.record) {
      this.record = record?.id ?? 0;
      this.jobs.clear();
      this.items.clear();
      this.list.replaceChildren();
      if (record?.job) this.load(record.id);
    }
    if (record?.job) this.jobs.set(record.job.id, record.job);
    this.draw(chosen);
  }

  async load(record) {
    try {
      const jobs = await call("GET", `/api/records/${record}/jobs`);
      if (record !== this.record) return;
      for (const job of jobs.slice(0, MOST_SHOWN)) {
        if (!this.jobs.has(job.id)) this.jobs.set(job.id, job);
      }
      this.draw(this.chosen);
    } catch {
      setTimeout(() => record === this.record && this.load(record), 2000);
    }
  }

  draw(chosen) {
    this.chosen = chosen;
    const ids = [...this.jobs.keys()].sort((a, b) => b - a);
    for (const id of ids.splice(MOST_SHOWN)) this.drop(id);
    ids.forEach((id, place) => {
      const made = this.items.get(id) ?? this.add(id, place);
      this.update(made, this.jobs.get(id), id === chosen);
    });
    this.empty.hidden = ids.length > 0;
    this.list.hidden = ids.length === 0;
  }

  drop(id) {
    this.items.get(id)?.item.remove();
    this.items.delete(id);
    this.jobs.delete(id);
  }

  add(id, place) {
    const [number, pill, time, size] = [make("span", "", `#${id}`), make("span", "pill"), make("time"), make("span", "quiet")];
    const button = make("button", "job", number, " ", pill, " ", time, " ", size);
    button.type = "button";
    button.addEventListener("click", () => this.choose(this.jobs.get(id)));
    const item = make("li", "", button);
    this.list.insertBefore(item, this.list.children[place] ?? null);
    const made = { item, button, pill, time, size };
    this.items.set(id, made);
    return made;
  }

  update({ button, pill, time, size }, job, chosen) {
    put(pill, job.state);
    putAttribute(pill, "data-state", job.state);
    putTime(time, job.ended ?? job.started ?? job.created);
    put(size, sizeText(job.fetched));
    putAttribute(button, "aria-current", chosen ? "true" : null);
  }
}
