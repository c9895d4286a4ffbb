// slow.mjs [ROUNDS]: this page on a slow phone, cold: "fast 3G" (1.6 Mbit/s down, 0.75 up, 150 ms a round trip) and a
// processor four times slower, as Chromium simulates them. Prints medians in milliseconds from the beginning of the
// navigation: until the shell is painted, in which one can write; until the chat is; until the backend sees it connect.
// Nothing of this bench runs in the page before that: on such a processor it would be seen in the figures.

import { Whole, median, ownBackend } from "../harness/bench.mjs";
import { startBrowser } from "../harness/browser.mjs";
import { startServer } from "../harness/server.mjs";
import { once } from "../harness/wait.mjs";

const [rounds = 5, slower = 4] = process.argv.slice(2).map(Number);
const KBIT = 1000 / 8;
const NETWORK = { offline: false, latency: 150, downloadThroughput: 1600 * KBIT, uploadThroughput: 750 * KBIT };

const whole = new Whole();
const { io, url: backend } = await ownBackend(whole);
const server = await startServer(whole, { args: ["--ephemeral"] });
const browser = await startBrowser(whole);
const runs = [];
for (let round = 0; round < rounds; round += 1) runs.push(await open());
console.log(`fast 3G, a processor ${slower} times slower; median of ${rounds}, milliseconds from the navigation on`);
for (const figure of Object.keys(runs[0])) console.log(`  ${figure.padEnd(24)}${median(runs.map((run) => run[figure])).toFixed(0).padStart(6)}`);
await whole.end();

async function open() {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 } });
  const page = await context.newPage();
  const devtools = await context.newCDPSession(page);
  await devtools.send("Network.enable");
  await devtools.send("Network.emulateNetworkConditions", NETWORK);
  await devtools.send("Emulation.setCPUThrottlingRate", { rate: slower });
  const connection = once(io, "connection", 60_000).then(() => Date.now());
  await page.goto(`${server.url}/?server=${encodeURIComponent(backend)}`, { waitUntil: "commit" });
  const connected = await connection;
  const seen = await page.evaluate(() => new Promise((done) => {
    new PerformanceObserver((list) => {
      const sizes = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
      done({
        origin: performance.timeOrigin,
        shell: performance.getEntriesByName("first-contentful-paint")[0].startTime,
        // the largest text of the chat is painted after that of the shell
        chat: Math.max(...list.getEntries().map(({ startTime }) => startTime)),
        bytes: sizes.reduce((sum, { transferSize }) => sum + transferSize, 0),
      });
    }).observe({ type: "largest-contentful-paint", buffered: true });
  }));
  await context.close();
  return { "shell painted": seen.shell, "chat painted": seen.chat, "connected": connected - seen.origin, "kB on the wire": seen.bytes / 1000 };
}
