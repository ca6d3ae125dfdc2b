// Keeps the page up to date: by a stream of events, or by asking again and again where there is
// none. A hidden tab has neither.
import { call } from "/api.js";

const POLL_MS = 2000;
const STREAM_AGAIN_MS = 5000; // while the server refuses one
// A browser has six connections for a server, which its tabs share: each stream takes one for good.
const MOST_STREAMS = 4;

/** Holds one of the browser's few places until `release` is called; null where all are taken. */
async function takePlace() {
  if (!navigator.locks) return () => {}; // a page that is not served from this machine
  for (let number = 1; number <= MOST_STREAMS; ++number) {
    const release = await new Promise((given) => {
      navigator.locks.request(`stream ${number}`, { ifAvailable: true }, (lock) => {
        if (!lock) return given(null);
        return new Promise((held) => given(held));
      });
    });
    if (release) return release;
  }
  return null;
}

class Events {
  constructor(handlers) {
    this.handlers = handlers;
    this.epoch = null; // of the server's process
    this.turn = 0; // goes up with each opening and closing: what belongs to an earlier one is over
    this.close = () => {};
  }

  /** Has nothing open from now on. */
  stop() {
    ++this.turn;
    this.close();
    this.close = () => {};
  }

  async start() {
    this.stop();
    const turn = this.turn;
    const release = await takePlace();
    if (turn !== this.turn) return release?.();
    if (release) this.openStream(release);
    else this.poll();
  }

  openStream(release) {
    const source = new EventSource("/events");
    this.close = () => {
      source.close();
      release();
    };
    source.onopen = () => this.handlers.state("live");
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) {
        this.stop();
        this.poll();
      } else {
        this.handlers.state("disconnected"); // and tries again by itself
      }
    };
    source.addEventListener("records", (event) => {
      const [epoch] = event.lastEventId.split("-");
      this.handlers.records(JSON.parse(event.data), this.epoch !== epoch);
      this.epoch = epoch;
    });
    for (const kind of ["record", "removed"]) {
      source.addEventListener(kind, (event) => this.handlers[kind](JSON.parse(event.data)));
    }
  }

  async poll() {
    const turn = this.turn;
    const until = Date.now() + STREAM_AGAIN_MS;
    let timer = null;
    this.close = () => clearTimeout(timer);
    const look = async () => {
      const found = await this.look(turn);
      if (turn !== this.turn) return;
      if (found && Date.now() > until) this.start();
      else timer = setTimeout(look, POLL_MS);
    };
    await look();
  }

  /** Whether the server answered. */
  async look(turn) {
    try {
      const changes = this.handlers.changes();
      const records = await call("GET", "/api/records");
      if (turn !== this.turn) return true;
      // An answer that was overtaken by an addition of this page would take it away again.
      if (changes === this.handlers.changes()) this.handlers.records(records, false);
      this.handlers.state("polling");
      return true;
    } catch (error) {
      if (turn === this.turn) this.handlers.state("disconnected", error.message);
      return false;
    }
  }
}

/** Tells `handlers` of `records`, `record` and `removed`, and of the connection's `state`. */
export function followEvents(handlers) {
  const events = new Events(handlers);
  document.addEventListener("visibilitychange", () => (document.hidden ? events.stop() : events.start()));
  window.addEventListener("pagehide", () => events.stop());
  window.addEventListener("pageshow", (event) => event.persisted && events.start());
  if (!document.hidden) events.start();
}
