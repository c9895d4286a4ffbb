// Chromium with nobody watching, for benches: Playwright records the network of its pages, which costs more for each
// message of a WebSocket than most pages do. Here nothing is switched on but what a bench asks for.

import { spawn } from "node:child_process";
import { EventEmitter } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { QUIET } from "./browser.mjs";

const END = "\0";

/** A browser over the pipe of the DevTools protocol. */
export class Bare {
  #process;
  #last = 0;
  #asked = new Map();
  #tabs = new Map();

  static async start(whole) {
    const profile = await mkdtemp(join(tmpdir(), "pesan-bare-"));
    const bare = new this(profile);
    whole.after(async () => {
      await bare.#end();
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    });
    await bare.send("Target.getTargets");
    return bare;
  }

  constructor(profile) {
    const args = [...QUIET, "--headless=new", "--remote-debugging-pipe", `--user-data-dir=${profile}`, "about:blank"];
    this.#process = spawn(process.env.CHROME ?? "/usr/bin/chromium", args, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    this.#process.on("exit", () => { for (const { refuse } of this.#asked.values()) refuse(new Error("Chromium has ended")); });
    let unread = "";
    this.#process.stdio[4].setEncoding("utf8").on("data", (text) => {
      const messages = (unread + text).split(END);
      unread = messages.pop();
      for (const message of messages) this.#heard(JSON.parse(message));
    });
  }

  /** Asks the browser, or the tab of a session, for something. */
  send(method, params = {}, sessionId = undefined) {
    this.#last += 1;
    const id = this.#last;
    this.#process.stdio[3].write(JSON.stringify({ id, method, params, sessionId }) + END);
    return new Promise((settle, refuse) => { this.#asked.set(id, { method, settle, refuse }); });
  }

  /** A tab in a context of its own, as a private window. */
  async tab() {
    const { browserContextId } = await this.send("Target.createBrowserContext");
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank", browserContextId, width: 1280, height: 800 });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const tab = new Tab((method, params) => this.send(method, params, sessionId), () => this.send("Target.disposeBrowserContext", { browserContextId }));
    this.#tabs.set(sessionId, tab);
    await tab.prepare();
    return tab;
  }

  #heard({ id, method, params, result, error, sessionId }) {
    if (id === undefined) {
      const tab = this.#tabs.get(sessionId);
      if (method === "Runtime.bindingCalled") tab?.emit("told", JSON.parse(params.payload));
      else tab?.emit(method, params);
      return;
    }
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    if (error) asked.refuse(new Error(`${asked.method}: ${error.message}`));
    else asked.settle(result);
  }

  async #end() {
    const over = new Promise((ended) => this.#process.on("exit", ended));
    this.#process.kill();
    await over;
  }
}

/** One page; what it hands to `tell`, as JSON, comes as the event `told`. */
class Tab extends EventEmitter {
  constructor(send, close) {
    super();
    this.send = send;
    this.close = close;
  }

  async prepare() {
    await this.send("Runtime.enable");
    await this.send("Runtime.addBinding", { name: "tell" });
    await this.send("Performance.enable");
  }

  open(url) { return this.send("Page.navigate", { url }); }

  /** Value of an expression, or of what it promises. */
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
