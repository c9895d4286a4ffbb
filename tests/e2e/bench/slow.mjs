// slow.mjs [ROUNDS]: first load of this page on a slow phone: "fast 3G" (1.6 Mbit/s down, 0.75 up, round trip 150 ms) and a
// processor four times slower, as simulated by Chromium. Prints medians in milliseconds from the start of the navigation:
// until the static shell with its composer is painted, until the chat is painted, until the backend has the connection.

import { DevToolsBrowser } from "../harness/devtools.mjs";
import { BenchContext, median, startOfficialServer } from "../harness/bench.mjs";
import { startServer } from "../harness/server.mjs";
import { once } from "../harness/wait.mjs";

const [rounds = 5, slower = 4] = process.argv.slice(2).map(Number);
const KBIT = 1000 / 8;
const NETWORK = { offline: false, latency: 150, downloadThroughput: 1600 * KBIT, uploadThroughput: 750 * KBIT };

const context = new BenchContext();
const { io, url: backend } = await startOfficialServer(context);
const server = await startServer(context, { args: ["--ephemeral"] });
const browser = await DevToolsBrowser.start(context);
const runs = [];
for (let round = 0; round < rounds; round += 1) runs.push(await open());
console.log(`fast 3G, a processor ${slower} times slower; median of ${rounds}, milliseconds from the start of the navigation`);
for (const figure of Object.keys(runs[0])) console.log(`  ${figure.padEnd(24)}${median(runs.map((run) => run[figure])).toFixed(0).padStart(6)}`);
await context.end();

async function open() {
  const tab = await browser.tab();
  await tab.send("Emulation.setDeviceMetricsOverride", { width: 390, height: 844, deviceScaleFactor: 1, mobile: true });
  await tab.send("Network.enable");
  await tab.send("Network.emulateNetworkConditions", NETWORK);
  await tab.send("Emulation.setCPUThrottlingRate", { rate: slower });
  const connection = once(io, "connection", 60_000).then(() => Date.now());
  await tab.open(`${server.url}/?server=${encodeURIComponent(backend)}`);
  // only the chat has a log, not the shell; a frame is painted between its callback and the next task
  const seen = await tab.evaluate(`new Promise((done) => {
    const painted = () => {
      const sizes = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
      done({
        origin: performance.timeOrigin, chat: performance.now(),
        shell: performance.getEntriesByName("first-contentful-paint")[0].startTime,
        bytes: sizes.reduce((sum, { transferSize }) => sum + transferSize, 0),
      });
    };
    const check = () => {
      if (!document.querySelector("[role=log]")) return;
      observer.disconnect();
      requestAnimationFrame(() => setTimeout(painted));
    };
    const observer = new MutationObserver(check);
    observer.observe(document, { childList: true, subtree: true });
    check();
  })`);
  const connected = await connection;
  await tab.close();
  return { "shell painted": seen.shell, "chat painted": seen.chat, "connected": connected - seen.origin, "kB on the wire": seen.bytes / 1000 };
}
