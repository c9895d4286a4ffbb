// The official client in Node and a server built on this library (example `conformance`): arguments, answers,
// binary, namespaces and heartbeat, on every transport.

import assert from "node:assert/strict";
import { resolve } from "node:path";
import { before, describe, test } from "node:test";
import { io } from "socket.io-client";
import { Program } from "../e2e/harness/program.mjs";
import { suite } from "../e2e/harness/suite.mjs";
import { once, until } from "../e2e/harness/wait.mjs";

const examples = process.env.PESAN_SERVER_EXAMPLES ?? resolve(import.meta.dirname, "../../target/debug/examples");
const program = resolve(examples, "conformance");

const ARGUMENTS = [
  [],
  ["text with \"quotes\", ünïcode and 👍"],
  [1, -2.5, 1e300, true, false, null],
  [{ nested: { list: [1, [2, [3]]], empty: {} } }],
  [Buffer.from([0, 1, 254, 255])],
  [{ a: Buffer.from("one"), list: [Buffer.from("two"), { b: Buffer.alloc(0) }] }, "and text"],
  ["x".repeat(100_000)],
];

describe("a server built on the library", () => {
  const whole = suite();
  let url;
  before(async () => {
    const port = await freePort();
    const run = new Program(program, [], { env: { ...process.env, PORT: String(port) } });
    whole.after(() => run.end("SIGKILL"));
    url = `http://127.0.0.1:${port}`;
    await until("the server", async () => (await fetch(`${url}/socket.io/?EIO=4&transport=polling`)).ok);
  });

  async function join(t, namespace = "/", options = {}) {
    const socket = io(`${url}${namespace}`, { forceNew: true, ...options });
    t.after(() => socket.disconnect());
    await once(socket, "connect");
    return socket;
  }

  for (const transports of [["polling", "websocket"], ["websocket"], ["polling"]]) {
    describe(transports.join(" then "), () => {
      for (const [at, args] of ARGUMENTS.entries()) {
        test(`arguments ${at} come back as an event and as an answer`, async (t) => {
          const socket = await join(t, "/", { transports });
          const back = new Promise((resolve) => socket.once("message-back", (...heard) => resolve(heard)));
          socket.emit("message", ...args);
          assert.deepEqual(await back, args);
          const answer = new Promise((resolve) => socket.emit("message-with-ack", ...args, (...heard) => resolve(heard)));
          assert.deepEqual(await answer, args);
        });
      }

      test("the auth payload arrives, and a custom namespace is one of its own", async (t) => {
        const socket = io(`${url}/custom`, { forceNew: true, transports, auth: { token: "123" } });
        t.after(() => socket.disconnect());
        assert.deepEqual(await once(socket, "auth"), { token: "123" });
      });
    });
  }

  test("two namespaces share one connection", async (t) => {
    const one = io(`${url}/`, {});
    const two = io(`${url}/custom`, {});
    t.after(() => { one.disconnect(); two.disconnect(); });
    assert.equal(one.io, two.io);
    await Promise.all([once(one, "connect"), once(two, "connect")]);
    assert.notEqual(one.id, two.id);
  });

  test("an unknown namespace is refused", async (t) => {
    const socket = io(`${url}/random`, { forceNew: true, reconnection: false });
    t.after(() => socket.disconnect());
    assert.equal((await once(socket, "connect_error")).message, "Invalid namespace");
  });

  test("answers keep the order of the questions", async (t) => {
    const socket = await join(t);
    const order = [];
    await Promise.all(Array.from({ length: 500 }, async (_, i) => {
      await socket.emitWithAck("message-with-ack", i);
      order.push(i);
    }));
    assert.deepEqual(order, Array.from({ length: 500 }, (_, i) => i));
  });

  test("the heartbeat keeps a silent connection alive", async (t) => {
    const socket = await join(t, "/", { transports: ["websocket"] });
    let lost = null;
    socket.on("disconnect", (reason) => { lost = reason; });
    let pings = 0;
    socket.io.on("ping", () => { pings += 1; });
    await until("four pings of a server that pings every 300 ms", () => pings >= 4 || lost);
    assert.equal(lost, null);
  });
});

async function freePort() {
  const { createServer } = await import("node:net");
  const listener = createServer();
  await new Promise((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const { port } = listener.address();
  await new Promise((resolve) => listener.close(resolve));
  return port;
}
