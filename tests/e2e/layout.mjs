// How the page is laid out, on a wide screen, a desktop and a phone.

import assert from "node:assert/strict";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { openWindow, picture, startBrowser } from "./harness/browser.mjs";
import { Chat } from "./harness/chat.mjs";
import { startServer } from "./harness/server.mjs";
import { suite } from "./harness/suite.mjs";
import { until } from "./harness/wait.mjs";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

describe("layout", () => {
  const whole = suite();
  let browser, server;
  before(async () => {
    browser = await startBrowser(whole);
    server = await startServer(whole);
  });

  async function createRoom(page, name) {
    await page.getByRole("button", { name: "Buat ruang" }).click();
    await page.getByRole("textbox", { name: "Nama ruang baru" }).fill(name);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name }).waitFor();
  }

  async function accessible(page) {
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => window.axe.run());
    assert.deepEqual(violations.map(({ id, nodes }) => `${id} ${nodes.map((node) => node.html)}`), []);
  }

  test("messages, their tint and the composer share one column in the middle of a wide screen", async (t) => {
    const chat = await Chat.open(t, browser, server.url, { viewport: { width: 1920, height: 1080 } });
    await chat.say("di tengah");
    await chat.sees("di tengah");
    const row = await chat.page.getByRole("article").last().boundingBox();
    const composer = await chat.page.locator(".composer").boundingBox();
    const main = await chat.page.getByRole("main").boundingBox();
    assert.ok(Math.abs(row.x - composer.x) <= 1 && Math.abs(row.width - composer.width) <= 1, JSON.stringify({ row, composer }));
    assert.ok(row.width < 960, `${row.width} px wide`);
    assert.ok(Math.abs((row.x + row.width / 2) - (main.x + main.width / 2)) <= 1, "centred");
    await picture(chat.page, "wide-screen");
  });

  test("first visit: the name card has the cursor, and the first text goes out under the typed name", async (t) => {
    const other = await Chat.open(t, browser, server.url);
    const chat = await Chat.open(t, browser, server.url);
    const field = chat.page.getByRole("textbox", { name: "Siapa nama Anda?" });
    await until("the cursor is in the card", () => field.evaluate((element) => element === document.activeElement));
    await field.fill("Zahra");
    await chat.say("halo, saya baru");
    await other.sees("halo, saya baru");
    const row = other.page.getByRole("article").filter({ hasText: "halo, saya baru" });
    await row.getByText("Zahra", { exact: true }).first().waitFor();
    await field.waitFor({ state: "detached" });
  });

  test("room left by mistake is opened again by one button", async (t) => {
    const { page } = await Chat.open(t, browser, server.url);
    await createRoom(page, "Batal pergi");
    await page.getByRole("button", { name: "Keluar dari ruang" }).click();
    await page.getByRole("heading", { name: "Lobi" }).waitFor();
    await page.getByText("Anda keluar dari Batal pergi").waitFor();
    await picture(page, "left-room");
    await page.getByRole("button", { name: "Urungkan" }).click();
    await page.getByRole("heading", { name: "Batal pergi" }).waitFor();
  });

  test("header of a phone shows the room's name, and a menu has the rest", async (t) => {
    const { page } = await Chat.open(t, browser, server.url, { ...PHONE, bypassCSP: true, reducedMotion: "reduce" });
    await page.getByRole("button", { name: "Ruang", exact: true }).click();
    await createRoom(page, "Rapat warga desa");
    assert.equal(await page.getByRole("button", { name: "Keluar dari ruang" }).count(), 0);
    const heading = page.getByRole("heading", { name: "Rapat warga desa" });
    assert.ok(await heading.evaluate((element) => element.scrollWidth <= element.clientWidth), "the name is not cut");
    await page.getByRole("button", { name: "Lainnya" }).click();
    await page.getByRole("button", { name: "Keluar dari ruang" }).waitFor();
    await picture(page, "phone-room-menu");
    await accessible(page);
    await page.goBack();
    await page.getByRole("button", { name: "Keluar dari ruang" }).waitFor({ state: "detached" });
    await heading.waitFor();
    await page.getByRole("button", { name: "Lainnya" }).click();
    await page.getByRole("button", { name: "Keluar dari ruang" }).click();
    await page.getByRole("heading", { name: "Lobi" }).waitFor();
  });

  test("actions of a message never cover its text on a touch screen", async (t) => {
    const chat = await Chat.open(t, browser, server.url, PHONE);
    await chat.say("pesan yang disentuh, cukup panjang agar memenuhi seluruh lebar layar ponsel ini");
    const row = chat.page.getByRole("article").last();
    await row.getByText("pesan yang disentuh").tap();
    const actions = row.locator(".message-actions");
    await actions.waitFor();
    const [text, bar] = [await row.locator(".text").boundingBox(), await actions.boundingBox()];
    assert.ok(bar.y >= text.y + text.height - 1, JSON.stringify({ text, bar }));
    await picture(chat.page, "touch-actions");
  });

  test("list of rooms has the newest first, with author, time and draft", async (t) => {
    const own = await startServer(t);
    const chat = await Chat.open(t, browser, own.url);
    const { page } = chat;
    await createRoom(page, "Pertama");
    await chat.say("isi pertama");
    await chat.sees("isi pertama");
    await createRoom(page, "Kedua");
    await chat.say("isi kedua");
    await chat.sees("isi kedua");
    const names = () => page.getByRole("navigation").locator(".entry .name").allInnerTexts();
    await until("the newest first", async () => (await names()).slice(0, 3).join() === "Lobi,Kedua,Pertama");
    await chat.composer.fill("belum selesai");
    await page.getByRole("button", { name: /Pertama/ }).click();
    await page.getByRole("button", { name: /Kedua.*Draf: belum selesai/ }).waitFor();
    await chat.say("lagi di pertama");
    await until("the newest first", async () => (await names()).slice(0, 3).join() === "Lobi,Pertama,Kedua");
    const entry = page.getByRole("navigation").getByRole("button", { name: /Pertama/ });
    assert.match(await entry.innerText(), /Anda: lagi di pertama/);
    assert.match(await entry.getByRole("time").innerText(), /^\d\d[.:]\d\d$/);
    await picture(page, "room-list");
  });

  test("server that asks for a token says it once", async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "pesan-secret-"));
    const file = join(folder, "secret");
    await writeFile(file, "rahasia-sekali-12345\n", { mode: 0o600 });
    const own = await startServer(t, { args: ["--secret-file", file] });
    const page = await openWindow(t, browser, own.url, { bypassCSP: true, reducedMotion: "reduce" });
    await page.getByText("Server ini meminta kata sandi atau token.").waitFor();
    assert.equal(await page.getByText("Perlu kata sandi atau token.").count(), 0);
    assert.equal(await page.locator(".banner:visible").count(), 0);
    await accessible(page);
    await picture(page, "token-prompt");
  });

  test("only one bar is shown at a time, the most important one", async (t) => {
    const own = await startServer(t, { args: ["--rate", "0.3", "--burst", "2"] });
    const chat = await Chat.open(t, browser, own.url);
    await own.admin("announce", "rapat jam tiga");
    await chat.page.locator(".banner").getByText(/rapat jam tiga/).waitFor();
    for (const text of ["satu", "dua", "tiga"]) await chat.say(text);
    await chat.page.locator(".banner").getByText(/Agak cepat/).waitFor();
    assert.equal(await chat.page.locator(".banner:visible").count(), 1);
    assert.equal(await chat.page.locator(".banner.danger:visible").count(), 0, "nothing is lost");
    await picture(chat.page, "one-bar");
  });

  for (const viewport of [{ width: 1280, height: 800 }, { width: 320, height: 568 }]) {
    test(`settings and dialogs at ${viewport.width}x${viewport.height} have no accessibility violation`, async (t) => {
      const chat = await Chat.open(t, browser, server.url, { viewport, bypassCSP: true, reducedMotion: "reduce" });
      const { page } = chat;
      if (viewport.width < 760) await page.getByRole("button", { name: "Lainnya" }).click();
      await page.getByRole("main").getByRole("button", { name: "Pengaturan" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.waitFor();
      await picture(page, `settings-${viewport.width}`);
      const overflow = await dialog.evaluate((element) => element.scrollWidth - element.clientWidth);
      assert.ok(overflow <= 0, `${overflow} px too wide`);
      if (viewport.width > 1000) assert.ok(await dialog.evaluate((element) => element.scrollHeight <= element.clientHeight), "all of it is seen");
      await accessible(page);
      await page.keyboard.press("Escape");
      await dialog.waitFor({ state: "detached" });
    });
  }
});
