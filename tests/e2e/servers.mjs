// The same little chat in three worlds: this page and the Node backend, the React page and the official client
// and this server, each unchanged.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { openWindow, startBrowser } from "./harness/browser.mjs";
import { Chat } from "./harness/chat.mjs";
import { official, reactPage, scriptPage, startNodeBackend } from "./harness/peers.mjs";
import { Wire } from "./harness/proxy.mjs";
import { startServer } from "./harness/server.mjs";
import { suite } from "./harness/suite.mjs";
import { once, until } from "./harness/wait.mjs";

const at = (page, server, more = "") => `${page}?server=${encodeURIComponent(server)}${more}`;

describe("this page and the Node backend", () => {
  const whole = suite();
  let browser, server;
  before(async () => {
    browser = await startBrowser(whole);
    server = await startServer(whole);
  });

  test("two windows talk through it", async (t) => {
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

  test("it is not told who somebody is on the page's own server", async (t) => {
    const backend = await startNodeBackend(t);
    const page = await openWindow(t, browser);
    const said = [];
    page.on("websocket", (socket) => socket.on("framesent", ({ payload }) => said.push(String(payload))));
    const connects = () => said.filter((frame) => frame.startsWith("40{")).map((frame) => JSON.parse(frame.slice(2)).key);
    const chat = new Chat(page);
    for (const address of [`${server.url}/`, at(`${server.url}/`, backend.url), `${server.url}/`]) {
      const before = connects().length;
      await page.goto(address);
      await chat.ready();
      await until("it says who it is", () => connects().length > before);
    }
    const [here, there, again] = connects();
    assert.ok(here && there && here !== there, "another key there");
    assert.equal(again, here);
  });

  test("the official client and the page see each other's messages there", async (t) => {
    const backend = await startNodeBackend(t);
    const socket = official.io(backend.url);
    t.after(() => socket.disconnect());
    await once(socket, "connect");
    const chat = await Chat.open(t, browser, at(`${server.url}/`, backend.url));
    socket.emit("pesan", "dari klien resmi");
    await chat.sees("dari klien resmi");
    const heard = once(socket, "pesan");
    await chat.say("dari halaman");
    assert.equal(await heard, "dari halaman");
  });

  test("what was typed while the wire was cut arrives there too", async (t) => {
    const backend = await startNodeBackend(t);
    const wire = await Wire.to(t, backend.port);
    const behind = await Chat.open(t, browser, at(`${server.url}/`, wire.url));
    const direct = await Chat.open(t, browser, at(`${server.url}/`, backend.url));
    wire.cut();
    await behind.disconnected();
    await behind.say("tanpa kabel ke Node");
    wire.mend();
    await behind.connected();
    await direct.sees("tanpa kabel ke Node");
  });
});

describe("the official client and this server", () => {
  const whole = suite();
  let browser, server;
  before(async () => {
    browser = await startBrowser(whole);
    server = await startServer(whole);
  });

  for (const transports of [["polling", "websocket"], ["websocket"], ["polling"]]) {
    test(`in Node, transports ${transports.join(" and ")}: this page hears it and is heard`, async (t) => {
      const socket = official.io(server.url, { transports });
      t.after(() => socket.disconnect());
      await once(socket, "connect");
      const chat = await Chat.open(t, browser, server.url);
      const text = `resmi lewat ${transports.join("+")}`;
      const own = once(socket, "pesan");
      socket.emit("pesan", text);
      assert.equal(await own, text, "the sender is included");
      await chat.sees(text);
      const heard = new Promise((resolve) => socket.on("pesan", (said) => { if (said === `jawaban ${text}`) resolve(said); }));
      await chat.say(`jawaban ${text}`);
      await heard;
    });
  }

  test("every socket is greeted", async (t) => {
    const socket = official.io(server.url, { forceNew: true });
    t.after(() => socket.disconnect());
    assert.equal(typeof await once(socket, "welcome_message"), "string");
  });

  test("in a script tag in Chromium, with default options: it upgrades to WebSocket and talks", async (t) => {
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

  test("it reconnects by itself after the server was killed", async (t) => {
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
    const heard = once(socket, "pesan");
    socket.emit("pesan", "kembali");
    assert.equal(await heard, "kembali");
  });
});

describe("the React page and this server", () => {
  const whole = suite();
  let browser, server, react;
  before(async () => {
    browser = await startBrowser(whole);
    server = await startServer(whole);
    react = await reactPage(whole);
  });

  test("two React windows and one of ours talk", async (t) => {
    const one = await openWindow(t, browser, at(react, server.url));
    const two = await openWindow(t, browser, at(react, server.url));
    const ours = await Chat.open(t, browser, server.url);
    await until("two React sockets at the server", () => (server.output.match(/A user connected/g) ?? []).length >= 3);
    await one.getByRole("textbox").fill("dari React");
    await one.getByRole("button", { name: "Kirim" }).click();
    await two.getByText("dari React", { exact: true }).waitFor();
    await one.getByText("dari React", { exact: true }).waitFor();
    await ours.sees("dari React");
    await ours.say("untuk React");
    for (const page of [one, two]) await page.getByText("untuk React", { exact: true }).waitFor();
    assert.deepEqual([...one.problems, ...two.problems], []);
  });
});
