// A server between the browser and ours: below a path of its own, and able to stand still, as a network
// does whose connections look alive.
import http from "node:http";

export class Proxy {
  constructor(url, prefix) {
    this.to = new URL(url);
    this.prefix = prefix; // "/" or "/poems/"
    this.asked = []; // {method, url, headers}
    this.held = []; // what was asked while it stood still
    this.streams = []; // of events
    this.still = false;
    this.server = http.createServer((request, response) => {
      this.asked.push({ method: request.method, url: request.url, headers: request.headers });
      if (this.still) this.held.push(() => this.pass(request, response));
      else this.pass(request, response);
    });
  }

  async listen() {
    await new Promise((told) => this.server.listen(0, "127.0.0.1", told));
    this.url = `http://127.0.0.1:${this.server.address().port}${this.prefix}`;
    return this;
  }

  pass(request, response) {
    if (!request.url.startsWith(this.prefix)) return response.writeHead(404).end();
    const headers = { ...request.headers, host: this.to.host };
    if (headers.origin) headers.origin = this.to.origin;
    const path = `/${request.url.slice(this.prefix.length)}`;
    const on = http.request({ hostname: this.to.hostname, port: this.to.port, path, method: request.method, headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers).flushHeaders();
      if (request.url.endsWith("/events")) this.streams.push(response);
      answer.on("data", (bytes) => this.still || response.write(bytes)).on("end", () => this.still || response.end());
    });
    on.on("error", () => response.destroy());
    response.on("close", () => on.destroy());
    request.pipe(on);
  }

  /** From now on nothing comes or goes, and nobody is told. */
  standStill() {
    this.still = true;
  }

  /** As the server's heartbeat, in its stead. */
  beat() {
    for (const each of this.streams) each.write("event: heartbeat\ndata: {}\n\n");
  }

  goOn() {
    this.still = false;
    for (const pass of this.held.splice(0)) pass();
  }

  async end() {
    this.server.closeAllConnections();
    await new Promise((told) => this.server.close(told));
  }
}
