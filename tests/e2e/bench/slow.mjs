// slow.mjs [ROUNDS]: this page on a slow phone, cold: "fast 3G" (1.6 Mbit/s down, 0.75 up, 150 ms a round trip) and a
// processor four times slower, as Chromium simulates them. Prints medians in milliseconds from the beginning of the
// navigation: until something is painted, until one can write, until the socket is connected and the history is there.

import { startBrowser } from "../harness/browser.mjs";
import { startServer } from "../harness/server.mjs";

const [rounds = 5] = process.argv.slice(2).map(Number);
const KBIT = 1000 / 8;
const NETWORK = { offline: false, latency: 150, downloadThroughput: 1600 * KBIT, uploadThroughput: 750 * KBIT };

const ends = [];
const whole = { after: (end) => ends.push(end) };
const server = await startServer(whole, { args: ["--ephemeral"] });
const browser = await startBrowser(whole);
const runs = [];
for (let round = 0; round < rounds; round += 1) runs.push(await open());
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
console.log(`median of ${rounds}, milliseconds from the navigation on`);
for (const figure of Object.keys(runs[0])) console.log(`  ${figure.padEnd(36)}${median(runs.map((run) => run[figure])).toFixed(0).padStart(6)}`);
for (const end of ends.reverse()) await end();

async function open() {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 } });
  const page = await context.newPage();
  const devtools = await context.newCDPSession(page);
  await devtools.send("Network.enable");
  await devtools.send("Network.emulateNetworkConditions", NETWORK);
  await devtools.send("Emulation.setCPUThrottlingRate", { rate: 4 });
  await page.addInitScript(() => {
    window.seen = {};
    const note = (name, found) => { if (found) window.seen[name] ??= performance.now(); };
    const look = () => {
      note("the field is there", document.querySelector("textarea"));
      note("the program has taken over", document.querySelector("textarea") && !document.querySelector("#shell"));
      note("connected, history shown", document.querySelector("[role=log]") && document.querySelector(".log .empty, .log .row, [role=log] p"));
      requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
  await page.goto(server.url, { waitUntil: "commit" });
  await page.waitForFunction(() => window.seen["connected, history shown"], undefined, { timeout: 60_000 });
  const seen = await page.evaluate(() => {
    const [paint] = performance.getEntriesByName("first-contentful-paint");
    const bytes = performance.getEntriesByType("resource").reduce((sum, { transferSize }) => sum + transferSize, performance.getEntriesByType("navigation")[0].transferSize);
    return { "first contentful paint": paint.startTime, ...window.seen, "kB on the wire": bytes / 1000 };
  });
  await context.close();
  return seen;
}
