// The official client in Node and the chat's server: the plain chat, on every transport.

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

  /** Client of a test, connected; its messages are in `heard`. */
  async function join(t, options = {}) {
    const socket = io(server.url, { forceNew: true, ...options });
    t.after(() => socket.disconnect());
    socket.heard = [];
    socket.on("pesan", (text) => socket.heard.push(text));
    await once(socket, "connect");
    return socket;
  }

  test("with default options it begins by polling and upgrades", async (t) => {
    const socket = await join(t);
    await until("the upgrade", () => socket.io.engine.transport.name === "websocket");
    socket.emit("pesan", "sesudah naik");
    await until("its own message", () => socket.heard.includes("sesudah naik"));
  });

  for (const transports of [["polling"], ["websocket"], ["polling", "websocket"]]) {
    test(`${transports.join(" then ")}: everyone hears a message once, the sender included`, async (t) => {
      const one = await join(t, { transports });
      const two = await join(t, { transports });
      const text = `lewat ${transports}`;
      one.emit("pesan", text);
      for (const socket of [one, two]) {
        await until("the message", () => socket.heard.includes(text));
        assert.equal(socket.heard.filter((heard) => heard === text).length, 1);
      }
    });
  }

  test("five clients on all transports: everyone hears all in one order", async (t) => {
    const kinds = [["websocket"], ["polling"], ["polling", "websocket"], ["websocket"], ["polling"]];
    const sockets = await Promise.all(kinds.map((transports) => join(t, { transports })));
    const count = 200;
    sockets.forEach((socket, sender) => {
      for (let i = 0; i < count; i += 1) socket.emit("pesan", `urut ${sender} ${i}`);
    });
    const ordered = (socket) => socket.heard.filter((text) => text.startsWith("urut "));
    for (const socket of sockets) await until("all messages", () => ordered(socket).length >= count * sockets.length, 60_000);
    const [first] = sockets;
    for (const socket of sockets) assert.deepEqual(ordered(socket), ordered(first));
    for (let sender = 0; sender < sockets.length; sender += 1) {
      const own = ordered(first).filter((text) => text.startsWith(`urut ${sender} `));
      assert.deepEqual(own, Array.from({ length: count }, (_, i) => `urut ${sender} ${i}`));
    }
  });

  test("disconnecting is said to the server, and the reason is the client's own", async (t) => {
    const socket = await join(t);
    const reason = once(socket, "disconnect");
    socket.disconnect();
    assert.equal(await reason, "io client disconnect");
    await until("the server's word", () => /client namespace disconnect/.test(server.output));
  });

  test("a namespace that is not there is refused as the official server does", async (t) => {
    const socket = io(`${server.url}/nowhere`, { forceNew: true, reconnection: false });
    t.after(() => socket.disconnect());
    assert.equal((await once(socket, "connect_error")).message, "Invalid namespace");
  });
});
