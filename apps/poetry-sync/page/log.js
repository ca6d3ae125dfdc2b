// The log of one job: what is new is asked for by number and appended; what is shown is capped.
import { call } from "/api.js";
import { counted, make, putTime } from "/words.js";

const MOST_SHOWN = 1000; // lines; more make the page slow, and nobody reads them here
const AGAIN_MS = 2000; // after a failure

export class LogPane {
  constructor({ pane, list, download, note }) {
    Object.assign(this, { pane, list, download, note });
    this.job = 0;
    this.last = 0; // the number of the last line shown
    this.wanted = 0; // and of the last there is
    this.asking = false;
  }

  /** Shows this job's log, up to the lines that it has by now; with null, nothing. */
  follow(job) {
    if ((job?.id ?? 0) !== this.job) this.begin(job);
    if (job) this.wanted = Math.max(this.wanted, job.lines);
    this.catchUp();
  }

  begin(job) {
    this.job = job?.id ?? 0;
    this.last = Math.max(0, (job?.lines ?? 0) - MOST_SHOWN);
    this.wanted = 0;
    this.list.replaceChildren();
    this.download.hidden = !job;
    if (job) this.download.href = `/api/jobs/${job.id}/log.txt`;
    this.tellCut();
  }

  async catchUp() {
    if (this.asking) return;
    this.asking = true;
    try {
      while (this.last < this.wanted && (await this.more())) {
        // until the page has what the server has
      }
    } catch {
      setTimeout(() => this.catchUp(), AGAIN_MS);
    } finally {
      this.asking = false;
      this.pane.removeAttribute("aria-busy");
    }
  }

  /** False where there is nothing more yet. */
  async more() {
    const job = this.job;
    // What was there before is not news to be read out.
    if (this.last === 0 || this.list.childElementCount === 0) this.pane.setAttribute("aria-busy", "true");
    const lines = await call("GET", `/api/jobs/${job}/log?after=${this.last}`);
    if (job !== this.job) return true; // another one is shown meanwhile
    const atEnd = this.pane.scrollTop + this.pane.clientHeight >= this.pane.scrollHeight - 8;
    this.list.append(...lines.filter(({ number }) => number > this.last).map(item));
    this.last = Math.max(this.last, ...lines.map(({ number }) => number));
    while (this.list.childElementCount > MOST_SHOWN) this.list.firstElementChild.remove();
    this.tellCut();
    if (atEnd) this.pane.scrollTop = this.pane.scrollHeight;
    return lines.length > 0;
  }

  tellCut() {
    const cut = Math.max(0, (this.list.firstElementChild?.value ?? 1) - 1);
    this.note.hidden = cut === 0;
    this.note.textContent = `${counted(cut, "earlier line")} left out here; the download has them all.`;
  }
}

function item(line) {
  const time = make("time");
  putTime(time, line.at);
  const made = make("li", "", time, " ", line.text);
  made.value = line.number;
  return made;
}
