// Features of the page with two users: names, rooms, direct messages, replies, history, keyboard, settings.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { startBrowser } from "./harness/browser.mjs";
import { Chat } from "./harness/chat.mjs";
import { startServer } from "./harness/server.mjs";
import { suite } from "./harness/suite.mjs";
import { until } from "./harness/wait.mjs";

describe("users and rooms", () => {
  const whole = suite();
  let browser, server;
  before(async () => {
    browser = await startBrowser(whole);
    server = await startServer(whole);
  });

  /** Opens a window and chooses a name. */
  async function openNamed(t, name) {
    const chat = await Chat.open(t, browser, server.url);
    const { page } = chat;
    await page.getByRole("textbox", { name: "Siapa nama Anda?" }).fill(name);
    await page.getByRole("button", { name: "Pakai nama ini" }).click();
    await page.getByRole("complementary", { name: "Yang hadir" }).getByText(name, { exact: true }).waitFor();
    return chat;
  }

  test("name in use is refused with a message, and another name survives a reload", async (t) => {
    await openNamed(t, "Ayu");
    const two = await Chat.open(t, browser, server.url);
    const field = two.page.getByRole("textbox", { name: "Siapa nama Anda?" });
    await field.fill("Ayu");
    await field.press("Enter");
    await two.page.getByText("Nama “Ayu” sedang dipakai orang lain. Pilih nama lain.").waitFor();
    await field.fill("Budi");
    await field.press("Enter");
    await field.waitFor({ state: "detached" });
    await two.page.reload();
    await two.ready();
    await two.page.getByRole("navigation").getByText("Budi", { exact: true }).waitFor();
  });

  test("room is created, joined by its link, counts unread messages and is left", async (t) => {
    const one = await openNamed(t, "Citra");
    const two = await openNamed(t, "Dewi");
    await one.page.getByRole("button", { name: "Buat ruang", exact: true }).click();
    await one.page.getByRole("textbox", { name: "Nama ruang baru" }).fill("Warung kopi");
    await one.page.keyboard.press("Enter");
    await one.page.getByRole("heading", { name: "Warung kopi" }).waitFor();
    assert.match(one.page.url(), /#\/r\/warung-kopi$/);
    await two.page.goto(one.page.url());
    await two.page.getByRole("heading", { name: "Warung kopi" }).waitFor();
    await one.say("hanya di warung");
    await two.sees("hanya di warung");
    await two.page.keyboard.press("Alt+ArrowUp");
    await two.page.getByRole("heading", { name: "Lobi" }).waitFor();
    await one.say("sambil lalu");
    await two.page.getByRole("button", { name: /Warung kopi.*1 belum dibaca/ }).click();
    await two.sees("sambil lalu");
    await two.page.getByText("Pesan baru", { exact: true }).waitFor();
    await two.page.getByRole("button", { name: "Keluar dari ruang" }).click();
    await two.page.getByRole("heading", { name: "Lobi" }).waitFor();
  });

  test("typing is shown to others, and a direct message reaches its recipient", async (t) => {
    const one = await openNamed(t, "Eka");
    const two = await openNamed(t, "Fajar");
    await one.composer.pressSequentially("aku mengetik");
    await two.page.getByText("Eka sedang mengetik…").waitFor();
    await one.page.getByRole("complementary").getByRole("button", { name: "Fajar" }).click();
    await one.page.getByRole("heading", { name: "Fajar" }).waitFor();
    await one.say("rahasia");
    await two.page.getByRole("button", { name: /Eka.*1 belum dibaca/ }).click();
    await two.sees("rahasia");
  });

  test("reply shows the message that it answers", async (t) => {
    const one = await openNamed(t, "Gita");
    const two = await openNamed(t, "Hadi");
    await one.say("jadi makan di mana?");
    await two.sees("jadi makan di mana?");
    await two.message("jadi makan di mana?").hover();
    await two.page.getByRole("article").filter({ hasText: "jadi makan di mana?" }).getByRole("button", { name: "Balas" }).click();
    await two.page.getByText("Membalas Gita").waitFor();
    await two.say("di tempat biasa");
    await one.sees("di tempat biasa");
    await one.page.getByRole("button", { name: /^Menjawab Gita/ }).waitFor();
  });

  test("message sent offline is delivered once after a reload", async (t) => {
    const own = await startServer(t);
    const one = await Chat.open(t, browser, own.url);
    const two = await Chat.open(t, browser, own.url);
    // the page still loads, but its connection is refused
    await one.page.route("**/socket.io/**", (route) => route.abort());
    await one.page.routeWebSocket(/socket\.io/, (socket) => socket.close());
    await one.page.reload();
    await one.disconnected();
    await one.say("ditulis tanpa server");
    await one.page.getByText("menunggu sambungan").waitFor();
    await one.page.unrouteAll();
    const fresh = await one.page.context().newPage();
    await one.page.close();
    await fresh.goto(own.url);
    const again = new Chat(fresh);
    await again.ready();
    await again.sees("ditulis tanpa server");
    await two.sees("ditulis tanpa server");
  });

  test("scrolling up loads older messages, and few rows are in the DOM", async (t) => {
    const own = await startServer(t, { args: ["--rate", "1000", "--burst", "1000"] });
    const one = await Chat.open(t, browser, own.url);
    for (let number = 1; number <= 130; number += 1) await one.say(`baris ${number}.`);
    await one.sees("baris 130.");
    const two = await Chat.open(t, browser, own.url);
    await two.sees("baris 130.");
    await two.log.hover();
    await until("the first line", async () => {
      await two.page.mouse.wheel(0, -400);
      return (await two.message("baris 1.").count()) > 0;
    }, 60_000);
    assert.ok((await two.page.getByRole("article").count()) < 120, "only rows near the visible range are in the DOM");
    await two.page.getByRole("button", { name: /terbaru|baru/ }).click();
    await two.message("baris 130.").waitFor();
  });

  test("keyboard shortcuts reply to a message, switch rooms and open the help", async (t) => {
    const one = await openNamed(t, "Indah");
    await one.say("untuk disalin");
    await one.sees("untuk disalin");
    await one.log.focus();
    await one.page.keyboard.press("ArrowUp");
    await one.page.keyboard.press("r");
    await one.page.getByText("Membalas Indah").waitFor();
    await one.page.keyboard.press("Escape");
    await one.page.getByText("Membalas Indah").waitFor({ state: "detached" });
    await one.page.keyboard.press("Control+k");
    await one.page.getByRole("combobox", { name: "Cari ruang atau orang" }).fill("lob");
    await one.page.keyboard.press("Enter");
    await one.page.getByRole("dialog").waitFor({ state: "detached" });
    await one.log.focus();
    await one.page.keyboard.press("?");
    await one.page.getByRole("dialog", { name: "Pintasan papan ketik" }).waitFor();
    await one.page.keyboard.press("Escape");
    await one.page.getByRole("dialog").waitFor({ state: "detached" });
    await one.log.focus();
    await one.page.keyboard.press("?");
    await one.page.getByRole("dialog").getByRole("button", { name: "Tutup" }).press("Enter");
    await until("the focus back in the log", () => one.page.evaluate(() => document.activeElement.matches(".log")));
  });

  test("log scrolled to the newest message by its button follows new messages", async (t) => {
    const own = await startServer(t, { args: ["--rate", "1000", "--burst", "1000"] });
    const one = await Chat.open(t, browser, own.url);
    const two = await Chat.open(t, browser, own.url);
    for (let number = 1; number <= 60; number += 1) await one.say(`dulu ${number}.`);
    await two.sees("dulu 60.");
    await two.log.hover();
    await two.page.mouse.wheel(0, -200);
    const newest = two.page.getByRole("button", { name: /terbaru|baru/ });
    await newest.waitFor();
    for (let number = 1; number <= 60; number += 1) await one.say(`datang ${number}.`);
    await one.sees("datang 60.");
    await newest.click();
    await two.sees("datang 60.");
    await one.say("lagi");
    await two.sees("lagi");
    await newest.waitFor({ state: "detached" });
  });

  test("panel opened on a phone takes the focus, and Escape or Back closes it", async (t) => {
    const one = await Chat.open(t, browser, server.url, { viewport: { width: 390, height: 844 } });
    const focused = (name) => until(`the focus on '${name}'`, () => one.page.evaluate((name) => document.activeElement.matches(name), name));
    await one.page.getByRole("button", { name: "Yang hadir" }).click();
    await focused(".people .close");
    await one.page.keyboard.press("Escape");
    await focused(".to-people");
    await one.page.getByRole("button", { name: "Ruang", exact: true }).click();
    await focused(".rooms .close");
    await one.page.goBack();
    await one.page.getByRole("navigation", { name: "Ruang" }).waitFor({ state: "hidden" });
  });

  test("language and theme chosen in the settings apply at once, and a click outside closes the dialog", async (t) => {
    const one = await Chat.open(t, browser, server.url);
    await one.page.getByRole("main").getByRole("button", { name: "Pengaturan" }).click();
    await one.page.getByRole("radio", { name: "English" }).check();
    await one.page.getByRole("dialog", { name: "Settings" }).waitFor();
    await one.page.getByRole("radio", { name: "Dark" }).check();
    assert.deepEqual(await one.page.evaluate(() => [document.documentElement.lang, document.documentElement.dataset.theme]), ["en", "dark"]);
    await one.page.mouse.click(5, 5);
    await one.page.getByRole("dialog").waitFor({ state: "detached" });
    await one.page.getByRole("heading", { name: "Lobby" }).waitFor();
  });
});
