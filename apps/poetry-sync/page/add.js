// The dialog by which records are added.
import { call } from "./api.js";
import { put, putAttribute } from "./words.js";

const ABOUT = {
  poem: "One text: fetched from its beginning to its end.",
  collection: "A server's catalog: every poem that it lists is fetched, and checked against its checksum.",
  weblog: "A log that never ends: followed for a while.",
};

/** `added(record)` is told of what the server has taken. */
export function addDialog(dialog, added) {
  const form = dialog.querySelector("form");
  const { type, address, every } = form.elements;
  const problem = form.querySelector("#add-problem");
  const explain = () => put(form.querySelector("#type-help"), ABOUT[type.value]);
  const filled = () => {
    const all = Object.fromEntries(new FormData(form));
    return JSON.stringify({ ...all, address: all.address.trim(), every: all.every.trim() || "0" });
  };
  const tell = (failure, culprit) => {
    put(problem, failure);
    for (const each of [address, every]) putAttribute(each, "aria-invalid", failure && each === culprit ? "true" : null);
  };
  let sent = ""; // and not answered yet
  type.addEventListener("change", explain);
  explain();
  form.querySelector("#add-close").addEventListener("click", () => dialog.close());

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const mine = filled();
    if (mine === sent) return; // pressed twice
    sent = mine;
    let failure = "";
    try {
      if (!JSON.parse(mine).address) throw new Error("An address is needed, such as 127.0.0.1:10000");
      added(await call("POST", "api/records", JSON.parse(mine)));
    } catch (error) {
      failure = error.message;
    }
    if (sent === mine) sent = "";
    const culprit = every.value.trim() && failure.endsWith(`: ${every.value.trim()}`) ? every : address;
    tell(failure, culprit);
    if (filled() !== mine) return; // the next one is being written already
    if (failure) return culprit.focus();
    for (const name of ["address", "name", "every"]) form.elements.namedItem(name).value = "";
    dialog.close();
  });

  return () => {
    tell("");
    dialog.showModal();
    address.focus();
  };
}
