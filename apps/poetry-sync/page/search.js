// The search in a job's log: from one line that has the text in it to the next.
import { call } from "./api.js";
import { numberText, put } from "./words.js";

const byId = (id) => document.getElementById(id);

export class LineSearch {
  /** `show(number)` is told of each line that was found. */
  constructor(show) {
    this.show = show;
    this.begin(0);
    byId("log-find").addEventListener("submit", (event) => {
      event.preventDefault();
      this.next(byId("log-find").elements.q.value.trim());
    });
  }

  begin(job) {
    this.job = job;
    this.text = "";
    this.at = 0; // the line that was found last
    put(byId("log-found"), "");
  }

  async next(text) {
    if (!text) return put(byId("log-found"), "");
    if (text !== this.text) this.at = 0;
    this.text = text;
    const { job, at } = this;
    try {
      const line = await this.find(at);
      if (job !== this.job || text !== this.text) return;
      put(byId("log-found"), line ? `Line ${numberText(line)}.` : at ? "No further line; the next search begins at the first." : "No line has it.");
      this.at = line;
      if (line) this.show(line);
    } catch (error) {
      put(byId("log-found"), `The search failed: ${error.message}`);
    }
  }

  /** The number of the next line behind this one that has the text in it; 0 for none. */
  async find(after) {
    const lines = await call("GET", `api/jobs/${this.job}/log?after=${after}&q=${encodeURIComponent(this.text)}`);
    return lines.length ? lines[0].number : 0;
  }
}
