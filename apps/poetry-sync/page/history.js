// The jobs of the chosen record, latest first; each is a link to its log.
import { call } from "./api.js";
import { putTime, tookText } from "./times.js";
import { make, put, putAttribute, sizeText } from "./words.js";

const MOST_SHOWN = 50;

export class History {
  constructor({ list, empty }) {
    Object.assign(this, { list, empty });
    this.record = 0;
    this.jobs = new Map(); // id -> job
    this.items = new Map(); // id -> its link and the link's parts
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
      const jobs = await call("GET", `api/records/${record}/jobs`);
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
    const [number, pill, time, rest] = [make("span", "job-number", `#${id}`), make("span", "pill"), make("time"), make("span", "quiet")];
    const link = make("a", "job", number, " ", pill, " ", time, " ", rest);
    link.href = `#/jobs/${id}`;
    const item = make("li", "", link);
    this.list.insertBefore(item, this.list.children[place] ?? null);
    const made = { item, link, pill, time, rest };
    this.items.set(id, made);
    return made;
  }

  update({ link, pill, time, rest }, job, chosen) {
    put(pill, job.state);
    putAttribute(pill, "data-state", job.state);
    putTime(time, job.ended ?? job.started ?? job.created);
    put(rest, [tookText(job) && `in ${tookText(job)}`, sizeText(job.fetched)].filter(Boolean).join(", "));
    putAttribute(link, "aria-current", chosen ? "true" : null);
  }
}
