// The page as a person uses it: by what it says, not by how it is built.

import assert from "node:assert/strict";
import { openWindow } from "./browser.mjs";
import { until } from "./wait.mjs";

const COMPOSER = /^(Tulis pesan|Write a message)/;
const CONNECTED = /^(tersambung|connected)$/;
const SEND = /^(Kirim|Send)$/;

export class Chat {
  constructor(page) { this.page = page; }

  /** Opens the page and waits until it can be written in. */
  static async open(t, browser, url, options) {
    const chat = new Chat(await openWindow(t, browser, url, options));
    await chat.ready();
    return chat;
  }

  get composer() { return this.page.getByRole("textbox", { name: COMPOSER }); }
  get button() { return this.page.getByRole("button", { name: SEND }); }
  get log() { return this.page.getByRole("log"); }
  get problems() { return this.page.problems; }

  /** The program has taken over from the shell, and is connected. */
  async ready() {
    await this.log.waitFor();
    await this.connected();
  }

  get #quiet() { return this.page.getByRole("img", { name: CONNECTED }); }

  /** Connected is quiet: a dot whose name says so. */
  async connected() { await this.#quiet.waitFor({ state: "attached", timeout: 30_000 }); }

  /** Anything else is shown. */
  async disconnected() { await this.#quiet.waitFor({ state: "detached", timeout: 30_000 }); }

  async say(text) {
    await this.composer.fill(text);
    await this.composer.press("Enter");
  }

  message(text) { return this.log.getByText(text, { exact: true }); }

  /** The text is in the log, once. */
  async sees(text, within = 20_000) {
    await until(`'${text}' in the log`, async () => (await this.message(text).count()) > 0, within);
    assert.equal(await this.message(text).count(), 1, `'${text}' is there once`);
  }

  /** The texts are in the log in this order, each once. */
  async seesInOrder(texts) {
    for (const text of texts) await this.sees(text);
    const all = await this.log.innerText();
    const places = texts.map((text) => all.indexOf(text));
    assert.deepEqual(places, [...places].sort((a, b) => a - b), `in order: ${texts}\n${all}`);
  }
}
