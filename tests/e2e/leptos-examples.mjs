// The three pages of `examples/leptos` in Chromium, with Node servers and with pesan servers. The pages connect to fixed
// ports of `localhost`; `--host-resolver-rules` redirects these to the servers of the tests.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { before, describe, test } from "node:test";
import { openWindow, startBrowser } from "./harness/browser.mjs";
import { serveFolder, startNodeBackend } from "./harness/peers.mjs";
import { Program } from "./harness/program.mjs";
import { suite } from "./harness/suite.mjs";
import { until } from "./harness/wait.mjs";

const root = resolve(import.meta.dirname, "../..");
const { Server } = createRequire(join(root, "tests/peers/package.json"))("socket.io");

/** Folders of the built pages and of the server's examples; `cargo xtask test` sets both variables. */
const pages = process.env.PESAN_LEPTOS_EXAMPLES ?? join(root, "target/leptos-examples");
const examples = process.env.PESAN_SERVER_EXAMPLES ?? join(root, "target/debug/examples");

/** Starts a server with the official package; returns its port. */
async function nodeServer(t, onConnection) {
  const http = createServer();
  const io = new Server(http);
  io.on("connection", onConnection);
  await new Promise((ready) => http.listen(0, "127.0.0.1", ready));
  t.after(() => io.close());
  return http.address().port;
}

/** Starts the servers of all pages; `hasDisconnected` tells whether a client of the welcome server has disconnected. */
async function nodeServers(t) {
  const { port } = await startNodeBackend(t);
  const disconnects = [];
  return {
    app: port,
    message: await nodeServer(t, (socket) => socket.on("message", (text) => socket.server.emit("message", text))),
    welcome: await nodeServer(t, (socket) => {
      socket.emit("welcome_message", "Welcome to the WebSocket server!");
      socket.on("disconnect", (reason) => disconnects.push(reason));
    }),
    hasDisconnected: () => disconnects.length > 0,
  };
}

async function freePort() {
  const server = createServer();
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}

async function pesanServers(t) {
  const start = async (name) => {
    const port = await freePort();
    const run = new Program(join(examples, name), [], { env: { ...process.env, PORT: String(port) } });
    t.after(() => run.end("SIGKILL"));
    await run.waitForOutput(/Server is run/);
    return { run, port };
  };
  const [app, message, welcome] = await Promise.all(["pesan5000", "hello3000", "welcome3001"].map(start));
  return { app: app.port, message: message.port, welcome: welcome.port, hasDisconnected: () => welcome.run.output.includes("disconnected") };
}

for (const [kind, start] of [["Node", nodeServers], ["pesan", pesanServers]]) {
  describe(`Leptos examples with ${kind} servers`, () => {
    const whole = suite();
    let browser, servers;
    before(async () => {
      servers = await start(whole);
      const rules = [[5000, servers.app], [3000, servers.message], [3001, servers.welcome]]
        .map(([from, to]) => `MAP localhost:${from} 127.0.0.1:${to}`);
      browser = await startBrowser(whole, [`--host-resolver-rules=${rules}`]);
    });

    /** Opens one of the pages; `logged` collects its console messages. */
    async function open(t, name) {
      const page = await openWindow(t, browser, null);
      page.logged = [];
      page.on("console", (message) => page.logged.push(message.text()));
      await page.goto(await serveFolder(t, join(pages, name)));
      return page;
    }

    test("App: message sent in one window appears in all windows", async (t) => {
      const [one, two] = await Promise.all([open(t, "app"), open(t, "app")]);
      for (const [page, text] of [[one, "halo"], [two, "apa kabar?"]]) {
        await page.getByRole("textbox").fill(text);
        await page.getByRole("button", { name: "Kirim" }).click();
        for (const each of [one, two]) await each.locator(".App > .isiChat > div > p").getByText(text, { exact: true }).waitFor();
        assert.equal(await page.getByRole("textbox").inputValue(), "", "the field is empty after sending");
      }
      for (const page of [one, two]) {
        assert.deepEqual(await page.locator(".isiChat p").allTextContents(), ["halo", "apa kabar?"]);
        assert.ok(page.logged.includes("Pesan dari server: halo"), page.logged.join("\n"));
        assert.deepEqual(page.problems, []);
      }
    });

    test("message: message from the server is logged", async (t) => {
      const page = await open(t, "message");
      await page.getByPlaceholder("Type a message...").fill("halo");
      await page.getByRole("button", { name: "Send" }).click();
      await until("the message", () => page.logged.includes("Message from server: halo"));
      assert.ok(page.logged.includes("Connected to server"));
      assert.deepEqual(page.problems, []);
    });

    test("welcome: greeting is logged, and closing the page disconnects its socket", async (t) => {
      const page = await open(t, "welcome");
      await until("the greeting", () => page.logged.includes("Received: Welcome to the WebSocket server!"));
      assert.deepEqual(page.problems, []);
      await page.close();
      await until("the disconnect", servers.hasDisconnected);
    });
  });
}
