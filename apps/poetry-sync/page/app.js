// The page: a table of records that events keep up to date, and what is known of one of them.
import { addForm } from "/add.js";
import { Announcer } from "/announcer.js";
import { call } from "/api.js";
import { Detail, named } from "/detail.js";
import { followEvents } from "/events.js";
import { isActive, Library } from "/library.js";
import { RecordRow } from "/row.js";
import { confirmed } from "/confirm.js";
import { put, putAttribute } from "/words.js";

const byId = (id) => document.getElementById(id);
const rows = new Map(); // by a record's id
const detail = new Detail();
const announcer = new Announcer(byId("announcer"));
const library = new Library({ changed: showRecord, removed: dropRecord });
let additions = 0; // by this page

function showRecord(record, before) {
  let row = rows.get(record.id);
  if (!row) {
    row = new RecordRow(actions);
    rows.set(record.id, row);
    byId("records").append(row.element);
  }
  row.update(record, library.state(record), record.id === detail.id);
  if (record.id === detail.id) detail.update(record);
  announcer.changed(record, before);
  showTable();
}

function dropRecord(id) {
  const row = rows.get(id);
  const next = row.element.nextElementSibling ?? row.element.previousElementSibling;
  const had = row.element.contains(document.activeElement);
  row.element.remove();
  rows.delete(id);
  if (id === detail.id) choose(null);
  showTable();
  if (had) (next?.querySelector("button") ?? byId("records-title")).focus();
}

function showTable() {
  byId("table").hidden = rows.size === 0;
  byId("no-records").hidden = rows.size > 0;
  putAttribute(byId("sync-all"), "aria-disabled", ![...library.records.values()].some(isIdle));
}

const isIdle = (record) => !isActive(record.job) && !library.pressed.has(record.id);

function choose(record) {
  const before = library.records.get(detail.id);
  detail.choose(record);
  for (const each of [before, record]) if (each) showRecord(each, each);
}

/** Runs what a press asks for, and says what went wrong. */
async function attempt(what, work) {
  put(byId("problem"), "");
  try {
    await work();
  } catch (error) {
    put(byId("problem"), `${what}: ${error.message}`);
  }
}

const sync = (record, path = "/api/jobs", body = { record: record.id }) =>
  attempt(`Sync Up ${record.name}`, async () => {
    library.updateJob(await library.press(record, "asked", call("POST", path, body)));
  });

const actions = {
  choose: (record) => {
    choose(record);
    byId("detail-title").focus({ preventScroll: true });
    byId("detail").scrollIntoView({ block: "nearest" });
  },
  sync: (record) => {
    if (record.id !== detail.id) choose(record);
    return sync(record);
  },
  retry: (record) => {
    if (record.id !== detail.id) choose(record);
    return sync(record, `/api/jobs/${record.job.id}/retry`, {});
  },
  cancel: (record) =>
    attempt(`Cancel ${record.name}`, async () => {
      const answer = call("POST", `/api/jobs/${record.job.id}/cancel`);
      library.updateJob(await library.press(record, "cancelling", answer));
    }),
  remove: (record) =>
    attempt(`Remove ${record.name}`, async () => {
      if (!(await confirmed(`Remove ${record.name}?`))) return;
      await library.press(record, "removing", call("DELETE", `/api/records/${record.id}`));
      library.remove(record.id);
    }),
};

byId("sync-all").addEventListener("click", () => {
  for (const record of library.records.values()) if (isIdle(record)) sync(record);
});

byId("close").addEventListener("click", () => {
  const row = rows.get(detail.id);
  choose(null);
  row?.name.focus();
});

addForm(byId("add"), (record) => {
  ++additions;
  library.update(record);
});

followEvents({
  changes: () => additions,
  state: (word, why = "") => {
    put(byId("connection"), word);
    putAttribute(byId("connection"), "data-state", word);
    putAttribute(byId("connection"), "title", why || null);
  },
  records: (all, anew) => {
    library.replace(all, anew);
    showTable();
    const wanted = library.records.get(named());
    if (wanted && !detail.id) choose(wanted);
  },
  record: (record) => library.update(record),
  removed: ({ id }) => library.remove(id),
});
