// The log of one job: what is new is asked for by number and appended; what is shown is capped.
const MOST_SHOWN = 500;
const AT_ONCE = 500; // the most that the server answers

export class LogPane {
  constructor(list, download) {
    this.list = list;
    this.download = download;
    this.job = null;
    this.last = 0;
    this.asking = false;
  }

  /** Shows the log of this job, up to the lines that it has by now. */
  async follow(job) {
    if (job.id !== this.job) {
      this.job = job.id;
      this.last = 0;
      this.list.replaceChildren();
      this.download.href = `/api/jobs/${job.id}/log.txt`;
    }
    this.wanted = job.lines ?? Infinity;
    if (this.asking) return;
    this.asking = true;
    try {
      while (this.last < this.wanted && (await this.more())) {
        // until the page has what the server has
      }
    } finally {
      this.asking = false;
    }
  }

  async more() {
    const job = this.job;
    const response = await fetch(`/api/jobs/${job}/log?after=${this.last}`);
    if (!response.ok) return false;
    const lines = await response.json();
    if (job !== this.job) return true; // another one is shown meanwhile
    const atEnd = this.list.parentElement.scrollTop + this.list.parentElement.clientHeight
      >= this.list.parentElement.scrollHeight - 4;
    for (const line of lines) {
      if (line.number <= this.last) continue;
      const item = document.createElement("li");
      item.value = line.number;
      item.textContent = line.text;
      this.list.append(item);
      this.last = line.number;
    }
    while (this.list.childElementCount > MOST_SHOWN) this.list.firstElementChild.remove();
    if (atEnd) this.list.parentElement.scrollTop = this.list.parentElement.scrollHeight;
    return lines.length > 0;
  }
}
