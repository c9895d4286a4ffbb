// A list of 100,000 messages: few rows are in the DOM, and scrolling keeps the page responsive.

import assert from "node:assert/strict";
import { before, test } from "node:test";
import { startBrowser } from "../harness/browser.mjs";
import { Chat } from "../harness/chat.mjs";
import { official, startNodeBackend } from "../harness/peers.mjs";
import { startServer } from "../harness/server.mjs";
import { suite } from "../harness/suite.mjs";
import { once, until } from "../harness/wait.mjs";

const ROWS = Number(process.env.ROWS ?? 100_000);
const BATCH = 1000;

const whole = suite();
let browser, server;
before(async () => {
  browser = await startBrowser(whole);
  server = await startServer(whole, { args: ["--ephemeral"] });
});

test("list of 100,000 messages scrolls with few rows in the DOM and short frames", async (t) => {
  const backend = await startNodeBackend(t);
  const chat = await Chat.open(t, browser, `${server.url}/?server=${encodeURIComponent(backend.url)}`);
  const socket = official.io(backend.url, { forceNew: true, transports: ["websocket"] });
  t.after(() => socket.disconnect());
  await once(socket, "connect");
  await chat.page.evaluate(() => {
    window.tasks = [];
    new PerformanceObserver((list) => { for (const { duration } of list.getEntries()) window.tasks.push(duration); }).observe({ type: "longtask" });
  });
  let received = 0;
  socket.on("pesan", () => { received += 1; });
  for (let sent = 0; sent < ROWS; sent += BATCH) {
    for (let i = 0; i < BATCH; i += 1) socket.emit("pesan", `baris ${sent + i}`);
    await until("a batch to come back", () => received >= sent + BATCH, 60_000);
  }
  await chat.sees(`baris ${ROWS - 1}`, 60_000);

  const log = chat.log;
  const nodes = () => chat.page.evaluate(() => document.getElementsByTagName("*").length);
  const scroller = await log.evaluateHandle((log) => {
    let at = log;
    while (at && at.scrollHeight <= at.clientHeight + 1) at = at.parentElement;
    return at;
  });
  const scroll = async (name, steps, source) => {
    await chat.page.evaluate(() => { window.tasks = []; });
    const frames = await scroller.evaluate(async (element, { steps, source }) => {
      const go = new Function("element", "step", "steps", source);
      const frame = () => new Promise(requestAnimationFrame);
      const times = [];
      for (let step = 0; step < steps; step += 1) {
        const start = performance.now();
        go(element, step, steps);
        await frame();
        await frame();
        times.push((performance.now() - start) / 2);
      }
      return times.sort((a, b) => a - b);
    }, { steps, source });
    const longest = Math.max(0, ...await chat.page.evaluate(() => window.tasks));
    const p = (share) => frames[Math.floor((frames.length - 1) * share)];
    console.log(`${name}: a frame p50 ${p(0.5).toFixed(1)} ms, p95 ${p(0.95).toFixed(1)} ms; longest task ${longest.toFixed(0)} ms; ${await nodes()} elements`);
    assert.ok(await nodes() < 2000, "only rows near the visible range are in the DOM");
    assert.ok(p(0.95) < 50, `a frame takes ${p(0.95)} ms`);
  };
  await scroll("up, one screen per step", 200, "element.scrollTop -= element.clientHeight");
  await scroll("to distant positions", 100, "element.scrollTop = element.scrollHeight * ((step * 37) % steps) / steps");
  await scroller.evaluate((element) => { element.scrollTop = 0; });
  await chat.sees("baris 0");
  await scroller.evaluate((element) => { element.scrollTop = element.scrollHeight; });
  await chat.sees(`baris ${ROWS - 1}`);
  socket.emit("pesan", "dan satu lagi");
  await chat.sees("dan satu lagi");
  assert.deepEqual(chat.problems, []);
});
