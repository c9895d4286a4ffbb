// Chromium over the DevTools protocol, for benches. Playwright records the network of its pages, which costs more per
// WebSocket message than most pages do; here only the domains that a bench enables are on.

import { spawn } from "node:child_process";
import { EventEmitter } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { QUIET } from "./browser.mjs";

const END = "\0";

/** Browser controlled over the pipe of the DevTools protocol. */
export class DevToolsBrowser {
  #process;
  #last = 0;
  #pending = new Map();
  #tabs = new Map();

  static async start(context) {
    const profile = await mkdtemp(join(tmpdir(), "pesan-bench-"));
    const browser = new this(profile);
    context.after(async () => {
      await browser.#end();
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    });
    await browser.send("Target.getTargets");
    return browser;
  }

  constructor(profile) {
    const args = [...QUIET, "--headless=new", "--remote-debugging-pipe", `--user-data-dir=${profile}`, "about:blank"];
    this.#process = spawn(process.env.CHROME ?? "/usr/bin/chromium", args, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    this.#process.on("exit", () => { for (const { reject } of this.#pending.values()) reject(new Error("Chromium has ended")); });
    let unread = "";
    this.#process.stdio[4].setEncoding("utf8").on("data", (text) => {
      const messages = (unread + text).split(END);
      unread = messages.pop();
      for (const message of messages) this.#onMessage(JSON.parse(message));
    });
  }

  /** Calls a method of the browser, or of the tab of a session. */
  send(method, params = {}, sessionId = undefined) {
    this.#last += 1;
    const id = this.#last;
    this.#process.stdio[3].write(JSON.stringify({ id, method, params, sessionId }) + END);
    return new Promise((resolve, reject) => { this.#pending.set(id, { method, resolve, reject }); });
  }

  /** Opens a tab with its own storage, like a private window. */
  async tab() {
    const { browserContextId } = await this.send("Target.createBrowserContext");
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank", browserContextId, width: 1280, height: 800 });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const tab = new Tab((method, params) => this.send(method, params, sessionId), () => this.send("Target.disposeBrowserContext", { browserContextId }));
    this.#tabs.set(sessionId, tab);
    await tab.prepare();
    return tab;
  }

  #onMessage({ id, method, params, result, error, sessionId }) {
    if (id === undefined) {
      const tab = this.#tabs.get(sessionId);
      if (method === "Runtime.bindingCalled") tab?.emit("report", JSON.parse(params.payload));
      else tab?.emit(method, params);
      return;
    }
    const request = this.#pending.get(id);
    this.#pending.delete(id);
    if (error) request.reject(new Error(`${request.method}: ${error.message}`));
    else request.resolve(result);
  }

  async #end() {
    const over = new Promise((ended) => this.#process.on("exit", ended));
    this.#process.kill();
    await over;
  }
}

/** One page. JSON that it passes to `report()` is emitted as the event `report`. */
class Tab extends EventEmitter {
  constructor(send, close) {
    super();
    this.send = send;
    this.close = close;
  }

  async prepare() {
    await this.send("Runtime.enable");
    await this.send("Runtime.addBinding", { name: "report" });
    await this.send("Performance.enable");
  }

  open(url) { return this.send("Page.navigate", { url }); }

  /** Evaluates an expression; a promise is awaited. */
  async evaluate(expression) {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  async metrics() {
    const { metrics } = await this.send("Performance.getMetrics");
    return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
  }
}
