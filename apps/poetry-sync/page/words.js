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

/** A button that keeps the focus while it does nothing, as a disabled one does not. */
export function button(text, classes, press) {
  const made = make("button", classes, text);
  made.type = "button";
  return whenEnabled(made, press);
}

export function whenEnabled(made, press) {
  made.addEventListener("click", () => {
    if (made.getAttribute("aria-disabled") !== "true") press();
  });
  return made;
}

export function sizeText(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  for (const unit of ["kB", "MB", "GB"]) {
    bytes /= 1000;
    if (bytes < 999.95 || unit === "GB") return `${bytes.toFixed(1)} ${unit}`;
  }
}

export const numberText = (count) => count.toLocaleString("en");

export function counted(count, what) {
  return `${numberText(count)} ${what}${count === 1 ? "" : "s"}`;
}

/** "42 % of 1.2 kB", or how much there is where the whole is not known. */
export function shareText(bytes, expected) {
  if (!expected) return sizeText(bytes);
  return `${Math.min(100, Math.floor((100 * bytes) / expected))} % of ${sizeText(expected)}`;
}
