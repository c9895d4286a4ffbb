// Memory of a page that stays open: 30 messages per second for a minute.

import assert from "node:assert/strict";
import { before, test } from "node:test";
import { startBrowser } from "../harness/browser.mjs";
import { Chat } from "../harness/chat.mjs";
import { official, startNodeBackend } from "../harness/peers.mjs";
import { startServer } from "../harness/server.mjs";
import { suite } from "../harness/suite.mjs";
import { once } from "../harness/wait.mjs";

const RATE = 30;
const SECONDS = Number(process.env.SECONDS ?? 60);

const whole = suite();
let browser, server;
before(async () => {
  browser = await startBrowser(whole);
  server = await startServer(whole);
});

test("page that receives messages for a minute grows only by the messages", async (t) => {
  const backend = await startNodeBackend(t);
  const chat = await Chat.open(t, browser, `${server.url}/?server=${encodeURIComponent(backend.url)}`);
  const socket = official.io(backend.url, { forceNew: true });
  t.after(() => socket.disconnect());
  await once(socket, "connect");
  const devtools = await chat.page.context().newCDPSession(chat.page);
  await devtools.send("Performance.enable");
  const measure = async () => {
    await devtools.send("HeapProfiler.collectGarbage");
    const { metrics } = await devtools.send("Performance.getMetrics");
    const value = (name) => metrics.find((metric) => metric.name === name).value;
    return { heap: value("JSHeapUsedSize"), nodes: value("Nodes"), listeners: value("JSEventListeners") };
  };
  let sent = 0;
  const sendFor = async (seconds) => {
    for (const end = sent + seconds * RATE; sent < end;) {
      sent += 1;
      socket.emit("pesan", `pesan nomor ${sent} dari menit ini`);
      await new Promise((later) => setTimeout(later, 1000 / RATE));
    }
    await chat.sees(`pesan nomor ${sent} dari menit ini`);
  };
  await sendFor(SECONDS / 4);
  const early = await measure();
  const earlier = sent;
  await sendFor(SECONDS);
  const late = await measure();
  const perMessage = (late.heap - early.heap) / (sent - earlier);
  console.log(`after ${earlier} messages`, early, `after ${sent}`, late, `${perMessage.toFixed(0)} bytes of heap per message`);
  assert.ok(perMessage < 1000, `${perMessage} bytes of JavaScript heap per message`);
  assert.ok(late.nodes < early.nodes * 1.5 + 200, "only rows near the visible range are in the DOM");
  assert.ok(late.listeners < early.listeners * 1.5 + 50, "no listener is leaked");
});
