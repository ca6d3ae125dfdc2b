// Calls of the server's API.

const PRESS_MS = 15_000; // what writes is answered at once, or something is wrong
const READ_MS = 60_000; // the list of all records may be long

/**
 * Raises an Error whose message says in words what the server, or the network, refused. Its
 * `uncertain` is true where the server may have done what it was asked to all the same, its `status`
 * the one that it answered with.
 */
export async function call(method, path, body) {
  const reads = method === "GET";
  const options = { method, headers: { Accept: "application/json" }, signal: AbortSignal.timeout(reads ? READ_MS : PRESS_MS) };
  if (!reads) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body ?? {});
  }
  const response = await ask(path, options);
  if (response.status === 204) return null;
  try {
    return await response.json();
  } catch (error) {
    throw failure(error);
  }
}

/** The response itself, where it is a good one; raises as call() does. */
export async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw failure(error);
  }
  if (!response.ok) throw Object.assign(new Error(await reason(response)), { status: response.status });
  return response;
}

function failure(error) {
  const late = error.name === "TimeoutError";
  const words = late ? `no answer for ${PRESS_MS / 1000} s` : "the server does not answer: is poetry-sync running?";
  return Object.assign(new Error(words), { uncertain: true });
}

/** What a problem document (RFC 9457) says. */
async function reason(response) {
  try {
    const { title, detail } = await response.json();
    return detail ? `${title}: ${detail}` : title;
  } catch {
    return `the server answered ${response.status}`;
  }
}

/** Calls `work` for each item, a few at a time: a browser has six connections for a server. */
export async function eachOf(items, work) {
  const left = [...items];
  const one = async () => {
    while (left.length) await work(left.shift());
  };
  await Promise.all([one(), one(), one(), one()]);
}
