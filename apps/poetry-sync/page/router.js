// The view that the page's address names: "#/records/3", "#/jobs/17", or else the list.

/** {record} or {job}, an id; neither in the list. */
export function place() {
  const found = /^#\/(record|job)s\/(\d{1,15})$/.exec(location.hash);
  return found ? { [found[1]]: Number(found[2]) } : {};
}

let told = () => {};

/** Calls `moved(byPerson)` with each change of the view; not by a person where that has only come with it. */
export function onPlace(moved) {
  told = moved;
  window.addEventListener("hashchange", () => moved(true)); // by a link, Back or Forward
}

/** Goes there; by `replace`, without a step that Back would take; `aside`, without taking the focus. */
export function go(hash, { replace = false, aside = false } = {}) {
  if (location.hash === hash || (hash === "#/" && location.hash === "")) return;
  history[replace ? "replaceState" : "pushState"](null, "", hash);
  told(!aside);
}
