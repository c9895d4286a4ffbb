// flood.mjs [ROUNDS [MESSAGES [PER_SECOND]]]: compares this page with the React page. Both take turns in one Chromium and
// connect to the same Node server. Prints medians: time from navigation to the connection at the server; then, for the
// flood, time until the last message is shown, main-thread time, longest task, heap, DOM nodes. `baseline` is a page that
// reads the messages from a WebSocket and shows only the last one: a lower bound for every page.

import { DevToolsBrowser } from "../harness/devtools.mjs";
import { BenchContext, median, startOfficialServer, servePages } from "../harness/bench.mjs";
import { reactPage } from "../harness/peers.mjs";
import { startServer } from "../harness/server.mjs";
import { once } from "../harness/wait.mjs";

const [rounds = 3, messages = 10_000, rate = 0] = process.argv.slice(2).map(Number);

const context = new BenchContext();
const { io, url: backend } = await startOfficialServer(context);

const BASELINE = `<!doctype html><body><p>-</p><script>
const server = new URLSearchParams(location.search).get("server").replace("http", "ws");
const socket = new WebSocket(server + "/socket.io/?EIO=4&transport=websocket");
socket.onmessage = ({ data }) => {
  if (data[0] === "0") socket.send("40");
  else if (data === "2") socket.send("3");
  else if (data.includes("first") || data.includes("last")) document.querySelector("p").textContent = data;
};
</script>`;
// Expression for the element with the last message; cheap, so that it hardly adds to the measured time.
const LAST = {
  baseline: `document.querySelector("p")`,
  react: `document.querySelector(".messages > :last-child p")`,
  pesan: `[...document.querySelectorAll("[role=log] article")].at(-1)`,
};

const server = await startServer(context, { args: ["--ephemeral"] });
const pages = { baseline: `${await servePages(context, baseline)}/`, react: await reactPage(context), pesan: `${server.url}/` };
const browser = await DevToolsBrowser.start(context);
const results = Object.fromEntries(Object.keys(pages).map((name) => [name, []]));
for (let round = 0; round < rounds; round += 1) {
  for (const name of Object.keys(pages)) results[name].push(await flood(name, round));
}
print();
await context.end();

function baseline(request, response) { response.writeHead(200, { "content-type": "text/html" }).end(BASELINE); }

async function flood(name, round) {
  const page = await browser.tab();
  const connection = once(io, "connection", 60_000);
  const start = performance.now();
  await page.open(`${pages[name]}?server=${encodeURIComponent(backend)}`);
  const socket = await connection;
  const connected = performance.now() - start;
  const seen = (text) => page.evaluate(`new Promise((done) => {
    const check = () => {
      if (${LAST[name]}?.textContent.includes("${text}")) done();
      else requestAnimationFrame(check);
    };
    check();
  })`);
  socket.emit("pesan", "first");
  await seen("first");
  await page.evaluate(`{
    globalThis.longest = 0;
    const longer = (list) => { for (const { duration } of list.getEntries()) longest = Math.max(longest, duration); };
    new PerformanceObserver(longer).observe({ type: "longtask" });
  }`);
  const before = await page.metrics();
  const last = `last of round ${round}`;
  const over = seen(last);
  const flooded = performance.now();
  for (let i = 0; i < messages; i += 1) {
    socket.emit("pesan", `message number ${i} of a flood`);
    if (rate && i % 10 === 9) await new Promise((later) => setTimeout(later, 10_000 / rate));
  }
  socket.emit("pesan", last);
  await over;
  const all = performance.now() - flooded;
  const after = await page.metrics();
  const longest = await page.evaluate("longest");
  await page.send("HeapProfiler.collectGarbage");
  const { JSHeapUsedSize: heap, Nodes: nodes } = await page.metrics();
  await page.close();
  return {
    "connected ms": connected, "all seen ms": all, "main thread ms": (after.TaskDuration - before.TaskDuration) * 1000,
    "longest task ms": longest, "heap MB": heap / 1e6, "DOM nodes": nodes,
  };
}

function print() {
  console.log(`${messages} messages, ${rate ? `${rate} per second` : "all at once"}, median of ${rounds}`);
  const figures = Object.keys(results.react[0]);
  console.log(["".padEnd(8), ...figures.map((figure) => figure.padStart(17))].join(""));
  for (const [name, runs] of Object.entries(results)) {
    console.log([name.padEnd(8), ...figures.map((figure) => median(runs.map((run) => run[figure])).toFixed(1).padStart(17))].join(""));
  }
}
