// What the benches share.

import { createServer } from "node:http";
import { createRequire } from "node:module";
import { resolve } from "node:path";

const { Server } = createRequire(resolve(import.meta.dirname, "../../peers/package.json"))("socket.io");

/** In place of a test's context: what is to be done `after`, in the end. */
export class Whole {
  #ends = [];

  after(end) { this.#ends.push(end); }
  async end() { for (const end of this.#ends.reverse()) await end(); }
}

/** The official server, within this process: `io`, and the `url` that pages connect to. */
export async function ownBackend(whole) {
  const http = createServer();
  const io = new Server(http, { cors: { origin: "*" } });
  await new Promise((listening) => http.listen(0, "127.0.0.1", listening));
  whole.after(() => io.close());
  return { io, url: `http://127.0.0.1:${http.address().port}` };
}

/** A server of pages on a free port: `answer` gets each request and its response. Gives its address. */
export async function servePages(whole, answer) {
  const http = createServer(answer);
  await new Promise((listening) => http.listen(0, "127.0.0.1", listening));
  whole.after(() => { http.closeAllConnections(); http.close(); });
  return `http://127.0.0.1:${http.address().port}`;
}

/** The one in the middle. */
export function median(values) { return values.toSorted((a, b) => a - b)[values.length >> 1]; }
