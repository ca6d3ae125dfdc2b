// What the words for a record's state mean to whoever looks.
import { isActive } from "./library.js";
import { countdown } from "./times.js";

const BUSY = new Set(["asked", "queued", "running", "cancelling", "removing"]);
const GROUPS = { asked: "waiting", queued: "waiting", running: "running", cancelling: "running", removing: "running" };

export const isBusy = (state) => BUSY.has(state);
export const isOver = (state) => state === "failed" || state === "cancelled";

/** Which of the overview's and the filter's groups a state is in. */
export const groupOf = (state) => GROUPS[state] ?? state;

/** "try 2 of 5"; how many there may be is not known to every server. */
const tryText = (number, most) => (most ? `try ${number} of ${most}` : `try ${number}`);

/** What there is to say of a state beside its word. */
export function remark(job, state, now = Date.now()) {
  if (!job) return "";
  if (state === "failed") return job.error;
  if (state === "queued" && waitsToRetry(job)) {
    const left = Date.parse(job.due) - now;
    const next = tryText(job.attempts + 1, job.max_attempts);
    return `${next} ${left > 0 ? `in ${countdown(left)}` : "soon"}: ${job.error}`;
  }
  return state === "running" && job.attempts > 1 ? tryText(job.attempts, job.max_attempts) : "";
}

/** Whether its remark changes by the second. */
export const waitsToRetry = (job) => job?.state === "queued" && Boolean(job.error && job.due);

/** How far a job is, from 0 to 1. */
export function share(job) {
  if (!isActive(job)) return 1;
  return job.expected ? Math.min(1, job.fetched / job.expected) : 0;
}
