// The page: a table of records that events keep up to date, and the log and text of one of them.
import { openEvents } from "/events.js";
import { LogPane } from "/log.js";
import { recordRow } from "/row.js";

const byId = (id) => document.getElementById(id);
const records = new Map(); // by id, as the server last told
const rows = new Map(); // by id
let chosen = null; // the record whose log and text are shown
const log = new LogPane(byId("log"), byId("download"));

async function call(method, path, body) {
  const options = { method, headers: { Accept: "application/json" } };
  if (method !== "GET") {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body ?? {});
  }
  const response = await fetch(path, options);
  if (response.status === 204) return null;
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.detail ?? answer.title);
  return answer;
}

/** Runs what a press asks for, and says what went wrong. */
async function attempt(work) {
  byId("problem").textContent = "";
  try {
    await work();
  } catch (error) {
    byId("problem").textContent = error.message;
  }
}

function showJob(job) {
  const record = records.get(job.record);
  if (record) show({ ...record, job });
}

const actions = {
  // The press is shown before the server has answered it.
  sync: (record) => attempt(async () => {
    show({ ...record, job: { ...(record.job ?? {}), state: "asked", fetched: 0 } });
    showJob(await call("POST", "/api/jobs", { record: record.id }));
  }),
  cancel: (record) => attempt(async () => {
    show({ ...record, job: { ...record.job, state: "cancelling" } });
    showJob(await call("POST", `/api/jobs/${record.job.id}/cancel`));
  }),
  retry: (record) => attempt(async () => {
    showJob(await call("POST", `/api/jobs/${record.job.id}/retry`));
  }),
  remove: (record) => attempt(async () => {
    await call("DELETE", `/api/records/${record.id}`);
    drop(record.id);
  }),
  choose: (record) => choose(record.id),
};

function show(record) {
  records.set(record.id, record);
  let row = rows.get(record.id);
  if (!row) {
    row = recordRow(actions);
    rows.set(record.id, row);
    byId("records").append(row.element);
  }
  row.update(record);
  byId("no-records").hidden = true;
  if (record.id === chosen) showChosen();
}

function drop(id) {
  records.delete(id);
  rows.get(id)?.element.remove();
  rows.delete(id);
  if (id === chosen) byId("detail").hidden = true;
  byId("no-records").hidden = records.size > 0;
}

function replaceAll(all) {
  const left = new Set(all.map((each) => each.id));
  for (const id of [...records.keys()]) if (!left.has(id)) drop(id);
  for (const each of all) show(each);
  byId("no-records").hidden = records.size > 0;
}

async function choose(id) {
  chosen = id;
  byId("detail").hidden = false;
  await showChosen();
  byId("detail-title").scrollIntoView({ block: "nearest" });
}

async function showChosen() {
  const record = records.get(chosen);
  if (!record) return;
  byId("detail-title").textContent = record.name;
  if (record.job?.id) log.follow(record.job);
  if (record.synced) byId("text").textContent = await (await fetch(`/api/records/${record.id}/text`)).text();
}

byId("sync-all").addEventListener("click", () => {
  for (const record of records.values()) actions.sync(record);
});

byId("add").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target;
  attempt(async () => {
    show(await call("POST", "/api/records", Object.fromEntries(new FormData(form))));
    form.reset();
  });
});

openEvents({
  state: (text) => {
    byId("connection").textContent = text;
    byId("connection").dataset.state = text;
  },
  records: replaceAll,
  record: show,
  removed: ({ id }) => drop(id),
});
