// `?server=` in the address names another server: which servers the page connects to.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { openWindow, startBrowser } from "./harness/browser.mjs";
import { Chat } from "./harness/chat.mjs";
import { startNodeBackend } from "./harness/peers.mjs";
import { startServer } from "./harness/server.mjs";
import { suite } from "./harness/suite.mjs";

describe("link with another server", () => {
  const whole = suite();
  let browser, server;
  before(async () => {
    browser = await startBrowser(whole);
    server = await startServer(whole, { args: ["--ephemeral", "--allow-server", "https://chat.example"] });
  });

  /** Opens the page; `sockets` records the hosts of its WebSockets. */
  async function visit(t, query) {
    const page = await openWindow(t, browser);
    page.sockets = [];
    page.on("websocket", (socket) => page.sockets.push(new URL(socket.url()).host));
    await page.goto(`${server.url}/${query}`);
    await page.getByRole("log").waitFor();
    return page;
  }

  test("server address with percent-encoding is allowed by the Content-Security-Policy", async (t) => {
    const backend = await startNodeBackend(t);
    const encoded = [...backend.url].map((c) => `%${c.charCodeAt(0).toString(16)}`).join("");
    const chat = await Chat.open(t, browser, `${server.url}/?%73erver=${encoded}`);
    await chat.say("lewat alamat bersandi");
    await chat.sees("lewat alamat bersandi");
    await chat.page.getByRole("main").getByText(`127.0.0.1:${backend.port}`).waitFor();
    assert.deepEqual(chat.problems, []);
  });

  test("server not allowed by the operator is not connected to, and the page offers its own server", async (t) => {
    const page = await visit(t, "?server=https%3A%2F%2Fphishing.example");
    await page.getByText("Halaman ini tidak boleh terhubung ke phishing.example").first().waitFor();
    assert.deepEqual(page.sockets, []);
    await page.getByRole("button", { name: "Pakai server halaman ini" }).click();
    await new Chat(page).ready();
    assert.equal(new URL(page.url()).search, "");
  });

  test("server that is not an address is refused with a message", async (t) => {
    const page = await visit(t, "?server=bukan%20alamat");
    await page.getByText("Tautan ini tidak menyebut server yang sah: bukan alamat").first().waitFor();
    assert.deepEqual(page.sockets, []);
  });

  test("server allowed by the operator is connected to after one confirmation", async (t) => {
    const page = await visit(t, "?server=https%3A%2F%2Fchat.example");
    await page.getByText("Tautan ini menuju server lain: chat.example").first().waitFor();
    assert.deepEqual(page.sockets, [], "no connection before the confirmation");
    await page.getByRole("button", { name: "Sambungkan" }).click();
    await page.getByText(/Server tidak terjangkau|Menyambung lagi/).first().waitFor();
    await page.reload();
    await page.getByText(/Server tidak terjangkau|Menyambung lagi/).first().waitFor();
    assert.ok(page.sockets.length === 0 || page.sockets.every((host) => host === "chat.example"));
  });
});
