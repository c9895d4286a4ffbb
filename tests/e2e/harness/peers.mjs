// Programs to interoperate with: the Node backend, the React page and the official client.

import { createReadStream } from "node:fs";
import { access } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { extname, join, normalize, resolve } from "node:path";
import { Program } from "./program.mjs";

const root = resolve(import.meta.dirname, "../../..");
const peers = join(root, "tests/peers");

/** Exports of the package `socket.io-client`. */
export const official = createRequire(join(peers, "package.json"))("socket.io-client");

/** Starts the Node backend of the plain chat on a free port. */
export async function startNodeBackend(t) {
  const run = new Program(process.execPath, [join(peers, "backend.mjs")], { env: { ...process.env, PORT: "0" } });
  t.after(() => run.end("SIGKILL"));
  const [, port] = await run.waitForOutput(/listening on (\d+)/);
  return { url: `http://127.0.0.1:${port}`, port: Number(port), run };
}

/** Builds the React page with Vite and serves it; `?server=` in its address names the server. */
export async function reactPage(t) {
  const out = join(root, "target/peers/react");
  const vite = join(peers, "node_modules/vite/bin/vite.js");
  const build = new Program(process.execPath, [vite, "build", "--outDir", out, "--emptyOutDir", "--logLevel", "warn"], { cwd: join(peers, "react") });
  const { code } = await build.over;
  if (code !== 0) throw new Error(`vite build: ${build.output}`);
  return serveFolder(t, out);
}

/** Serves the page that loads the official client with a script tag. */
export async function scriptPage(t) {
  return serveFolder(t, join(peers, "plain"), { "/socket.io.min.js": join(peers, "node_modules/socket.io-client/dist/socket.io.min.js") });
}

const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".wasm": "application/wasm" };

/** Serves a folder on a free port, with `also` as additional files by path; returns the address. */
export async function serveFolder(t, folder, also = {}) {
  const server = createServer(async (request, response) => {
    const path = new URL(request.url, "http://x").pathname;
    const file = also[path] ?? join(folder, normalize(path === "/" ? "/index.html" : path));
    try {
      await access(file);
    } catch {
      return response.writeHead(404).end();
    }
    response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" });
    createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => { server.closeAllConnections(); server.close(); });
  return `http://127.0.0.1:${server.address().port}/`;
}
