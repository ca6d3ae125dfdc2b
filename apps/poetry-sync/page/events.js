// Keeps the page up to date: by a stream of events, or by asking again and again where there is
// none. A hidden tab has neither.
import { call } from "./api.js";
import { readStream, Refused } from "./stream.js";

const POLL_MS = 2000;
const SILENCE_MS = 30_000; // the server sends a heartbeat each 15 s
const AGAIN_MS = [500, 1000, 2000, 4000, 8000]; // after a stream's end, and each further failure
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
    this.lastId = ""; // of the events seen: where a stream goes on
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
    if (release) this.stream(release);
    else this.poll();
  }

  /** Streams, one behind the other, until stop(). */
  async stream(release) {
    const turn = this.turn;
    let now = { end: () => {} };
    let timer = null;
    this.close = () => {
      now.end();
      clearTimeout(timer);
      release();
    };
    for (let failures = 0; turn === this.turn; ++failures) {
      let why = "the stream has ended";
      try {
        await this.streamOnce((begun) => (now = begun), () => (failures = 0));
      } catch (error) {
        if (turn !== this.turn) return;
        if (error instanceof Refused) {
          this.stop();
          return this.poll();
        }
        why = error.cause ?? "the server does not answer";
      }
      if (turn !== this.turn) return;
      this.handlers.state("disconnected", why);
      const wait = AGAIN_MS[Math.min(failures, AGAIN_MS.length - 1)] * (0.75 + Math.random() / 2);
      await new Promise((over) => (timer = setTimeout(over, wait)));
    }
  }

  /** One stream, to its end; the connection that says nothing may look alive for hours. */
  async streamOnce(begun, opened) {
    const aborter = new AbortController();
    let timer = null;
    const silent = () => aborter.abort(new Error("silence", { cause: `nothing was heard for ${SILENCE_MS / 1000} s` }));
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(silent, SILENCE_MS);
    };
    begun({ end: () => aborter.abort() });
    alive();
    try {
      await readStream("events", {
        lastId: this.lastId,
        signal: aborter.signal,
        alive,
        event: (event) => this.take(event),
        opened: () => {
          opened();
          this.handlers.state("live");
        },
      });
    } finally {
      clearTimeout(timer);
    }
  }

  take({ kind, data, id }) {
    const value = JSON.parse(data);
    if (kind === "records") {
      const [epoch] = id.split("-");
      this.handlers.records(value, this.epoch !== epoch);
      this.epoch = epoch;
    } else if (kind === "record" || kind === "removed") {
      this.handlers[kind](value);
    }
    if (id) this.lastId = id;
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
      const records = await call("GET", "api/records");
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
  window.addEventListener("online", () => document.hidden || events.start());
  window.addEventListener("pagehide", () => events.stop());
  window.addEventListener("pageshow", (event) => event.persisted && events.start());
  if (!document.hidden) events.start();
}
