// Sending and receiving messages in two windows.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { openWindow, startBrowser } from "./harness/browser.mjs";
import { Chat } from "./harness/chat.mjs";
import { startServer } from "./harness/server.mjs";
import { suite } from "./harness/suite.mjs";
import { until } from "./harness/wait.mjs";

describe("messages", () => {
  const whole = suite();
  let browser, server;
  before(async () => {
    browser = await startBrowser(whole);
    server = await startServer(whole);
  });

  test("messages sent with Enter and with the button appear in both windows in order", async (t) => {
    const one = await Chat.open(t, browser, server.url);
    const two = await Chat.open(t, browser, server.url);
    await one.say("halo dari satu");
    await two.sees("halo dari satu");
    await two.composer.fill("halo dari dua");
    await two.button.click();
    await one.say("lagi");
    for (const chat of [one, two]) await chat.seesInOrder(["halo dari satu", "halo dari dua", "lagi"]);
    assert.deepEqual([...one.problems, ...two.problems], []);
  });

  test("composer is empty and keeps the focus after sending", async (t) => {
    const chat = await Chat.open(t, browser, server.url);
    await chat.composer.fill("habis ini kosong");
    await chat.composer.press("Enter");
    await chat.sees("habis ini kosong");
    assert.equal(await chat.composer.inputValue(), "");
    assert.ok(await chat.composer.evaluate((element) => element === document.activeElement));
  });

  test("text typed before the program has loaded stays in the composer with its focus", async (t) => {
    const page = await openWindow(t, browser);
    let load;
    const typed = new Promise((resolve) => { load = resolve; });
    await page.route("**/*.wasm", async (route) => {
      await typed;
      await route.continue();
    });
    await page.goto(server.url, { waitUntil: "commit" });
    await page.locator("#shell textarea").pressSequentially("diketik lebih dulu");
    load();
    const chat = new Chat(page);
    await chat.ready();
    assert.equal(await chat.composer.inputValue(), "diketik lebih dulu");
    assert.ok(await chat.composer.evaluate((element) => element === document.activeElement));
    await page.keyboard.press("Enter");
    await chat.sees("diketik lebih dulu");
    assert.deepEqual(chat.problems, []);
  });

  test("empty or blank text is not sent", async (t) => {
    const chat = await Chat.open(t, browser, server.url);
    const sent = [];
    const watched = new Chat(await openWindow(t, browser));
    watched.page.on("websocket", (socket) => socket.on("framesent", ({ payload }) => sent.push(String(payload))));
    await watched.page.goto(server.url);
    await watched.ready();
    for (const blank of ["", " ", "\t", "   "]) await watched.say(blank);
    await watched.say("sesudah yang kosong");
    await chat.sees("sesudah yang kosong");
    const events = sent.filter((frame) => /^42\d*\["(send|pesan)"/.test(frame));
    assert.equal(events.length, 1, events.join("\n"));
  });

  test("message with HTML is shown as text", async (t) => {
    const chat = await Chat.open(t, browser, server.url);
    const text = "<img src=x onerror=alert(1)><b>tebal</b>";
    await chat.say(text);
    await chat.sees(text);
    assert.equal(await chat.log.locator("img, b").count(), 0);
  });

  test("window closed is logged as a disconnect by the server", async (t) => {
    const chat = await Chat.open(t, browser, server.url);
    const count = () => server.output.match(/User disconnected/g)?.length ?? 0;
    const earlier = count();
    await chat.page.close();
    await until("one more 'User disconnected' in the log", () => count() > earlier);
    assert.match(server.output, /A user connected/);
  });
});
