// One stream of Server-Sent Events (HTML Standard, 9.2), read by fetch: unlike an EventSource it tells
// of each sign of life, and begins where another one ended.

export class Refused extends Error {}

/**
 * Returns at the stream's end. `opened()` is called once it is there, `alive()` with whatever comes,
 * `event({kind, data, id})` with each event. Raises Refused where the server has none for us.
 */
export async function readStream(path, { lastId, signal, opened, alive, event }) {
  const headers = { Accept: "text/event-stream" };
  if (lastId) headers["Last-Event-ID"] = lastId;
  const response = await fetch(path, { headers, signal, cache: "no-store" });
  if (!response.ok) throw new Refused(`the server answered ${response.status}`);
  opened();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const take = parser(event);
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    alive();
    take(value);
  }
}

function parser(event) {
  let rest = []; // of a line: pieces, since the list of all records comes in many
  let now = { kind: "message", data: [], id: "" };
  const line = (text) => {
    if (text === "") {
      if (now.data.length) event({ ...now, data: now.data.join("\n") });
      now = { kind: "message", data: [], id: "" };
      return;
    }
    const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(text);
    if (field === "event") now.kind = value;
    else if (field === "data") now.data.push(value);
    else if (field === "id") now.id = value;
  };
  return (text) => {
    const pieces = text.split("\n");
    for (const piece of pieces.slice(0, -1)) {
      line((rest.length ? rest.join("") + piece : piece).replace(/\r$/, ""));
      rest = [];
    }
    if (pieces.at(-1)) rest.push(pieces.at(-1));
  };
}
