// Plain chat: the official client in Node with the chat server, over every transport.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { io } from "socket.io-client";
import { startServer } from "../e2e/harness/server.mjs";
import { suite } from "../e2e/harness/suite.mjs";
import { once, until } from "../e2e/harness/wait.mjs";

describe("the plain chat", () => {
  const whole = suite();
  let server;
  before(async () => { server = await startServer(whole, { args: ["--ephemeral", "--plain-rate", "0"] }); });

  /** Connects a client; `received` collects its messages. */
  async function join(t, options = {}) {
    const socket = io(server.url, { forceNew: true, ...options });
    t.after(() => socket.disconnect());
    socket.received = [];
    socket.on("pesan", (text) => socket.received.push(text));
    await once(socket, "connect");
    return socket;
  }

  test("client with default options upgrades from polling to WebSocket", async (t) => {
    const socket = await join(t);
    await until("the upgrade", () => socket.io.engine.transport.name === "websocket");
    socket.emit("pesan", "sesudah naik");
    await until("its own message", () => socket.received.includes("sesudah naik"));
  });

  for (const transports of [["polling"], ["websocket"], ["polling", "websocket"]]) {
    test(`message over ${transports.join(" then ")} is received once by every client and the sender`, async (t) => {
      const one = await join(t, { transports });
      const two = await join(t, { transports });
      const text = `lewat ${transports}`;
      one.emit("pesan", text);
      for (const socket of [one, two]) {
        await until("the message", () => socket.received.includes(text));
        assert.equal(socket.received.filter((message) => message === text).length, 1);
      }
    });
  }

  test("messages of five clients over all transports are received in one order", async (t) => {
    const kinds = [["websocket"], ["polling"], ["polling", "websocket"], ["websocket"], ["polling"]];
    const sockets = await Promise.all(kinds.map((transports) => join(t, { transports })));
    const count = 200;
    sockets.forEach((socket, sender) => {
      for (let i = 0; i < count; i += 1) socket.emit("pesan", `urut ${sender} ${i}`);
    });
    const ordered = (socket) => socket.received.filter((text) => text.startsWith("urut "));
    for (const socket of sockets) await until("all messages", () => ordered(socket).length >= count * sockets.length, 60_000);
    const [first] = sockets;
    for (const socket of sockets) assert.deepEqual(ordered(socket), ordered(first));
    for (let sender = 0; sender < sockets.length; sender += 1) {
      const own = ordered(first).filter((text) => text.startsWith(`urut ${sender} `));
      assert.deepEqual(own, Array.from({ length: count }, (_, i) => `urut ${sender} ${i}`));
    }
  });

  test("client that disconnects is logged by the server with its reason", async (t) => {
    const socket = await join(t);
    const reason = once(socket, "disconnect");
    socket.disconnect();
    assert.equal(await reason, "io client disconnect");
    await until("the reason in the log of the server", () => /client namespace disconnect/.test(server.output));
  });

  test("client of an unknown namespace is refused with the official error", async (t) => {
    const socket = io(`${server.url}/nowhere`, { forceNew: true, reconnection: false });
    t.after(() => socket.disconnect());
    assert.equal((await once(socket, "connect_error")).message, "Invalid namespace");
  });
});
