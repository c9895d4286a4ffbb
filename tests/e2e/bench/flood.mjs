// flood.mjs [ROUNDS [MESSAGES [A_SECOND]]]: this page and the React page, in turn in one Chromium, on the same Node
// backend. Prints medians: navigation until the socket is open at the server; then, for the flood, time until the last
// message is seen, main-thread time, longest task, heap, DOM nodes.

import { Whole, median, ownBackend } from "../harness/bench.mjs";
import { startBrowser } from "../harness/browser.mjs";
import { reactPage } from "../harness/peers.mjs";
import { startServer } from "../harness/server.mjs";
import { once } from "../harness/wait.mjs";

const [rounds = 3, messages = 10_000, rate = 0] = process.argv.slice(2).map(Number);

const whole = new Whole();
const { io, url: backend } = await ownBackend(whole);

const ours = await startServer(whole, { args: ["--ephemeral"] });
const pages = { react: await reactPage(whole), pesan: `${ours.url}/` };
const browser = await startBrowser(whole);
const results = { react: [], pesan: [] };
for (let round = 0; round < rounds; round += 1) {
  for (const name of Object.keys(pages)) results[name].push(await flood(name, round));
}
print();
await whole.end();

async function flood(name, round) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.addInitScript(() => {
    window.longest = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) window.longest = Math.max(window.longest, entry.duration);
    }).observe({ type: "longtask", buffered: true });
  });
  const connection = once(io, "connection", 60_000);
  const start = performance.now();
  await page.goto(`${pages[name]}?server=${encodeURIComponent(backend)}`);
  const socket = await connection;
  const connected = performance.now() - start;
  socket.emit("pesan", "first");
  await page.getByText("first", { exact: true }).first().waitFor();
  const devtools = await context.newCDPSession(page);
  await devtools.send("Performance.enable");
  const metrics = async () => Object.fromEntries((await devtools.send("Performance.getMetrics")).metrics.map(({ name, value }) => [name, value]));
  const before = await metrics();
  await page.evaluate(() => { window.longest = 0; });
  const flooded = performance.now();
  for (let i = 0; i < messages; i += 1) {
    socket.emit("pesan", `message number ${i} of a flood`);
    if (rate && i % 10 === 9) await new Promise((later) => setTimeout(later, 10_000 / rate));
  }
  const last = `last of round ${round}`;
  socket.emit("pesan", last);
  await page.getByText(last, { exact: true }).first().waitFor({ timeout: 120_000 });
  const all = performance.now() - flooded;
  const after = await metrics();
  const longest = await page.evaluate(() => window.longest);
  await devtools.send("HeapProfiler.collectGarbage");
  const { JSHeapUsedSize: heap, Nodes: nodes } = await metrics();
  await context.close();
  return {
    "connected ms": connected, "all seen ms": all, "main thread ms": (after.TaskDuration - before.TaskDuration) * 1000,
    "longest task ms": longest, "heap MB": heap / 1e6, "DOM nodes": nodes,
  };
}

function print() {
  console.log(`${messages} messages, ${rate ? `${rate} a second` : "all at once"}, median of ${rounds}`);
  const figures = Object.keys(results.react[0]);
  console.log(["".padEnd(8), ...figures.map((figure) => figure.padStart(17))].join(""));
  for (const [name, runs] of Object.entries(results)) {
    console.log([name.padEnd(8), ...figures.map((figure) => median(runs.map((run) => run[figure])).toFixed(1).padStart(17))].join(""));
  }
}
