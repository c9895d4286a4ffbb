// Moderation by an operator, as users see it.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { startBrowser } from "./harness/browser.mjs";
import { Chat } from "./harness/chat.mjs";
import { startServer } from "./harness/server.mjs";
import { suite } from "./harness/suite.mjs";

describe("moderation", () => {
  const whole = suite();

  test("message deletion, mute and ban by the operator are shown to the users", async (t) => {
    const browser = await startBrowser(whole);
    const server = await startServer(t);
    const one = await Chat.open(t, browser, server.url);
    const two = await Chat.open(t, browser, server.url);
    await one.say("iklan pertama");
    await two.sees("iklan pertama");
    const log = two.page.getByRole("log");
    await log.getByText("iklan pertama").hover();
    await log.getByRole("button", { name: "Balas" }).last().click();
    await two.say("jangan beriklan");
    await one.sees("jangan beriklan");

    const listed = await server.admin("messages", "lobby");
    const [, number, person] = /^ *(\d+) +(\w+) .*iklan pertama$/m.exec(listed);
    assert.equal(await server.admin("delete", "lobby", number), `message ${number} of lobby deleted\n`);
    for (const { page } of [one, two]) {
      // in place of the message, and in the quote of the reply
      await page.getByRole("log").getByText("Pesan dihapus").nth(1).waitFor();
      assert.equal(await page.getByText("iklan pertama").count(), 0);
    }

    await server.admin("mute", person, "--for", "1h");
    const field = one.page.getByRole("textbox", { name: "Tulis pesan" });
    await field.fill("iklan kedua");
    await field.press("Enter");
    await one.page.getByRole("log").getByText(/Anda dibisukan oleh operator/).waitFor();

    await server.admin("ban", person, "--reason", "iklan");
    await one.page.getByText(/Anda dikeluarkan oleh operator: iklan/).waitFor();
    await one.page.reload();
    await one.page.getByText(/Anda diblokir oleh operator: iklan/).waitFor();
    await server.admin("unban", person);
    await one.page.getByRole("button", { name: "Coba sekarang" }).click();
    await one.ready();
  });
});
