// Conformance: the official client in Node with a server of this library (example `conformance`). Arguments, acks, binary
// data, namespaces and heartbeat, over every transport.

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

describe("conformance server", () => {
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
    describe(`over ${transports.join(" then ")}`, () => {
      for (const [index, args] of ARGUMENTS.entries()) {
        test(`arguments ${index} are echoed unchanged as an event and as an ack`, async (t) => {
          const socket = await join(t, "/", { transports });
          const echo = new Promise((resolve) => socket.once("message-back", (...received) => resolve(received)));
          socket.emit("message", ...args);
          assert.deepEqual(await echo, args);
          const ack = new Promise((resolve) => socket.emit("message-with-ack", ...args, (...received) => resolve(received)));
          assert.deepEqual(await ack, args);
        });
      }

      test("custom namespace receives the auth payload of its client", async (t) => {
        const socket = io(`${url}/custom`, { forceNew: true, transports, auth: { token: "123" } });
        t.after(() => socket.disconnect());
        assert.deepEqual(await once(socket, "auth"), { token: "123" });
      });
    });
  }

  test("two namespaces share one connection with different ids", async (t) => {
    const one = io(`${url}/`, {});
    const two = io(`${url}/custom`, {});
    t.after(() => { one.disconnect(); two.disconnect(); });
    assert.equal(one.io, two.io);
    await Promise.all([once(one, "connect"), once(two, "connect")]);
    assert.notEqual(one.id, two.id);
  });

  test("unknown namespace is refused", async (t) => {
    const socket = io(`${url}/random`, { forceNew: true, reconnection: false });
    t.after(() => socket.disconnect());
    assert.equal((await once(socket, "connect_error")).message, "Invalid namespace");
  });

  test("500 acks arrive in the order of their events", async (t) => {
    const socket = await join(t);
    const order = [];
    await Promise.all(Array.from({ length: 500 }, async (_, i) => {
      await socket.emitWithAck("message-with-ack", i);
      order.push(i);
    }));
    assert.deepEqual(order, Array.from({ length: 500 }, (_, i) => i));
  });

  test("idle connection is kept open by the heartbeat", async (t) => {
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
