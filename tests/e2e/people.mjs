// Who is there: tokens, direct conversations, coming and going, rooms of the same name.

import assert from "node:assert/strict";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { openWindow, picture, startBrowser } from "./harness/browser.mjs";
import { Chat } from "./harness/chat.mjs";
import { startServer } from "./harness/server.mjs";
import { suite } from "./harness/suite.mjs";
import { until } from "./harness/wait.mjs";

describe("people", () => {
  const whole = suite();
  let browser, server;
  before(async () => {
    browser = await startBrowser(whole);
    server = await startServer(whole);
  });

  async function someone(t, name) {
    const chat = await Chat.open(t, browser, server.url);
    await chat.page.getByRole("textbox", { name: "Siapa nama Anda?" }).fill(name);
    await chat.page.getByRole("button", { name: "Pakai nama ini" }).click();
    await chat.page.getByRole("complementary", { name: "Yang hadir" }).getByText(name, { exact: true }).waitFor();
    return chat;
  }

  test("token fixes the name, says why, and logging out asks for it again", async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "pesan-tokens-"));
    const file = join(folder, "tokens");
    await writeFile(file, "Rani tokenRani12345678\n", { mode: 0o600 });
    const own = await startServer(t, { args: ["--token-file", file] });
    const chat = new Chat(await openWindow(t, browser, own.url));
    const { page } = chat;
    const field = page.getByLabel("Kata sandi atau token");
    await field.fill("tokenRani12345678");
    await field.press("Enter");
    await chat.ready();
    await page.getByRole("navigation").getByText("Rani", { exact: true }).waitFor();
    assert.equal(await page.getByText("Siapa nama Anda?").count(), 0, "nobody asks for a name that is known");
    await page.getByRole("main").getByRole("button", { name: "Pengaturan" }).click();
    await page.getByText("Nama ini milik token Anda.").waitFor();
    await picture(page, "settings-with-token");
    await page.getByRole("button", { name: "Keluar dari akun" }).click();
    await field.waitFor();
    assert.equal(await page.evaluate(() => localStorage["pesan.token"]), undefined);
  });

  test("direct conversation says who is there, marks the first message, and can be hidden", async (t) => {
    const one = await someone(t, "Kiki");
    const two = await someone(t, "Lala");
    await one.page.getByRole("complementary").getByRole("button", { name: "Lala" }).click();
    await one.page.getByRole("heading", { name: "Lala" }).waitFor();
    await one.page.getByRole("main").getByText("sedang di sini").waitFor();
    await one.say("pesan pertama");
    await two.page.getByRole("navigation").getByRole("button", { name: /Kiki.*1 belum dibaca/ }).click();
    await two.sees("pesan pertama");
    await two.page.getByText("Pesan baru", { exact: true }).waitFor();
    await picture(two.page, "direct-first-message");
    await two.page.context().close();
    await one.page.getByRole("main").getByText("sedang tidak di sini").waitFor();
    await one.page.getByRole("navigation").getByRole("img", { name: "sedang tidak di sini" }).waitFor();
    await picture(one.page, "direct-away");
    await one.page.getByRole("button", { name: "Sembunyikan percakapan ini" }).click();
    await one.page.getByRole("heading", { name: "Lobi" }).waitFor();
    const entry = one.page.getByRole("navigation").getByRole("button", { name: /Lala/ });
    await entry.waitFor({ state: "detached" });
    await one.page.reload();
    await one.ready();
    assert.equal(await entry.count(), 0, "stays hidden");
  });

  test("those who come one after the other are one line, which can be switched off", async (t) => {
    const one = await someone(t, "Maya");
    await one.say("sebelum yang lain");
    await one.sees("sebelum yang lain");
    for (let count = 0; count < 4; count += 1) await Chat.open(t, browser, server.url);
    await one.page.getByText(/^4 orang datang/).waitFor();
    await picture(one.page, "four-came");
    await one.page.getByRole("main").getByRole("button", { name: "Pengaturan" }).click();
    await one.page.getByRole("checkbox", { name: "Tampilkan siapa yang datang dan pergi" }).uncheck();
    await one.page.keyboard.press("Escape");
    await one.page.getByText(/orang datang/).waitFor({ state: "detached" });
    await until("the dialog's history entry is left", () => one.page.evaluate(() => history.state === null));
    await one.page.reload();
    await one.ready();
    await Chat.open(t, browser, server.url);
    await until("the newcomer is listed", async () => (await one.page.getByRole("complementary").getByRole("listitem").count()) >= 6);
    assert.equal(await one.log.getByText(/datang/).count(), 0);
  });

  test("guest whose page is in English has an English guest name", async (t) => {
    const chat = await Chat.open(t, browser, server.url, { locale: "en-GB" });
    const own = chat.page.getByRole("navigation").getByText(/^guest-[0-9a-f]{4}$/);
    await own.waitFor();
    const name = await own.innerText();
    await chat.page.getByRole("button", { name: `Keep “${name}”` }).click();
    await chat.page.reload();
    await chat.ready();
    await chat.page.getByRole("navigation").getByText(name, { exact: true }).waitFor();
    assert.equal(await chat.page.getByRole("alert").count(), 0, "it may be kept");
  });

  test("newcomer who chooses a name is one line", async (t) => {
    const one = await someone(t, "Nina");
    await one.say("halo semua");
    await one.sees("halo semua");
    await someone(t, "Oki");
    await one.log.getByText("Oki datang").waitFor();
    assert.equal(await one.log.getByText(/kini bernama Oki/).count(), 0);
  });

  test("room whose name exists is offered, and the typed name stays", async (t) => {
    const one = await someone(t, "Putri");
    const two = await someone(t, "Rudi");
    const create = async (chat) => {
      await chat.page.getByRole("button", { name: "Buat ruang" }).click();
      await chat.page.getByRole("textbox", { name: "Nama ruang baru" }).fill("Arisan");
      await chat.page.keyboard.press("Enter");
    };
    await create(one);
    await one.page.getByRole("heading", { name: "Arisan" }).waitFor();
    await create(two);
    await two.page.getByText("Ruang dengan nama itu sudah ada.").waitFor();
    assert.equal(await two.page.getByRole("textbox", { name: "Nama ruang baru" }).inputValue(), "Arisan");
    await picture(two.page, "room-exists");
    await two.page.getByRole("button", { name: "Buka ruang itu" }).click();
    await two.page.getByRole("heading", { name: "Arisan" }).waitFor();
    await two.page.getByRole("dialog").waitFor({ state: "detached" });
  });

  test("avatars show the first grapheme, and those present have different colours", async (t) => {
    const own = await startServer(t);
    const names = ["👩‍👩‍👧 Sari", "é Tomo", "Umar", "Vino", "Wati", "Yani"];
    let last;
    for (const name of names) {
      last = await Chat.open(t, browser, own.url);
      await last.page.getByRole("textbox", { name: "Siapa nama Anda?" }).fill(name);
      await last.page.keyboard.press("Enter");
      await last.page.getByRole("complementary").getByText(name, { exact: true }).waitFor();
    }
    const avatars = last.page.getByRole("complementary").locator(".avatar");
    const shown = await avatars.evaluateAll((all) => all.map((avatar) => ({ text: avatar.textContent, colour: getComputedStyle(avatar).backgroundColor })));
    assert.equal(new Set(shown.map(({ colour }) => colour)).size, names.length, JSON.stringify(shown));
    const texts = shown.map(({ text }) => text);
    assert.ok(texts.includes("👩‍👩‍👧") && texts.includes("é"), JSON.stringify(texts));
  });
});
