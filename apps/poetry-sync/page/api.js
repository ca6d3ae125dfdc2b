// Calls of the server's API.

/** Raises an Error whose message says in words what the server, or the network, refused. */
export async function call(method, path, body) {
  const options = { method, headers: { Accept: "application/json" } };
  if (method !== "GET") {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body ?? {});
  }
  const response = await ask(path, options);
  if (response.status === 204) return null;
  return response.json();
}

/** The response itself, where it is a good one; raises as call() does. */
export async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("the server does not answer: is poetry-sync running?");
  }
  if (!response.ok) throw new Error(await reason(response));
  return response;
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
