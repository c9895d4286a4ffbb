// What the page says about its state is true: waiting, refused, full, not loaded, foreign servers.

import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { before, describe, test } from "node:test";
import { openWindow, picture, startBrowser } from "./harness/browser.mjs";
import { Chat } from "./harness/chat.mjs";
import { official, startNodeBackend } from "./harness/peers.mjs";
import { TcpProxy } from "./harness/proxy.mjs";
import { startServer } from "./harness/server.mjs";
import { suite } from "./harness/suite.mjs";
import { once, until } from "./harness/wait.mjs";

describe("words that fit the state", () => {
  const whole = suite();
  let browser, server;
  before(async () => {
    browser = await startBrowser(whole);
    server = await startServer(whole);
  });

  test("message held back by the rate limit does not wait for the connection", async (t) => {
    const own = await startServer(t, { args: ["--rate", "0.3", "--burst", "2"] });
    const chat = await Chat.open(t, browser, own.url);
    for (const text of ["satu", "dua", "tiga", "empat"]) await chat.say(text);
    await chat.page.getByText("segera dikirim").first().waitFor();
    assert.equal(await chat.page.getByText("menunggu sambungan").count(), 0);
    await picture(chat.page, "rate-limited");
  });

  test("message without an answer for five seconds says so, and is sent once", async (t) => {
    const proxy = await TcpProxy.to(t, server.port);
    const chat = await Chat.open(t, browser, proxy.url);
    proxy.stall();
    await chat.say("di kabel yang macet");
    await chat.page.getByText("belum ada jawaban, masih dicoba…").waitFor({ timeout: 12_000 });
    await picture(chat.page, "unanswered");
    proxy.restore();
    await chat.page.getByText("belum ada jawaban, masih dicoba…").waitFor({ state: "detached", timeout: 60_000 });
    await chat.sees("di kabel yang macet");
  });

  test("going offline is noticed at once", async (t) => {
    const lan = Object.values(networkInterfaces()).flat().find(({ family, internal }) => family === "IPv4" && !internal);
    if (!lan) return t.skip("no network");
    const own = await startServer(t, { host: "0.0.0.0" });
    const chat = await Chat.open(t, browser, `http://${lan.address}:${own.port}`);
    await chat.page.context().setOffline(true);
    await chat.page.getByText("Sambungan terputus").first().waitFor({ timeout: 3000 });
    await chat.page.context().setOffline(false);
    await chat.connected();
  });

  test("server without room for another connection answers with a page that says so", async (t) => {
    const own = await startServer(t, { args: ["--max-connections", "1"] });
    const net = await import("node:net");
    const taken = net.connect(own.port, "127.0.0.1");
    t.after(() => taken.destroy());
    await once(taken, "connect");
    const page = await openWindow(t, browser);
    const response = await until("a refused page", async () => {
      const answer = await page.goto(own.url);
      return answer.status() === 503 && answer;
    });
    assert.equal(response.status(), 503);
    await page.getByRole("heading", { name: "pesan" }).waitFor();
    await page.getByText("Server penuh. Halaman ini mencoba lagi sendiri.").waitFor();
    await picture(page, "server-full");
  });

  for (const address of ["bukan alamat", "ftp://127.0.0.1", "http://127.0.0.1:99999"]) {
    test(`link to the server '${address}' says that it is not valid, not that a server refused`, async (t) => {
      const page = await openWindow(t, browser, `${server.url}/?server=${encodeURIComponent(address)}`);
      await page.getByText("Tautan ini tidak menyebut server yang sah").first().waitFor();
      assert.equal(await page.getByText(/Server menolak/).count(), 0);
      await page.getByRole("button", { name: "Pakai server halaman ini" }).click();
      await new Chat(page).ready();
    });
  }

  test("program that was never loaded has not stopped", async (t) => {
    const page = await openWindow(t, browser);
    await page.route("**/*.wasm", (route) => route.abort());
    await page.goto(server.url);
    await page.getByRole("alert").getByText("Halaman ini tidak dapat dimuat seluruhnya.").waitFor();
    assert.equal(await page.getByText("Halaman ini berhenti.").isVisible(), false);
    await page.unrouteAll();
    await page.getByRole("button", { name: /Muat ulang/ }).click();
    await new Chat(page).ready();
  });

  test("plain server: an empty string is no row, each line has its time, an object is shown as JSON", async (t) => {
    const backend = await startNodeBackend(t);
    const chat = await Chat.open(t, browser, `${server.url}/?server=${encodeURIComponent(backend.url)}`);
    const socket = official.io(backend.url);
    t.after(() => socket.disconnect());
    await once(socket, "connect");
    socket.emit("pesan", "");
    socket.emit("pesan", "satu");
    socket.emit("pesan", "dua");
    socket.emit("pesan", { nilai: 1 });
    await chat.log.getByText('{"nilai":1}').waitFor();
    const rows = chat.page.getByRole("article");
    const texts = await rows.allInnerTexts();
    assert.equal(texts.filter((text) => /satu|dua|nilai/.test(text)).length, 3);
    assert.equal(texts.filter((text) => text.trim() === "").length, 0);
    for (const text of ["satu", "dua"]) {
      const time = rows.filter({ hasText: text }).getByRole("time");
      assert.equal(await time.evaluate((element) => getComputedStyle(element.parentElement).opacity), "1");
    }
    assert.equal(await chat.log.locator("code").count(), 1);
    await picture(chat.page, "plain-server");
  });
});
