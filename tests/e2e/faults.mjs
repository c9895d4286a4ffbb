// Faults: a server that cannot start, hostile clients, a page whose program cannot run.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { openWindow, picture, startBrowser } from "./harness/browser.mjs";
import { Chat } from "./harness/chat.mjs";
import { official } from "./harness/peers.mjs";
import { Program } from "./harness/program.mjs";
import { dist, program, startServer } from "./harness/server.mjs";
import { suite } from "./harness/suite.mjs";
import { once } from "./harness/wait.mjs";

/** Runs the server with invalid arguments; returns its exit code and output. */
async function runToExit(t, ...args) {
  const data = await mkdtemp(join(tmpdir(), "pesan-data-"));
  const run = new Program(program, ["--data", data, ...args], {});
  t.after(async () => {
    await run.end("SIGKILL");
    await rm(data, { recursive: true, force: true });
  });
  const late = setTimeout(() => run.end("SIGKILL"), 10_000);
  const { code } = await run.over;
  clearTimeout(late);
  return { code, output: run.output };
}

describe("start of the server", () => {
  test("server without a built page exits with an error that names the folder", async (t) => {
    const { code, output } = await runToExit(t, "--listen", "127.0.0.1:0", "--assets", "/no/such/folder");
    assert.ok(code > 0, output);
    assert.match(output, /\/no\/such\/folder/);
    assert.match(output, /cargo xtask build|--assets/);
    assert.doesNotMatch(output, /panicked/);
  });

  test("server with its port in use exits with an error that names the port", async (t) => {
    const other = net.createServer();
    await new Promise((resolve) => other.listen(0, "127.0.0.1", resolve));
    t.after(() => other.close());
    const { port } = other.address();
    const { code, output } = await runToExit(t, "--listen", `127.0.0.1:${port}`, "--assets", dist);
    assert.ok(code > 0, output);
    assert.match(output, new RegExp(`${port}`));
    assert.match(output, /in use/i);
    assert.doesNotMatch(output, /panicked/);
  });

  test("server with an invalid argument exits with an error that names it", async (t) => {
    for (const args of [["--listen", "nowhere"], ["--no-such-flag"], ["--ping-interval", "soon"]]) {
      const { code, output } = await runToExit(t, ...args);
      assert.ok(code > 0, output);
      assert.match(output, new RegExp(args[0]));
    }
  });
});

describe("hostile clients", () => {
  const whole = suite();
  let browser, server;
  before(async () => {
    browser = await startBrowser(whole);
    server = await startServer(whole);
  });

  const get = (path, init) => fetch(`${server.url}${path}`, init);

  test("invalid handshakes are refused with the official error codes", async () => {
    const cases = [
      ["/socket.io/?EIO=4&transport=carrier-pigeon", 0],
      ["/socket.io/?EIO=4&transport=polling&sid=nobody", 1],
      ["/socket.io/?EIO=3&transport=polling", 5],
    ];
    for (const [path, code] of cases) {
      const response = await get(path);
      assert.equal(response.status, 400, path);
      assert.equal((await response.json()).code, code, path);
    }
    const response = await get("/socket.io/?EIO=4&transport=polling", { method: "POST", body: "x" });
    assert.equal(response.status, 400);
    assert.equal((await response.json()).code, 2);
  });

  test("unknown path is not found, and files outside the page are not served", async () => {
    assert.equal((await get("/no/such/file.js")).status, 404);
    assert.equal((await get("/socket.io/../../etc/passwd")).status === 200 && (await (await get("/etc/passwd")).text()).includes("root:"), false);
  });

  test("malformed frames do not disturb other clients", async (t) => {
    const chat = await Chat.open(t, browser, server.url);
    const frames = ["", "9", "4", "42", "42[", "42[]", '42["pesan"', "45-[]", '459999999999-["x"]', "4é", "\u0000", "40{", `42["pesan","${"x".repeat(1_100_000)}"]`];
    for (const frame of frames) {
      const socket = new official.Manager(server.url, { transports: ["websocket"], reconnection: false, autoConnect: false });
      const ended = new Promise((resolve) => socket.open((error) => {
        if (error) return resolve();
        socket.engine.transport.ws.send(frame);
        socket.engine.once("close", resolve);
        // a frame may also be ignored; then the connection stays open
        socket.engine.transport.ws.send("2probe");
        setTimeout(resolve, 100);
      }));
      await ended;
      socket.engine?.close();
    }
    const socket = official.io(server.url, { forceNew: true });
    t.after(() => socket.disconnect());
    await once(socket, "connect");
    await chat.say("masih hidup");
    await chat.sees("masih hidup");
    assert.equal(server.run.ended, null);
    assert.doesNotMatch(server.output, /panicked/);
  });
});

describe("program of the page", () => {
  const whole = suite();
  let browser, server;
  before(async () => {
    browser = await startBrowser(whole);
    server = await startServer(whole, { args: ["--ephemeral"] });
  });

  test("page whose program fails to load shows an error and can be reloaded", async (t) => {
    const page = await openWindow(t, browser);
    await page.route("**/*.wasm", (route) => route.abort());
    await page.goto(server.url);
    await page.getByRole("alert").getByText("Halaman ini tidak dapat dimuat").waitFor();
    await picture(page, "not-loaded");
    await page.unroute("**/*.wasm");
    await page.getByRole("button", { name: "Muat ulang" }).click();
    await new Chat(page).ready();
    assert.equal(await page.getByRole("button", { name: "Muat ulang" }).isVisible(), false);
  });

  test("page whose program has stopped shows an error and can be reloaded", async (t) => {
    const chat = await Chat.open(t, browser, server.url, { locale: "en-US", viewport: { width: 390, height: 844 } });
    await chat.page.evaluate(() => setTimeout(() => { throw new TypeError("error of a browser extension"); }));
    // what the browser throws when WebAssembly traps
    await chat.page.evaluate(() => setTimeout(() => { throw new WebAssembly.RuntimeError("unreachable"); }));
    await chat.page.getByRole("alert").getByText("The page has stopped").waitFor();
    await picture(chat.page, "stopped");
    await chat.page.getByRole("button", { name: "Reload" }).click();
    await chat.ready();
  });
});
