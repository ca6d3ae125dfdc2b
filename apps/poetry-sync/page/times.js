// How times and durations are written for people, in their own zone.
import { put, putAttribute } from "./words.js";

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const calendar = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "full" });

/** The day is told where it is not today. */
export function timeText(iso) {
  const at = new Date(iso);
  const today = at.toDateString() === new Date().toDateString();
  return today ? clock.format(at) : `${calendar.format(at)}, ${clock.format(at)}`;
}

/** Fills a <time>; its tooltip tells the day and the zone. */
export function putTime(element, iso, otherwise = "") {
  putAttribute(element, "datetime", iso);
  putAttribute(element, "title", iso ? exact.format(new Date(iso)) : null);
  put(element, iso ? timeText(iso) : otherwise);
}

/** For a page that was left open over midnight. */
export function refreshTimes() {
  for (const each of document.querySelectorAll("time[datetime]")) putTime(each, each.dateTime);
}

const two = (number) => String(number).padStart(2, "0");

/** "0:14", "1:02:03". */
export function countdown(ms) {
  const all = Math.max(0, Math.ceil(ms / 1000));
  const [hours, minutes, seconds] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60];
  return hours ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
}

/** "80 ms", "2.3 s", "1 min 5 s", "10 min", "2 h 3 min". */
export function durationText(ms) {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  const [many, few] = minutes < 60
    ? [`${minutes} min`, seconds % 60 && ` ${seconds % 60} s`]
    : [`${Math.floor(minutes / 60)} h`, minutes % 60 && ` ${minutes % 60} min`];
  return many + (few || "");
}

/** How long a job took, from its first start; "" while that is not known. */
export function tookText(job) {
  return job?.started && job.ended ? durationText(Date.parse(job.ended) - Date.parse(job.started)) : "";
}
