// The log of one job. Of a log of any length a window is shown, which moves over it as one scrolls:
// lines are asked for by number, in either direction, and those at the other end are let go.
import { LineSearch } from "./search.js";
import { call } from "./api.js";
import { putTime } from "./times.js";
import { counted, make, numberText, put, putAttribute } from "./words.js";

const MOST_SHOWN = 1000; // lines; more make the page slow
const AT_ONCE = 500; // the most that the server answers with
const NEAR = 400; // pixels from an end, from which on more is asked for
const AGAIN_MS = 2000; // after a failure

const byId = (id) => document.getElementById(id);

export class LogPane {
  constructor() {
    this.pane = byId("log-pane");
    this.list = byId("log");
    this.name = ""; // of the record
    this.asking = false;
    this.begin(null);
    this.pane.addEventListener("scroll", () => this.catchUp(), { passive: true });
    byId("log-pause").addEventListener("click", () => this.pause(this.pausedAt === null));
    byId("log-first").addEventListener("click", () => this.showAt(1));
    byId("log-last").addEventListener("click", () => {
      this.pause(false);
      this.restart(this.wanted - MOST_SHOWN);
    });
    this.search = new LineSearch((number) => this.showAt(number));
  }

  /** Shows this job's log, up to the lines that it has by now; with null, nothing. */
  follow(job, name) {
    this.name = name;
    if ((job?.id ?? 0) !== this.job) this.begin(job);
    else if (job) this.wanted = Math.max(this.wanted, job.lines);
    this.list.style.setProperty("--digits", String(this.wanted).length);
    this.tell();
    this.catchUp();
  }

  begin(job) {
    this.job = job?.id ?? 0;
    this.wanted = job?.lines ?? 0; // the number of the last line there is
    this.pausedAt = null; // what it was when the pause began
    this.restart(this.wanted - MOST_SHOWN);
    this.search?.begin(this.job);
    putAttribute(byId("log-pause"), "aria-pressed", "false");
    byId("log-tools").hidden = byId("download").hidden = !job;
    if (job) byId("download").href = `api/jobs/${job.id}/log.txt`;
  }

  /** Shows what is behind this line, from its end. */
  restart(after) {
    this.first = Math.max(0, after) + 1; // number of the first line shown
    this.last = this.first - 1; // and of the last one
    this.target = 0; // the line to be brought in sight
    this.turn = (this.turn ?? 0) + 1; // what was asked for before is not shown
    this.list.replaceChildren();
    this.catchUp();
  }

  /** Brings a line in sight, wherever it is. */
  showAt(number) {
    const shown = number >= this.first && number <= this.last;
    if (!shown) this.restart(number - AT_ONCE / 2);
    this.target = number;
    if (shown) this.bringInSight();
    else this.catchUp();
  }

  bringInSight() {
    const line = this.list.children[this.target - this.first];
    if (!line) return;
    this.list.querySelector("[aria-current]")?.removeAttribute("aria-current");
    line.setAttribute("aria-current", "true");
    this.pane.scrollTop = line.offsetTop - this.pane.clientHeight / 2;
    this.target = 0;
  }

  pause(on) {
    this.pausedAt = on ? this.wanted : null;
    putAttribute(byId("log-pause"), "aria-pressed", on);
    this.tell();
    this.catchUp();
  }

  /** The last line that is to be shown by now. */
  get end() {
    return this.pausedAt ?? this.wanted;
  }

  async catchUp() {
    this.news = true;
    if (this.asking) return;
    this.asking = true;
    try {
      while (this.news) {
        this.news = false;
        while (await this.step()) {
          // until what is in sight is there
        }
      }
    } catch {
      setTimeout(() => this.catchUp(), AGAIN_MS);
    } finally {
      this.asking = false;
      this.pane.removeAttribute("aria-busy");
    }
  }

  /** Whether there may be more to do. */
  async step() {
    const { scrollTop, clientHeight, scrollHeight } = this.pane;
    const room = this.list.childElementCount < MOST_SHOWN;
    if (this.last < this.end && (room || scrollTop + clientHeight > scrollHeight - NEAR)) return this.later();
    if (this.first > 1 && this.last >= this.first && scrollTop < NEAR && clientHeight > 0) return this.earlier();
    return false;
  }

  async lines(after) {
    const [job, turn] = [this.job, this.turn];
    const lines = await call("GET", `api/jobs/${job}/log?after=${after}`);
    return turn === this.turn ? lines : null; // another one is shown meanwhile
  }

  async later() {
    // What was there before is not news to be read out.
    if (this.list.childElementCount === 0 || this.last + 1 < this.end) this.pane.setAttribute("aria-busy", "true");
    const found = await this.lines(this.last);
    if (!found) return true;
    const { scrollTop, clientHeight, scrollHeight } = this.pane;
    const atEnd = this.pausedAt === null && !this.target && scrollTop + clientHeight >= scrollHeight - 8;
    const lines = found.filter(({ number }) => number > this.last && number <= this.end);
    const kept = this.list.lastElementChild;
    this.keepInPlace(kept, () => {
      this.list.append(...lines.map((line) => this.item(line)));
      this.last = lines.at(-1)?.number ?? this.last;
      while (this.list.childElementCount > MOST_SHOWN) this.list.firstElementChild.remove();
    });
    this.first = this.list.firstElementChild?.value ?? this.first;
    if (this.target && this.last >= Math.min(this.target + AT_ONCE / 4, this.end)) this.bringInSight();
    else if (atEnd) this.pane.scrollTop = this.pane.scrollHeight;
    this.tell();
    return lines.length > 0;
  }

  async earlier() {
    this.pane.setAttribute("aria-busy", "true");
    const found = await this.lines(Math.max(0, this.first - 1 - AT_ONCE));
    if (!found) return true;
    const lines = found.filter(({ number }) => number < this.first);
    this.keepInPlace(this.list.firstElementChild, () => {
      this.list.prepend(...lines.map((line) => this.item(line)));
      while (this.list.childElementCount > MOST_SHOWN) this.list.lastElementChild.remove();
    });
    this.first = this.list.firstElementChild?.value ?? this.first;
    this.last = this.list.lastElementChild?.value ?? this.last;
    this.tell();
    return lines.length > 0;
  }

  /** Changes the list, and lets an element of it stay where it is seen. */
  keepInPlace(element, change) {
    const before = element?.offsetTop ?? 0;
    const { scrollTop } = this.pane;
    change();
    if (element?.isConnected) this.pane.scrollTop = scrollTop + element.offsetTop - before;
  }

  item(line) {
    const time = make("time");
    putTime(time, line.at);
    const made = make("li", "", time, " ", this.shortened(line.text));
    made.value = line.number;
    return made;
  }

  /** Without the record's name before it. */
  shortened(text) {
    if (!this.name || !text.startsWith(this.name)) return text;
    const rest = text.slice(this.name.length);
    return /^( \d+)?: /.test(rest) ? rest.replace(/^:? /, "") : text;
  }

  tell() {
    const some = this.list.childElementCount > 0;
    const cut = some && this.last - this.first + 1 < this.wanted;
    const said = cut ? [`Lines ${numberText(this.first)} to ${numberText(this.last)} of ${numberText(this.wanted)}.`] : [];
    if (this.pausedAt !== null) said.push(`Paused: ${counted(this.wanted - this.pausedAt, "new line")}.`);
    put(byId("log-note"), said.join(" ") || (this.job ? `${counted(this.wanted, "line")}.` : ""));
  }
}
