// Scenarios of the official client with this server, one for each documented behaviour.
// Usage: node server-scenarios.mjs URL default|websocket|polling default|msgpack [part of a name]
// The server has connection state recovery, so an offset follows the arguments of each event.
// Prints one line per scenario; the exit code is 0 if all pass.

import assert from "node:assert/strict";
import { io } from "socket.io-client";
import msgpack from "socket.io-msgpack-parser";

const [url, mode = "default", format = "default", part = ""] = process.argv.slice(2);
const transports = mode === "default" ? {} : { transports: [mode] };
const parser = format === "msgpack" ? { parser: msgpack } : {};
const open = new Set();

function client(namespace = "/", options = {}) {
  const socket = io(url + namespace, { forceNew: true, reconnectionDelay: 20, ...transports, ...parser, ...options });
  open.add(socket);
  return socket;
}

const next = (socket, event) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no ${event} in time`)), 20000);
    socket.once(event, (...args) => {
      clearTimeout(timer);
      resolve(args);
    });
  });

async function connected(namespace, options) {
  const socket = client(namespace, options);
  await next(socket, "connect");
  return socket;
}

const scenarios = {
  async "client connects and upgrades if the transports allow it"() {
    const socket = await connected();
    assert.equal(socket.id.length, 20);
    assert.notEqual(socket.id, socket.io.engine.id);
    if (mode === "default" && socket.io.engine.transport.name === "polling") await next(socket.io.engine, "upgrade");
    assert.equal(socket.io.engine.transport.name, mode === "polling" ? "polling" : "websocket");
  },

  async "arguments of every type are echoed unchanged"() {
    const socket = await connected();
    const args = [1, "dua", { tiga: [false, null] }, Buffer.from([1, 2, 3]), { deep: [Buffer.from("x")] }];
    socket.emit("echo", ...args);
    assert.deepEqual((await next(socket, "echo")).slice(0, args.length), args);
    assert.deepEqual(await socket.timeout(5000).emitWithAck("ack", ...args), args[0]);
  },

  async "a thousand concurrent acks arrive in order"() {
    const socket = await connected();
    const order = [];
    const asked = Array.from({ length: 1000 }, (_, n) => socket.emitWithAck("ack", n).then((answer) => order.push(answer)));
    await Promise.all(asked);
    assert.deepEqual(order, Array.from({ length: 1000 }, (_, n) => n));
  },

  async "ack that the server never sends times out"() {
    const socket = await connected();
    await assert.rejects(socket.timeout(50).emitWithAck("silent"), /timed out/);
  },

  async "client acknowledges an event of the server"() {
    const socket = await connected();
    socket.on("question", (text, answer) => answer(text.toUpperCase()));
    socket.emit("ask-me", "halo");
    assert.equal((await next(socket, "answered"))[0], "HALO");
  },

  async "broadcast with acks returns the acks and the missing clients"() {
    const [one, two] = [await connected("/jury"), await connected("/jury")];
    one.on("vote", (answer) => answer("yes"));
    const result = await one.emitWithAck("call");
    assert.deepEqual(result.answers, ["yes"]);
    assert.deepEqual(result.missing, [two.id]);
  },

  async "broadcasts reach only their room and not their sender"() {
    const [one, two, three] = [await connected(), await connected(), await connected()];
    await one.emitWithAck("join", "red");
    await two.emitWithAck("join", "red");
    const seen = [];
    for (const [name, socket] of Object.entries({ one, two, three })) {
      socket.on("said", (text) => seen.push(`${name} ${text}`));
    }
    await one.emitWithAck("say-to", "red", "room");
    await one.emitWithAck("say-others", "others");
    await one.emitWithAck("leave", "red");
    await two.emitWithAck("say-all-in", "red", "all");
    await Promise.all([one, two, three].map((socket) => socket.emitWithAck("ack", 0)));
    assert.deepEqual(seen.sort(), ["three others", "two all", "two others", "two room"]);
  },

  async "client refused by middleware gets message and data"() {
    const socket = client("/guarded");
    const [error] = await next(socket, "connect_error");
    assert.equal(error.message, "authentication error");
    assert.deepEqual(error.data, { retry: 5 });
    assert.equal(socket.active, false);
    const guest = await connected("/guarded", { auth: { token: "secret" } });
    assert.ok(guest.connected);
  },

  async "client of an unknown namespace is refused"() {
    const [error] = await next(client("/nowhere"), "connect_error");
    assert.equal(error.message, "Invalid namespace");
  },

  async "namespaces matching a pattern are created, several on one connection"() {
    const first = await connected("/dynamic-1");
    const second = first.io.socket("/dynamic-2");
    open.add(second);
    if (!second.connected) await next(second, "connect");
    second.emit("name");
    assert.equal((await next(second, "name"))[0], "/dynamic-2");
    first.disconnect();
    second.emit("name");
    assert.equal((await next(second, "name"))[0], "/dynamic-2");
  },

  async "client that is disconnected gets the reason"() {
    const kicked = await connected();
    kicked.emit("kick", false);
    assert.equal((await next(kicked, "disconnect"))[0], "io server disconnect");
    const closed = await connected();
    closed.emit("kick", true);
    assert.equal((await next(closed, "disconnect"))[0], "io server disconnect");
    const left = await connected();
    setTimeout(() => left.disconnect());
    assert.equal((await next(left, "disconnect"))[0], "io client disconnect");
  },

  async "client disconnected at any moment of its upgrade gets the reason"() {
    if (mode !== "default") return;
    for (let round = 0; round < 10; round += 1) {
      const reasons = Array.from({ length: 25 }, async (_, n) => {
        const socket = client("/", { reconnection: false });
        const gone = next(socket, "disconnect");
        await next(socket, "connect");
        setTimeout(() => socket.emit("kick", true), n);
        return (await gone)[0];
      });
      for (const reason of await Promise.all(reasons)) assert.equal(reason, "io server disconnect");
      for (const socket of open) socket.disconnect();
    }
  },

  async "server gets the reason of a disconnection"() {
    const watcher = await connected();
    const leaver = await connected("/", { reconnection: false });
    const id = leaver.id;
    const gone = new Promise((resolve) => watcher.on("gone", (who, reason) => who === id && resolve(reason)));
    leaver.disconnect();
    assert.equal(await gone, "client namespace disconnect");
    const lost = await connected("/", { reconnection: false });
    const lostId = lost.id;
    const broken = new Promise((resolve) => watcher.on("gone", (who, reason) => who === lostId && resolve(reason)));
    lost.io.engine.close();
    assert.equal(await broken, "transport close");
  },

  async "server gets handshake, query and auth of the client"() {
    const socket = await connected("/", { query: { colour: "red" }, auth: { token: 7 } });
    const seen = await socket.emitWithAck("who-am-i");
    assert.equal(seen.query.colour, "red");
    assert.equal(seen.auth.token, 7);
    assert.equal(seen.address, "127.0.0.1");
    assert.equal(seen.secure, false);
  },

  async "client that reconnects recovers the missed events"() {
    const socket = await connected("/recover");
    const feeder = await connected("/recover");
    await socket.emitWithAck("join", "news");
    // a client without a received event has no offset to recover from
    const first = next(socket, "item");
    await feeder.emitWithAck("publish", "news", 1);
    await first;
    const id = socket.id;
    const seen = [];
    socket.on("item", (n) => seen.push(n));
    socket.io.engine.close();
    for (const n of [2, 3]) await feeder.emitWithAck("publish", "news", n);
    await feeder.emitWithAck("publish", "sport", 4);
    if (!socket.connected) await next(socket, "connect");
    assert.equal(socket.recovered, true);
    assert.equal(socket.id, id);
    await socket.emitWithAck("publish", "news", 5);
    while (seen.at(-1) !== 5) await next(socket, "item");
    assert.deepEqual(seen, [2, 3, 5]);
  },

  async "client whose last event was volatile or local recovers the missed events"() {
    for (const how of ["volatile", "local"]) {
      const [socket, other] = [await connected(), await connected()];
      const [id, seen] = [socket.id, []];
      socket.on("said", (text) => seen.push(text));
      other.emit("say-all", "first");
      while (seen.length < 1) await next(socket, "said");
      // a volatile event is dropped while no poll is pending
      const received = next(socket, how);
      const again = setInterval(() => socket.emit(how, "text that is no offset"), 50);
      await received;
      clearInterval(again);
      const gone = next(socket, "disconnect");
      socket.io.engine.close();
      await gone;
      await other.emitWithAck("ack", 0);
      other.emit("say-all", "missed");
      await next(socket, "connect");
      assert.ok(socket.recovered, how);
      assert.equal(socket.id, id);
      while (seen.length < 2) await next(socket, "said");
      assert.deepEqual(seen, ["first", "missed"]);
    }
  },

  async "event with retries whose ack is null is sent once"() {
    const socket = await connected("/", { retries: 3 });
    socket.emit("count");
    await socket.emitWithAck("ack", null);
    assert.equal(await socket.emitWithAck("counted"), 1);
  },

  async "a hundred handlers that request an ack from their client get it"() {
    const socket = await connected();
    socket.on("question", (text, answer) => answer(text.toUpperCase()));
    const answers = [];
    socket.on("answered", (text) => answers.push(text));
    for (let n = 0; n < 100; n++) socket.emit("ask-me", `q${n}`);
    while (answers.length < 100) await next(socket, "answered");
    assert.deepEqual(answers, Array.from({ length: 100 }, (_, n) => `Q${n}`));
  },

  async "volatile event that is dropped does not affect the next event"() {
    const socket = await connected();
    const seen = [];
    socket.on("echo", (n) => seen.push(n));
    socket.volatile.emit("echo", 1);
    socket.emit("echo", 2);
    await socket.emitWithAck("ack", 0);
    assert.equal(seen.at(-1), 2);
  },

  async "handler that panics disconnects only its client"() {
    const socket = await connected();
    socket.emit("panic");
    assert.equal((await next(socket, "disconnect"))[0], "io server disconnect");
    const other = await connected();
    assert.equal(await other.emitWithAck("ack", "alive"), "alive");
  },
};

let failed = 0;
const chosen = Object.entries(scenarios).filter(([name]) => name.includes(part));
for (const [name, scenario] of chosen) {
  try {
    await scenario();
    console.log(`ok ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED ${name}: ${error.stack}`);
  }
  for (const socket of open) socket.disconnect();
  open.clear();
}
console.log(`${chosen.length - failed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
