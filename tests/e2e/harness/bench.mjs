// Helpers of the benches.

import { createServer } from "node:http";
import { createRequire } from "node:module";
import { resolve } from "node:path";

const { Server } = createRequire(resolve(import.meta.dirname, "../../peers/package.json"))("socket.io");

/** Context for helpers that expect that of a test: runs their cleanup at `end`, in reverse order. */
export class BenchContext {
  #ends = [];

  after(end) { this.#ends.push(end); }
  async end() { for (const end of this.#ends.reverse()) await end(); }
}

/** Starts the official server within this process; returns `io` and its `url`. */
export async function startOfficialServer(context) {
  const http = createServer();
  const io = new Server(http, { cors: { origin: "*" } });
  await new Promise((listening) => http.listen(0, "127.0.0.1", listening));
  context.after(() => io.close());
  return { io, url: `http://127.0.0.1:${http.address().port}` };
}

/** Serves HTTP on a free port: `answer` handles each request and its response. Returns the address. */
export async function servePages(context, answer) {
  const http = createServer(answer);
  await new Promise((listening) => http.listen(0, "127.0.0.1", listening));
  context.after(() => { http.closeAllConnections(); http.close(); });
  return `http://127.0.0.1:${http.address().port}`;
}

/** Middle value; with an even number of values, the upper one. */
export function median(values) { return values.toSorted((a, b) => a - b)[values.length >> 1]; }
