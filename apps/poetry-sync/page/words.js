// How things are written for people.

/** Writes only what differs: what is rewritten loses its selection, and is read out again. */
export function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function putAttribute(node, name, value) {
  if (value === null) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

/** An element with classes, and children or text. */
export function make(tag, classes = "", ...children) {
  const made = document.createElement(tag);
  if (classes) made.className = classes;
  made.append(...children);
  return made;
}

export function sizeText(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  for (const unit of ["kB", "MB", "GB"]) {
    bytes /= 1000;
    if (bytes < 999.95 || unit === "GB") return `${bytes.toFixed(1)} ${unit}`;
  }
}

export function counted(count, what) {
  return `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;
}

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const calendar = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });

export const timeText = (iso) => clock.format(new Date(iso));

/** Fills a <time>; the day is told where it is not today. */
export function putTime(element, iso, otherwise = "") {
  putAttribute(element, "datetime", iso);
  const at = new Date(iso ?? 0);
  const today = at.toDateString() === new Date().toDateString();
  put(element, !iso ? otherwise : today ? clock.format(at) : `${calendar.format(at)}, ${clock.format(at)}`);
}
