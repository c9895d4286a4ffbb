// Reconnection after the server is killed, the connection is cut, or it stalls: no message is lost.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { startBrowser } from "./harness/browser.mjs";
import { Chat } from "./harness/chat.mjs";
import { TcpProxy } from "./harness/proxy.mjs";
import { startServer } from "./harness/server.mjs";
import { suite } from "./harness/suite.mjs";

describe("reconnection", () => {
  const whole = suite();
  let browser;
  before(async () => { browser = await startBrowser(whole); });

  test("messages sent while the server is down are delivered once after reconnecting", async (t) => {
    const server = await startServer(t);
    const one = await Chat.open(t, browser, server.url);
    const two = await Chat.open(t, browser, server.url);
    await one.say("sebelum mati");
    await two.sees("sebelum mati");
    await server.kill();
    await one.disconnected();
    await two.disconnected();
    await one.say("ditulis saat mati, satu");
    await two.say("ditulis saat mati, dua");
    await one.say("ditulis saat mati, tiga");
    await server.start();
    await one.connected();
    await two.connected();
    for (const chat of [one, two]) {
      await chat.seesInOrder(["sebelum mati", "ditulis saat mati, satu", "ditulis saat mati, tiga"]);
      await chat.sees("ditulis saat mati, dua");
    }
    await two.say("sesudah hidup");
    await one.sees("sesudah hidup");
  });

  test("name chosen before the server is killed is kept after reconnecting", async (t) => {
    const server = await startServer(t);
    const one = await Chat.open(t, browser, server.url);
    const field = one.page.getByRole("textbox", { name: "Siapa nama Anda?" });
    await field.fill("Wati");
    await field.press("Enter");
    const present = one.page.getByRole("complementary", { name: "Yang hadir" }).getByText("Wati", { exact: true });
    await present.waitFor();
    await server.kill();
    await one.disconnected();
    await server.start();
    await one.connected();
    await one.say("masih saya");
    await one.sees("masih saya");
    await present.waitFor();
  });

  test("messages sent while the connection is cut reach both sides after reconnecting", async (t) => {
    const server = await startServer(t);
    const proxy = await TcpProxy.to(t, server.port);
    const behind = await Chat.open(t, browser, proxy.url);
    const direct = await Chat.open(t, browser, server.url);
    await behind.say("kabel utuh");
    await direct.sees("kabel utuh");
    proxy.cut();
    await behind.disconnected();
    await behind.say("ditulis tanpa kabel");
    await direct.say("terlewat oleh yang putus");
    await direct.sees("terlewat oleh yang putus");
    proxy.restore();
    await behind.connected();
    await direct.sees("ditulis tanpa kabel");
    await behind.sees("terlewat oleh yang putus");
    await behind.sees("ditulis tanpa kabel");
  });

  test("messages sent during ten connection losses are delivered once and in order", async (t) => {
    const server = await startServer(t, { args: ["--rate", "1000", "--burst", "1000"] });
    const proxy = await TcpProxy.to(t, server.port);
    const behind = await Chat.open(t, browser, proxy.url);
    const direct = await Chat.open(t, browser, server.url);
    const texts = [];
    for (let round = 1; round <= 10; round += 1) {
      for (const part of ["a", "b"]) {
        texts.push(`putaran ${round}${part}.`);
        await behind.say(texts.at(-1));
      }
      proxy.cut();
      texts.push(`putaran ${round}c.`);
      await behind.say(texts.at(-1));
      proxy.restore();
    }
    await behind.connected();
    await direct.seesInOrder(texts);
    await behind.seesInOrder(texts);
  });

  test("connection that stalls is detected by the missing heartbeat", async (t) => {
    const server = await startServer(t, { args: ["--ping-interval", "500", "--ping-timeout", "1000"] });
    const proxy = await TcpProxy.to(t, server.port);
    const chat = await Chat.open(t, browser, proxy.url);
    proxy.stall();
    await chat.disconnected();
    await chat.say("ditulis dalam sunyi");
    proxy.restore();
    await chat.connected();
    await chat.sees("ditulis dalam sunyi");
  });

  test("page reconnects after the server is stopped and started again", async (t) => {
    const server = await startServer(t);
    const chat = await Chat.open(t, browser, server.url);
    const { code } = await server.stop();
    assert.equal(code, 0, server.output);
    await chat.disconnected();
    await server.start();
    await chat.connected();
    await chat.say("server baru");
    await chat.sees("server baru");
  });
});
