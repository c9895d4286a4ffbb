// Interoperability of the plain chat: this page with the Node backend, and the official client and the React page with
// this server.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { openWindow, startBrowser } from "./harness/browser.mjs";
import { Chat } from "./harness/chat.mjs";
import { official, reactPage, scriptPage, startNodeBackend } from "./harness/peers.mjs";
import { TcpProxy } from "./harness/proxy.mjs";
import { startServer } from "./harness/server.mjs";
import { suite } from "./harness/suite.mjs";
import { once, until } from "./harness/wait.mjs";

const at = (page, server, more = "") => `${page}?server=${encodeURIComponent(server)}${more}`;

describe("this page with the Node backend", () => {
  const whole = suite();
  let browser, server;
  before(async () => {
    browser = await startBrowser(whole);
    server = await startServer(whole);
  });

  test("messages sent through the Node backend appear in both windows", async (t) => {
    const backend = await startNodeBackend(t);
    const one = await Chat.open(t, browser, at(`${server.url}/`, backend.url));
    const two = await Chat.open(t, browser, at(`${server.url}/`, backend.url));
    await one.say("lewat Node");
    await two.sees("lewat Node");
    await two.composer.fill("balasan lewat Node");
    await two.button.click();
    await one.sees("balasan lewat Node");
    await one.sees("lewat Node");
    assert.match(backend.run.output, /message: lewat Node/);
  });

  test("Node backend gets another client key than the page's own server", async (t) => {
    const backend = await startNodeBackend(t);
    const page = await openWindow(t, browser);
    const sent = [];
    page.on("websocket", (socket) => socket.on("framesent", ({ payload }) => sent.push(String(payload))));
    const connects = () => sent.filter((frame) => frame.startsWith("40{")).map((frame) => JSON.parse(frame.slice(2)).key);
    const chat = new Chat(page);
    for (const address of [`${server.url}/`, at(`${server.url}/`, backend.url), `${server.url}/`]) {
      const before = connects().length;
      await page.goto(address);
      await chat.ready();
      await until("the CONNECT packet", () => connects().length > before);
    }
    const [here, there, again] = connects();
    assert.ok(here && there && here !== there, "another key for the Node backend");
    assert.equal(again, here);
  });

  test("official client and page exchange messages through the Node backend", async (t) => {
    const backend = await startNodeBackend(t);
    const socket = official.io(backend.url);
    t.after(() => socket.disconnect());
    await once(socket, "connect");
    const chat = await Chat.open(t, browser, at(`${server.url}/`, backend.url));
    socket.emit("pesan", "dari klien resmi");
    await chat.sees("dari klien resmi");
    const received = once(socket, "pesan");
    await chat.say("dari halaman");
    assert.equal(await received, "dari halaman");
  });

  test("message sent offline is delivered by the Node backend after reconnecting", async (t) => {
    const backend = await startNodeBackend(t);
    const proxy = await TcpProxy.to(t, backend.port);
    const behind = await Chat.open(t, browser, at(`${server.url}/`, proxy.url));
    const direct = await Chat.open(t, browser, at(`${server.url}/`, backend.url));
    proxy.cut();
    await behind.disconnected();
    await behind.say("tanpa kabel ke Node");
    proxy.restore();
    await behind.connected();
    await direct.sees("tanpa kabel ke Node");
  });
});

describe("the official client with this server", () => {
  const whole = suite();
  let browser, server;
  before(async () => {
    browser = await startBrowser(whole);
    server = await startServer(whole);
  });

  for (const transports of [["polling", "websocket"], ["websocket"], ["polling"]]) {
    test(`official client in Node over ${transports.join(" and ")} exchanges messages with the page`, async (t) => {
      const socket = official.io(server.url, { transports });
      t.after(() => socket.disconnect());
      await once(socket, "connect");
      const chat = await Chat.open(t, browser, server.url);
      const text = `resmi lewat ${transports.join("+")}`;
      const own = once(socket, "pesan");
      socket.emit("pesan", text);
      assert.equal(await own, text, "the sender is included");
      await chat.sees(text);
      const received = new Promise((resolve) => socket.on("pesan", (reply) => { if (reply === `jawaban ${text}`) resolve(reply); }));
      await chat.say(`jawaban ${text}`);
      await received;
    });
  }

  test("official client that connects gets the welcome message", async (t) => {
    const socket = official.io(server.url, { forceNew: true });
    t.after(() => socket.disconnect());
    assert.equal(typeof await once(socket, "welcome_message"), "string");
  });

  test("official client in a script tag upgrades to WebSocket and exchanges messages with the page", async (t) => {
    const url = at(await scriptPage(t), server.url);
    const page = await openWindow(t, browser, url);
    await page.locator("output", { hasText: "connected websocket" }).waitFor();
    const chat = await Chat.open(t, browser, server.url);
    await page.getByLabel("text").fill("dari tag script");
    await page.getByRole("button", { name: "Send" }).click();
    await chat.sees("dari tag script");
    await chat.say("untuk tag script");
    await page.getByText("untuk tag script", { exact: true }).waitFor();
    assert.equal(await page.getByText("dari tag script", { exact: true }).count(), 1);
  });

  test("official client reconnects after the server is killed", async (t) => {
    const own = await startServer(t);
    const socket = official.io(own.url, { reconnectionDelay: 100, forceNew: true });
    t.after(() => socket.disconnect());
    await once(socket, "connect");
    const lost = once(socket, "disconnect");
    await own.kill();
    await lost;
    const back = once(socket, "connect");
    await own.start();
    await back;
    const received = once(socket, "pesan");
    socket.emit("pesan", "kembali");
    assert.equal(await received, "kembali");
  });
});

describe("the React page with this server", () => {
  const whole = suite();
  let browser, server, react;
  before(async () => {
    browser = await startBrowser(whole);
    server = await startServer(whole);
    react = await reactPage(whole);
  });

  test("messages appear in two windows of the React page and in this page", async (t) => {
    const one = await openWindow(t, browser, at(react, server.url));
    const two = await openWindow(t, browser, at(react, server.url));
    const chat = await Chat.open(t, browser, server.url);
    await until("two React sockets at the server", () => (server.output.match(/A user connected/g) ?? []).length >= 3);
    await one.getByRole("textbox").fill("dari React");
    await one.getByRole("button", { name: "Kirim" }).click();
    await two.getByText("dari React", { exact: true }).waitFor();
    await one.getByText("dari React", { exact: true }).waitFor();
    await chat.sees("dari React");
    await chat.say("untuk React");
    for (const page of [one, two]) await page.getByText("untuk React", { exact: true }).waitFor();
    assert.deepEqual([...one.problems, ...two.problems], []);
  });
});
