// The page as its users see it: elements are found by role and label.

import assert from "node:assert/strict";
import { openWindow } from "./browser.mjs";
import { until } from "./wait.mjs";

const COMPOSER = /^(Tulis pesan|Write a message)/;
const CONNECTED = /^(tersambung|connected)$/;
const SEND = /^(Kirim|Send)$/;

export class Chat {
  constructor(page) { this.page = page; }

  /** Opens the page and waits until it is connected. */
  static async open(t, browser, url, options) {
    const chat = new Chat(await openWindow(t, browser, url, options));
    await chat.ready();
    return chat;
  }

  get composer() { return this.page.getByRole("textbox", { name: COMPOSER }); }
  get button() { return this.page.getByRole("button", { name: SEND }); }
  get log() { return this.page.getByRole("log"); }
  get problems() { return this.page.problems; }

  /** Waits until the program has replaced the static shell and is connected. */
  async ready() {
    await this.log.waitFor();
    await this.connected();
  }

  get #connectedDot() { return this.page.getByRole("img", { name: CONNECTED }); }

  /** Waits for the connection. Its indicator is a dot; all other states are shown as text. */
  async connected() { await this.#connectedDot.waitFor({ state: "attached", timeout: 30_000 }); }

  /** Waits until the connection is lost. */
  async disconnected() { await this.#connectedDot.waitFor({ state: "detached", timeout: 30_000 }); }

  async say(text) {
    await this.composer.fill(text);
    await this.composer.press("Enter");
  }

  message(text) { return this.log.getByText(text, { exact: true }); }

  /** Waits for a message with this text; it must be in the log exactly once. */
  async sees(text, within = 20_000) {
    await until(`'${text}' in the log`, async () => (await this.message(text).count()) > 0, within);
    assert.equal(await this.message(text).count(), 1, `'${text}' is in the log once`);
  }

  /** Waits for messages with these texts; each must be in the log exactly once, in this order. */
  async seesInOrder(texts) {
    for (const text of texts) await this.sees(text);
    const all = await this.log.innerText();
    const positions = texts.map((text) => all.indexOf(text));
    assert.deepEqual(positions, [...positions].sort((a, b) => a - b), `in order: ${texts}\n${all}`);
  }
}
