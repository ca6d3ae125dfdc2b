// The form by which records are added.
import { call } from "/api.js";
import { put, putAttribute } from "/words.js";

const ABOUT = {
  poem: "One text: fetched from its beginning to its end.",
  collection: "A server's catalog: every poem that it lists is fetched, and checked against its checksum.",
  weblog: "A log that never ends: followed for a while.",
};

/** `added(record)` is told of what the server has taken. */
export function addForm(form, added) {
  const { type, address } = form.elements;
  const problem = form.querySelector("#add-problem");
  const button = form.querySelector("button");
  const explain = () => put(form.querySelector("#type-help"), ABOUT[type.value]);
  type.addEventListener("change", explain);
  explain();

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.getAttribute("aria-disabled") === "true") return;
    button.setAttribute("aria-disabled", "true");
    put(problem, "");
    try {
      if (!address.value.trim()) throw new Error("An address is needed, such as 127.0.0.1:10000");
      const body = Object.fromEntries(new FormData(form));
      added(await call("POST", "/api/records", { ...body, address: address.value.trim() }));
      const kept = type.value;
      form.reset();
      type.value = kept;
      putAttribute(address, "aria-invalid", null);
    } catch (error) {
      put(problem, error.message);
      putAttribute(address, "aria-invalid", "true");
    } finally {
      button.removeAttribute("aria-disabled");
      address.focus();
    }
  });
}
