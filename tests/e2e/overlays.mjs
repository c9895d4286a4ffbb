// Panels, dialogs and the emoji sheet: each closes by Escape, a click elsewhere and Back, the last one first.

import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { before, describe, test } from "node:test";
import { picture, startBrowser } from "./harness/browser.mjs";
import { Chat } from "./harness/chat.mjs";
import { startServer } from "./harness/server.mjs";
import { suite } from "./harness/suite.mjs";
import { until } from "./harness/wait.mjs";

const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

describe("what opens over the conversation", () => {
  const whole = suite();
  let browser, server;
  before(async () => {
    browser = await startBrowser(whole);
    server = await startServer(whole);
  });

  test("Back on a phone closes dialog, then panel, and stays on the page", async (t) => {
    const { page } = await Chat.open(t, browser, server.url, PHONE);
    await page.getByRole("button", { name: "Ruang", exact: true }).click();
    const rooms = page.getByRole("navigation", { name: "Ruang" });
    await rooms.waitFor();
    await rooms.getByRole("button", { name: "Cari ruang atau orang" }).click();
    await page.getByRole("dialog").waitFor();
    await page.goBack();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    assert.ok(await rooms.isVisible(), "the panel stays");
    await page.goBack();
    await rooms.waitFor({ state: "hidden" });
    assert.match(page.url(), new RegExp(`^${server.url}`));
  });

  test("room chosen in the panel of a phone opens, and Back returns to the room before", async (t) => {
    const { page } = await Chat.open(t, browser, server.url, PHONE);
    await page.getByRole("button", { name: "Ruang", exact: true }).click();
    await page.getByRole("button", { name: "Buat ruang" }).click();
    await page.getByRole("textbox", { name: "Nama ruang baru" }).fill("Kebun");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Kebun" }).waitFor();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.goBack();
    await page.getByRole("heading", { name: "Lobi" }).waitFor();
    assert.equal(await page.getByRole("dialog").count(), 0);
  });

  test("dialog closed by Escape leaves no history entry behind, and the cursor returns", async (t) => {
    const { page } = await Chat.open(t, browser, server.url);
    const depth = () => page.evaluate(() => history.state);
    const button = page.getByRole("main").getByRole("button", { name: "Pengaturan" });
    await button.focus();
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await until("the entry of the dialog is left", async () => (await depth()) === null);
    await until("focus on the button", () => button.evaluate((element) => element === document.activeElement));
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await page.goBack();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await until("focus on the button", () => button.evaluate((element) => element === document.activeElement));
  });

  test("emoji sheet closes by Escape, a click elsewhere, Back and sending", async (t) => {
    const chat = await Chat.open(t, browser, server.url);
    const { page } = chat;
    const sheet = page.getByRole("group", { name: "Emoji" });
    const closes = [
      () => page.keyboard.press("Escape"),
      () => chat.log.click(),
      () => page.goBack(),
      () => chat.say("terkirim"),
    ];
    for (const close of closes) {
      await page.getByRole("button", { name: "Emoji" }).click();
      await sheet.waitFor();
      await close();
      await sheet.waitFor({ state: "detached" });
    }
    await chat.sees("terkirim");
    await page.getByRole("button", { name: "Emoji" }).click();
    await sheet.getByRole("button", { name: "👍" }).click();
    await sheet.waitFor({ state: "detached" });
    assert.equal(await chat.composer.inputValue(), "👍");
  });

  test("emoji sheet fits into 320 px", async (t) => {
    const { page } = await Chat.open(t, browser, server.url, { viewport: { width: 320, height: 568 } });
    await page.getByRole("button", { name: "Emoji" }).click();
    const box = await page.getByRole("group", { name: "Emoji" }).boundingBox();
    assert.ok(box.x >= 0 && box.x + box.width <= 320 && box.y >= 0, JSON.stringify(box));
    await picture(page, "emoji-320");
  });

  test("text that the browser does not copy is shown selected, and 'copied' is not said", async (t) => {
    const chat = await Chat.open(t, browser, server.url);
    const { page } = chat;
    await chat.say("untuk disalin");
    await chat.sees("untuk disalin");
    await page.evaluate(() => {
      Object.defineProperty(navigator, "clipboard", { value: undefined });
      document.execCommand = () => false;
    });
    await page.getByRole("article").last().focus();
    await page.keyboard.press("c");
    const field = page.getByRole("dialog").getByRole("textbox");
    await field.waitFor();
    await until("the text is selected", async () => (await page.evaluate(() => getSelection().toString() || document.activeElement.value?.slice(document.activeElement.selectionStart, document.activeElement.selectionEnd))) === "untuk disalin");
    assert.equal(await page.getByText("Tersalin", { exact: true }).count(), 0);
    await picture(page, "copy-by-hand");
  });

  test("text is copied on plain http of a local network", async (t) => {
    const own = await startServer(t, { host: "0.0.0.0" });
    const lan = Object.values(networkInterfaces()).flat().find(({ family, internal }) => family === "IPv4" && !internal);
    if (!lan) return t.skip("no network");
    const chat = await Chat.open(t, browser, `http://${lan.address}:${own.port}`);
    assert.equal(await chat.page.evaluate(() => isSecureContext), false);
    await chat.say("lewat jaringan lokal");
    await chat.sees("lewat jaringan lokal");
    await chat.page.getByRole("article").last().focus();
    await chat.page.keyboard.press("c");
    await chat.page.getByText("Tersalin", { exact: true }).waitFor();
    await chat.composer.focus();
    await chat.page.keyboard.press("Control+v");
    assert.equal(await chat.composer.inputValue(), "lewat jaringan lokal");
  });

  test("Enter that ends an input method's composition does not send", async (t) => {
    const chat = await Chat.open(t, browser, server.url);
    await chat.composer.fill("にほん");
    // Safari ends the composition first, and sends the key with the code of an input method after it
    await chat.composer.evaluate((field) => {
      field.dispatchEvent(new CompositionEvent("compositionend", { bubbles: true, data: "日本" }));
      field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", keyCode: 229, bubbles: true, cancelable: true }));
    });
    assert.equal(await chat.composer.inputValue(), "にほん");
    assert.equal(await chat.message("にほん").count(), 0);
    await chat.composer.press("Enter");
    await chat.sees("にほん");
  });
});
