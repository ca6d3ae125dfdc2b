// The stream of events of this tab: closed while the tab is hidden, since browsers allow six
// connections a host, and replaced by polling where it cannot be had.
const POLL_MS = 3000;
const GIVE_UP_AFTER = 3; // failures in a row

export function openEvents(handlers) {
  let source = null;
  let poll = null;
  let failures = 0;

  const close = () => {
    source?.close();
    source = null;
    clearInterval(poll);
    poll = null;
  };

  const look = async () => {
    try {
      const response = await fetch("/api/records");
      if (!response.ok) throw new Error(response.statusText);
      handlers.records(await response.json());
      handlers.state("polling");
      failures = 0;
    } catch {
      handlers.state("disconnected");
    }
  };

  const open = () => {
    close();
    source = new EventSource("/events");
    source.onopen = () => {
      failures = 0;
      handlers.state("connected");
    };
    source.onerror = () => {
      handlers.state("disconnected");
      failures += 1;
      if (failures < GIVE_UP_AFTER && source.readyState !== EventSource.CLOSED) return;
      close();
      poll = setInterval(async () => {
        await look();
        if (failures === 0) open(); // there it is again
      }, POLL_MS);
    };
    for (const kind of ["records", "record", "removed"]) {
      source.addEventListener(kind, (event) => handlers[kind](JSON.parse(event.data)));
    }
  };

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) close();
    else open();
  });
  window.addEventListener("pagehide", close);
  if (!document.hidden) open();
}
