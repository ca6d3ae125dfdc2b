// What the buttons do, for one record or for many: each press shows at once, and what became of it is
// said where that is not plain to see.
import { call, eachOf } from "./api.js";
import { confirmed } from "./confirm.js";
import { isActive } from "./library.js";
import { isOver } from "./states.js";
import { counted } from "./words.js";

const LOOK_AGAIN_MS = 2000;
const pause = (ms) => new Promise((over) => setTimeout(over, ms));

export class Presses {
  constructor(library, messages) {
    Object.assign(this, { library, messages });
  }

  async sync(record) {
    const what = `${isOver(record.job?.state) ? "Retry" : "Sync Up"} ${record.name}`;
    await this.attempt(what, record, (now) => (now?.job?.id ?? 0) > (record.job?.id ?? 0), async () => {
      this.library.updateJob(await this.library.press(record, "asked", call("POST", "api/jobs", { record: record.id })));
    });
  }

  async cancel(record) {
    const taken = (now) => now?.job?.id !== record.job.id || now.job.state === "cancelling" || !isActive(now.job);
    await this.attempt(`Cancel ${record.name}`, record, taken, () => this.cancelNow(record));
  }

  async remove(record) {
    await this.attempt(`Remove ${record.name}`, record, (now) => !now, async () => {
      if (await confirmed(`Remove ${record.name}?`)) await this.removeNow(record);
    });
  }

  async cancelNow(record) {
    const answer = call("POST", `api/jobs/${record.job.id}/cancel`);
    this.library.updateJob(await this.library.press(record, "cancelling", answer));
  }

  async removeNow(record) {
    await this.library.press(record, "removing", call("DELETE", `api/records/${record.id}`));
    this.library.remove(record.id);
  }

  /** Runs what a press asks for, and says what went wrong, or, where that is not known, what became of it. */
  async attempt(what, record, taken, work) {
    this.messages.clear(what);
    try {
      await work();
    } catch (error) {
      this.messages.tell(what, error.message);
      if (error.uncertain) await this.lookWhat(what, record.id, taken, error.message);
    }
  }

  /** Asks until the server answers whether a press has reached it; not once its message is dismissed. */
  async lookWhat(what, id, taken, why) {
    while (this.messages.has(what)) {
      await pause(LOOK_AGAIN_MS);
      try {
        const now = await this.recordOrNone(id);
        if (!this.messages.has(what)) return;
        this.messages.tell(what, `${why}. ${taken(now) ? "It was taken all the same." : "It was not taken: press again."}`);
        return;
      } catch {
        // it does not answer yet
      }
    }
  }

  async recordOrNone(id) {
    try {
      return await call("GET", `api/records/${id}`);
    } catch (error) {
      if (error.status === 404) return null;
      throw error;
    }
  }

  /** Asks for a job of each, in one request. */
  async syncMany(what, records, body = { records: records.map(({ id }) => id) }) {
    this.messages.clear(what);
    const marks = records.map((record) => [record.id, this.library.mark(record, "asked")]);
    try {
      const asked = await call("POST", "api/jobs", body);
      // The jobs themselves come as events, and take the marks away.
      const under = new Map(asked.map(({ record, job }) => [record, job]));
      for (const [id, mark] of marks) {
        if (!((this.library.records.get(id)?.job?.id ?? 0) < under.get(id))) this.library.unmark(id, mark);
      }
    } catch (error) {
      for (const [id, mark] of marks) this.library.unmark(id, mark);
      this.messages.tell(what, error.message + (error.uncertain ? ". What was taken shows here once it answers." : ""));
    }
  }

  syncAll() {
    const idle = [...this.library.records.values()].filter((record) => this.library.isIdle(record));
    if (idle.length) return this.syncMany("Sync all", idle, { all: true });
  }

  cancelMany(records) {
    return this.many("Cancel", records, (record) =>
      this.cancelNow(record).catch((error) => {
        if (error.status !== 409) throw error; // else it was over by then
      }));
  }

  async removeMany(records) {
    const question = records.length === 1 ? records[0].name : counted(records.length, "record");
    if (await confirmed(`Remove ${question}?`)) await this.many("Remove", records, (record) => this.removeNow(record));
  }

  /** One request for each of them. */
  async many(what, records, work) {
    this.messages.clear(what);
    const failed = [];
    await eachOf(records, (record) => work(record).catch((error) => failed.push(`${record.name}: ${error.message}`)));
    if (!failed.length) return;
    const rest = failed.length > 1 ? `, and ${failed.length - 1} more` : "";
    this.messages.tell(what, `${failed.length} of ${records.length} failed: ${failed[0]}${rest}`);
  }
}
