// client.mjs [ROUNDS]: compares this client with socket.io-client. Both take turns in one Chromium and connect to one
// server, each in a page without anything else. Prints medians of the rounds: time from navigation to `connect`, round
// trips of an event and its ack, and events received per second.

import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { basename, join, resolve } from "node:path";
import { DevToolsBrowser } from "../harness/devtools.mjs";
import { BenchContext, median, servePages } from "../harness/bench.mjs";
import { Program } from "../harness/program.mjs";
import { once, until } from "../harness/wait.mjs";

const { PESAN_BENCH_SERVER: server, PESAN_BENCH_CLIENT: folder } = process.env;
const rounds = Number(process.argv[2] ?? 5);
const FLOODS = {
  text64: { title: "64 B text", count: 100_000, batch: 5_000, size: 64 },
  text16k: { title: "16 KiB text", count: 4_000, batch: 100, size: 16_384 },
  binary: { title: "1 KiB binary", count: 40_000, batch: 1_000, size: 1_024 },
};
const ROUND_TRIPS = 2_000;
const CONNECTS = 5;
// Cross-origin isolated pages have a clock with a resolution of 5 µs, others of 100 µs.
const ISOLATED = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };
const WASM = '<link rel="preload" as="fetch" type="application/wasm" crossorigin href="./pesan_bg.wasm">';

// Trunk names the program after its package. All files are preloaded, as in the pages that Trunk builds.
const page = (script, wasm, ...modules) => `<!doctype html><meta charset="utf-8"><title>bench</title>
${modules.map((module) => `<link rel="modulepreload" href="${module}">`).join("")}${wasm}
<script>Object.defineProperty(globalThis, "result", { set: (result) => report(JSON.stringify(result)) });</script>
<script type="module">${script}</script>`;
const peers = resolve(import.meta.dirname, "../../peers/node_modules/socket.io-client/dist/socket.io.esm.min.js");
const files = {
  "/pesan": ["text/html", page('import init from "./pesan.js"; await init();', WASM, "./pesan.js")],
  "/official": ["text/html", page('import "./official.mjs";', "", "./official.mjs", "./socket.io.esm.min.js")],
};
for (const file of [join(folder, "pesan.js"), join(folder, "pesan_bg.wasm"), join(import.meta.dirname, "client/official.mjs"), peers]) {
  files[`/${basename(file)}`] = [file.endsWith(".wasm") ? "application/wasm" : "text/javascript", await readFile(file)];
}

const context = new BenchContext();
const pages = await servePages(context, (request, response) => {
  const [type, body] = files[new URL(request.url, "http://x").pathname] ?? [];
  if (type) response.writeHead(200, { ...ISOLATED, "content-type": type }).end(body);
  else response.writeHead(404).end();
});
const port = await freePort();
const backend = new Program(server, [], { env: { ...process.env, PORT: String(port) } });
context.after(() => backend.end("SIGKILL"));
const browser = await DevToolsBrowser.start(context);

const results = { pesan: {}, official: {} };
try {
  await until("the server listens", () => fetch(`http://127.0.0.1:${port}/socket.io/`).then(() => true, () => false));
  for (let round = 0; round < rounds; round += 1) {
    const clients = round % 2 ? ["official", "pesan"] : ["pesan", "official"];
    for (let i = 0; i < CONNECTS; i += 1) for (const client of clients) await connect(client);
    for (const client of clients) await measure(client);
  }
  print();
} finally {
  await context.end();
}

/** Measures one connection from a tab that is already open. */
async function connect(client) {
  const [after] = await job(client, { job: "connect" }, 250);
  (results[client]["connected after ms"] ??= []).push(after);
}

/** Measures all other figures of one client for one round, each in a new page. */
async function measure(client) {
  const record = (name, value) => { (results[client][name] ??= []).push(value); };
  const trips = (await job(client, { job: "echo", count: ROUND_TRIPS })).sort((a, b) => a - b);
  if (trips.length !== ROUND_TRIPS) throw new Error(`${client}: ${trips.length} of ${ROUND_TRIPS} answers`);
  record("round trip p50 ms", trips[ROUND_TRIPS >> 1]);
  record("round trip p99 ms", trips[Math.floor(ROUND_TRIPS * 0.99)]);
  for (const [kind, { title, count, batch, size }] of Object.entries(FLOODS)) {
    const [time, bytes] = await job(client, { job: kind, count, batch });
    if (bytes !== count * size) throw new Error(`${client}: ${bytes} bytes of ${title}, not ${count * size}`);
    record(`${title}, events/s`, ((count - 1) / time) * 1000);
  }
}

/** Runs one job in a new tab and returns its result. Waits `settled` milliseconds first, while the browser prepares the tab. */
async function job(client, params, settled = 0) {
  const tab = await browser.tab();
  await new Promise((later) => setTimeout(later, settled));
  try {
    const search = new URLSearchParams({ ...params, server: `http://127.0.0.1:${port}` });
    const result = once(tab, "report", 120_000);
    await tab.open(`${pages}/${client}?${search}`);
    return await result;
  } finally {
    await tab.close();
  }
}

function print() {
  console.log(`median of ${rounds} rounds`.padEnd(26) + ["socket.io-client", "pesan", "ratio"].map((title) => title.padStart(18)).join(""));
  for (const figure of Object.keys(results.pesan)) {
    const [official, pesan] = [results.official, results.pesan].map((figures) => median(figures[figure]));
    const digits = pesan > 100 ? 0 : 2;
    console.log(figure.padEnd(26) + [official.toFixed(digits), pesan.toFixed(digits), (pesan / official).toFixed(2)].map((text) => text.padStart(18)).join(""));
  }
}

async function freePort() {
  const probe = createServer();
  await new Promise((listening) => probe.listen(0, "127.0.0.1", listening));
  const { port: found } = probe.address();
  await new Promise((closed) => probe.close(closed));
  return found;
}
