// Appearance and accessibility: axe reports no violation, nothing overflows, screenshots are saved.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { before, describe, test } from "node:test";
import { picture, startBrowser } from "./harness/browser.mjs";
import { Chat } from "./harness/chat.mjs";
import { startServer } from "./harness/server.mjs";
import { suite } from "./harness/suite.mjs";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const SIZES = [{ width: 1280, height: 800 }, { width: 390, height: 844 }];

describe("page in every size, theme and language", () => {
  const whole = suite();
  let browser, server;
  before(async () => {
    browser = await startBrowser(whole);
    server = await startServer(whole);
    const writer = await Chat.open(whole, browser, server.url);
    for (const text of ["Selamat pagi semua", "Ada yang sudah coba versi baru?", "Sudah, lihat https://example.org/catatan", "👍"]) {
      await writer.say(text);
      await writer.sees(text);
    }
  });

  for (const viewport of SIZES) {
    for (const colorScheme of ["light", "dark"]) {
      for (const locale of ["id-ID", "en-US"]) {
        const name = `${viewport.width}x${viewport.height}-${colorScheme}-${locale.slice(0, 2)}`;
        test(`page at ${name} has no accessibility violation and no overflow`, async (t) => {
          const chat = await Chat.open(t, browser, server.url, { viewport, colorScheme, locale, reducedMotion: "reduce", bypassCSP: true });
          await chat.say(`${name}`);
          await chat.sees(name);
          await picture(chat.page, name);
          await chat.page.evaluate(axe);
          const { violations } = await chat.page.evaluate(() => window.axe.run());
          const found = violations.map(({ id, help, nodes }) => `${id}: ${help}\n  ${nodes.map((node) => node.html).join("\n  ")}`);
          assert.deepEqual(found, []);
          const wider = await chat.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
          assert.ok(wider <= 0, `the page is ${wider} px wider than the window`);
          assert.deepEqual(chat.problems, []);
        });
      }
    }
  }

  test("page without a connection has no accessibility violation", async (t) => {
    const own = await startServer(t);
    const chat = await Chat.open(t, browser, own.url, { bypassCSP: true, reducedMotion: "reduce" });
    await own.kill();
    await chat.disconnected();
    await chat.say("ditulis tanpa sambungan");
    await picture(chat.page, "offline");
    await chat.page.evaluate(axe);
    const { violations } = await chat.page.evaluate(() => window.axe.run());
    assert.deepEqual(violations.map(({ id, nodes }) => `${id} ${nodes.map((node) => node.html)}`), []);
  });
});
