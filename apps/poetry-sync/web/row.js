// A record's row of the table.
const ACTIVE = new Set(["asked", "queued", "running", "cancelling"]);

const sizeText = (bytes) =>
  bytes < 1000 ? `${bytes} B` : bytes < 1e6 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;

function cell(row, content) {
  const made = document.createElement("td");
  made.append(content);
  row.append(made);
  return made;
}

function button(text, press) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.addEventListener("click", press);
  return made;
}

export function recordRow(actions) {
  const element = document.createElement("tr");
  let record = null;
  const name = document.createElement("th");
  name.scope = "row";
  const choose = button("", () => actions.choose(record));
  choose.className = "link";
  const address = document.createElement("small");
  name.append(choose, address);
  element.append(name);
  const state = cell(element, "");
  const progress = document.createElement("progress");
  const share = document.createElement("span");
  cell(element, progress).append(share);
  const size = cell(element, "");
  const synced = cell(element, document.createElement("time"));
  const sync = button("Sync Up", () => actions.sync(record));
  const cancel = button("Cancel", () => actions.cancel(record));
  const retry = button("Retry", () => actions.retry(record));
  const remove = button("Remove", () => actions.remove(record));
  const buttons = cell(element, sync);
  buttons.append(cancel, retry, remove);
  buttons.className = "actions";

  const label = (each) => each.setAttribute("aria-label", `${each.textContent} ${record.name}`);

  function update(now) {
    record = now;
    const job = record.job;
    const active = ACTIVE.has(job?.state);
    choose.textContent = record.name;
    address.textContent = `${record.type} ${record.address}`;
    state.textContent = job ? (job.error && !active ? `${job.state}: ${job.error}` : job.state) : "new";
    state.dataset.state = job?.state ?? "new";
    progress.hidden = !active;
    progress.setAttribute("aria-label", `Progress of ${record.name}`);
    if (job?.expected) {
      progress.max = job.expected;
      progress.value = Math.min(job.fetched, job.expected);
    } else {
      progress.removeAttribute("value");
    }
    share.textContent = active ? ` ${sizeText(job.fetched ?? 0)}` : "";
    size.textContent = record.synced ? sizeText(record.bytes) : "";
    const time = synced.firstElementChild;
    time.dateTime = record.synced ?? "";
    time.textContent = record.synced ? new Date(record.synced).toLocaleString() : "never";
    sync.disabled = active;
    cancel.hidden = !active;
    cancel.disabled = job?.state === "cancelling";
    retry.hidden = !["failed", "cancelled"].includes(job?.state);
    for (const each of [sync, cancel, retry, remove]) label(each);
  }

  return { element, update };
}
