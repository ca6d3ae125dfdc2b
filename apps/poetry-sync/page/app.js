// The page: a table of records that events keep up to date, and what is known of one of them.
import { addDialog } from "./add.js";
import { Announcer } from "./announcer.js";
import { call } from "./api.js";
import { Detail } from "./detail.js";
import { followEvents } from "./events.js";
import { Library } from "./library.js";
import { Messages } from "./messages.js";
import { Overview } from "./overview.js";
import { Presses } from "./presses.js";
import { go, onPlace, place } from "./router.js";
import { Selection } from "./selection.js";
import { CHUNK, Table } from "./table.js";
import { refreshTimes, timeText } from "./times.js";
import { put, putAttribute, whenEnabled } from "./words.js";

const byId = (id) => document.getElementById(id);
const wide = window.matchMedia("(min-width: 75rem)"); // where the list and a record are side by side

const announcer = new Announcer(byId("announcer"));
const overview = new Overview();
const library = new Library({ changed, removed });
const presses = new Presses(library, new Messages(byId("problem")));
let asOf = ""; // when the server was heard last, while it is not
let additions = 0; // by this page
let turn = 0; // of show()
let listTop = 0; // how far the list was scrolled

const actions = {
  sync: (record) => open(record) ?? presses.sync(record),
  cancel: (record) => presses.cancel(record),
  remove: (record) => presses.remove(record),
};
const detail = new Detail(actions);
const table = new Table({
  library,
  actions,
  select: (id, on) => selection.select(id, on),
  look: (id) => ({ chosen: id === detail.id, selected: selection.has(id), asOf }),
});
const selection = new Selection({ library, presses, table: () => table, redraw: (id) => table.redraw(id) });

function changed(record, before) {
  const state = library.state(record);
  table.changed(record);
  selection.changed(record.id);
  overview.changed(record, state);
  if (record.id === detail.id) detail.update(record, state, asOf);
  announcer.changed(record, before);
}

function removed(id) {
  table.removed(id);
  selection.removed(id);
  overview.removed(id);
  if (id === detail.id) go("#/", { replace: true });
}

/** Where there is room beside the list, a press shows the record as well. */
function open(record) {
  if (wide.matches && record.id !== detail.id) go(`#/records/${record.id}`, { replace: detail.id !== 0, aside: true });
}

/** Shows what the page's address names; `moved` by the person who looks. */
async function show(moved) {
  const mine = ++turn;
  const { record: id, job: jobId } = place();
  let job = null;
  let why;
  try {
    if (jobId) job = detail.history.jobs.get(jobId) ?? (await call("GET", `api/jobs/${jobId}`));
  } catch (error) {
    why = error.status === 404 ? `Job ${jobId} is not there.` : `Job ${jobId} cannot be shown: ${error.message}`;
  }
  if (mine !== turn) return;
  const record = library.records.get(id ?? job?.record) ?? null;
  if (id && !record) why = library.known ? `Record ${id} is not there.` : "Loading.";
  choose(record, job, why);
  lookAt(record || why ? "detail" : "list", moved);
}

function choose(record, job, why) {
  const before = detail.id;
  detail.choose(record, job, why);
  detail.update(record, record && library.state(record), asOf);
  if (before !== detail.id) for (const id of [before, detail.id]) table.redraw(id);
  overview.name = record?.name ?? "";
  overview.drawSoon();
}

function lookAt(view, moved) {
  const before = document.body.dataset.view;
  if (before === "list") listTop = window.scrollY;
  document.body.dataset.view = view;
  if (view === "list") setFullWidth(false);
  if (!moved) return;
  if (view === "detail") byId("detail-title").focus({ preventScroll: wide.matches });
  else if (document.activeElement === document.body) byId("records-title").focus({ preventScroll: true });
  if (view === before || wide.matches) return;
  window.scrollTo(0, view === "list" ? listTop : 0);
}

function close() {
  const row = table.rows.get(detail.id);
  go("#/");
  // The row is there again once the view has changed.
  setTimeout(() => (row?.name.isConnected ? row.name : byId("records-title")).focus({ preventScroll: true }));
}

function setFullWidth(on) {
  document.body.classList.toggle("full", on);
  putAttribute(byId("full"), "aria-pressed", on);
}

function connection(word, why = "") {
  put(byId("connection"), word);
  putAttribute(byId("connection"), "data-state", word);
  putAttribute(byId("connection"), "title", why || null);
  const lost = word === "disconnected";
  if (lost === Boolean(asOf) && overview.connection === word) return;
  asOf = lost ? asOf || timeText(new Date().toISOString()) : "";
  put(byId("as-of"), lost ? `as of ${asOf}` : "");
  document.body.classList.toggle("lost", lost);
  overview.connection = word;
  overview.drawSoon();
  table.redrawAll();
  if (detail.record) detail.update(detail.record, library.state(detail.record), asOf);
}

byId("close").addEventListener("click", close);
byId("full").addEventListener("click", () => setFullWidth(!document.body.classList.contains("full")));
byId("add-open").addEventListener("click", addDialog(byId("add"), (record) => {
  ++additions;
  library.update(record);
  announcer.say(`${record.name} was added.`);
}));
whenEnabled(byId("sync-all"), () => presses.syncAll());
byId("query").addEventListener("input", (event) => table.list({ query: event.target.value.trim() }));
byId("group").addEventListener("change", (event) => table.list({ group: event.target.value }));
byId("sort").addEventListener("change", (event) => table.list({ sort: event.target.value }));
for (const each of document.querySelectorAll("[data-group]")) {
  each.addEventListener("click", () => {
    byId("group").value = byId("group").value === each.dataset.group ? "" : each.dataset.group;
    table.list({ group: byId("group").value });
    if (place().record || place().job) close();
  });
}

let day = new Date().toDateString();
setInterval(() => {
  if (asOf) return; // nothing is known to go on
  table.tick();
  if (detail.ticks) detail.update(detail.record, library.state(detail.record), asOf);
  if (day === (day = new Date().toDateString())) return;
  refreshTimes();
}, 1000);

onPlace(show);
show(false);

/** The first rows of a large library, which takes a while to come as a whole. */
async function showFirstRows() {
  const some = await call("GET", `api/records?limit=${CHUNK}`);
  if (library.known) return;
  for (const record of some) library.update(record);
  if (some.length) table.arrange();
}
showFirstRows().catch(() => {}); // what there is to tell of it, the events tell

followEvents({
  changes: () => additions,
  state: connection,
  records: (all, anew) => {
    library.replace(all, anew);
    const first = !library.known;
    library.known = true;
    if (first) table.arrange();
    if (first || (!detail.id && document.body.dataset.view === "detail")) show(false);
  },
  record: (record) => {
    library.update(record);
    // The list at the beginning may be some events old, and lack what the address names.
    if (!detail.id && place().record === record.id) show(false);
  },
  removed: ({ id }) => library.remove(id),
});
