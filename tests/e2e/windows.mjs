// Two windows of one person, and what a window keeps.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { openWindow, startBrowser } from "./harness/browser.mjs";
import { Chat } from "./harness/chat.mjs";
import { startServer } from "./harness/server.mjs";
import { suite } from "./harness/suite.mjs";
import { until } from "./harness/wait.mjs";

describe("windows of one person", () => {
  const whole = suite();
  let browser, server;
  before(async () => {
    browser = await startBrowser(whole);
    server = await startServer(whole);
  });

  /** A second window of the same browser. */
  async function second(chat) {
    const page = await chat.page.context().newPage();
    page.problems = [];
    await page.goto(server.url);
    const other = new Chat(page);
    await other.ready();
    return other;
  }

  test("joined rooms, read marks, theme and language follow to the other window", async (t) => {
    const one = await Chat.open(t, browser, server.url);
    const two = await second(one);
    await one.page.getByRole("button", { name: "Buat ruang" }).click();
    await one.page.getByRole("textbox", { name: "Nama ruang baru" }).fill("Bersama");
    await one.page.keyboard.press("Enter");
    await one.page.getByRole("heading", { name: "Bersama" }).waitFor();
    const stranger = await Chat.open(t, browser, `${server.url}/#/r/bersama`);
    await stranger.page.getByRole("heading", { name: "Bersama" }).waitFor();
    // joined there too: messages arrive and are counted
    await one.page.getByRole("button", { name: /^#?\s*Lobi/ }).first().click();
    await stranger.say("kabar bersama");
    await two.page.getByRole("button", { name: /Bersama.*1 belum dibaca/ }).waitFor();
    // read in one, read in both
    await one.page.getByRole("button", { name: /Bersama/ }).first().click();
    await one.sees("kabar bersama");
    await two.page.getByRole("button", { name: /Bersama.*1 belum dibaca/ }).waitFor({ state: "detached" });
    // and a reload of either loses nothing
    await two.page.reload();
    await two.ready();
    await one.page.reload();
    await one.ready();
    for (const chat of [one, two]) {
      const joined = await chat.page.evaluate(() => JSON.parse(localStorage["pesan.saved"]).joined);
      assert.ok(joined.includes("bersama"), JSON.stringify(joined));
    }
    await one.page.getByRole("main").getByRole("button", { name: "Pengaturan" }).click();
    await one.page.getByRole("radio", { name: "English" }).check();
    await one.page.getByRole("radio", { name: "Dark" }).check();
    await until("the other window follows", async () => {
      const { lang, theme } = await two.page.evaluate(() => ({ lang: document.documentElement.lang, theme: document.documentElement.dataset.theme }));
      return lang === "en" && theme === "dark";
    });
  });

  test("room left in one window is left in the other", async (t) => {
    const one = await Chat.open(t, browser, server.url);
    const two = await second(one);
    await one.page.getByRole("button", { name: "Buat ruang" }).click();
    await one.page.getByRole("textbox", { name: "Nama ruang baru" }).fill("Sebentar");
    await one.page.keyboard.press("Enter");
    await one.page.getByRole("heading", { name: "Sebentar" }).waitFor();
    await two.page.getByRole("button", { name: /Sebentar/ }).click();
    await two.page.getByRole("heading", { name: "Sebentar" }).waitFor();
    await one.page.getByRole("button", { name: "Keluar dari ruang" }).click();
    await two.page.getByRole("heading", { name: "Lobi" }).waitFor();
  });

  test("draft keeps its reply over a reload", async (t) => {
    const writer = await Chat.open(t, browser, server.url);
    await writer.say("pertanyaan lama");
    const chat = await Chat.open(t, browser, server.url);
    await chat.sees("pertanyaan lama");
    await chat.page.getByRole("article").filter({ hasText: "pertanyaan lama" }).focus();
    await chat.page.keyboard.press("r");
    await chat.composer.fill("jawaban setengah");
    await chat.page.getByText(/^Membalas/).waitFor();
    await chat.page.reload();
    await chat.ready();
    await chat.page.getByText(/^Membalas/).waitFor();
    assert.equal(await chat.composer.inputValue(), "jawaban setengah");
    await chat.composer.press("Enter");
    await writer.page.getByRole("button", { name: /^Menjawab/ }).waitFor();
  });

  test("Enter before the program has loaded sends once it has", async (t) => {
    const page = await openWindow(t, browser);
    let load;
    const typed = new Promise((resolve) => { load = resolve; });
    await page.route("**/*.wasm", async (route) => {
      await typed;
      await route.continue();
    });
    await page.goto(server.url, { waitUntil: "commit" });
    const field = page.locator("#shell textarea");
    await field.pressSequentially("terlalu cepat");
    await field.press("Enter");
    assert.equal(await field.inputValue(), "");
    await page.getByText("terlalu cepat", { exact: true }).waitFor();
    await field.pressSequentially("dan ini belum");
    load();
    const chat = new Chat(page);
    await chat.ready();
    await chat.sees("terlalu cepat");
    assert.equal(await chat.composer.inputValue(), "dan ini belum");
    const other = await Chat.open(t, browser, server.url);
    await other.sees("terlalu cepat");
    assert.deepEqual(chat.problems, []);
  });
});
