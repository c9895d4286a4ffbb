// Reading a long conversation: quotes, the newest message, days, the keyboard's focus, print.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { picture, startBrowser } from "./harness/browser.mjs";
import { Chat } from "./harness/chat.mjs";
import { startServer } from "./harness/server.mjs";
import { suite } from "./harness/suite.mjs";
import { until } from "./harness/wait.mjs";

describe("a long conversation", () => {
  const whole = suite();
  let browser, server, writer;
  before(async () => {
    browser = await startBrowser(whole);
    server = await startServer(whole, { args: ["--rate", "1000", "--burst", "1000"] });
    writer = await Chat.open(whole, browser, server.url);
    for (let number = 1; number <= 200; number += 1) await writer.say(`baris ${number}.`);
    await writer.sees("baris 200.");
  });

  const scrolledUp = async (chat) => {
    await chat.log.hover();
    await chat.page.mouse.wheel(0, -1500);
    await chat.page.getByRole("button", { name: "Ke pesan terbaru" }).waitFor();
  };

  test("own message sent from further up is brought into view", async (t) => {
    const chat = await Chat.open(t, browser, server.url);
    await chat.sees("baris 200.");
    await scrolledUp(chat);
    await chat.say("saya di bawah");
    await until("the own message on screen", () => chat.message("saya di bawah").isVisible());
    await chat.page.getByRole("button", { name: "Ke pesan terbaru" }).waitFor({ state: "detached" });
  });

  test("key End goes to the newest message, from the list and from a row", async (t) => {
    const chat = await Chat.open(t, browser, server.url);
    await chat.sees("baris 200.");
    for (const focus of [() => chat.log.focus(), async () => { await chat.page.getByRole("article").first().focus(); }]) {
      await scrolledUp(chat);
      // Older messages may still arrive and move the rows, and with them the focus.
      await until("the newest message", async () => {
        await focus();
        await chat.page.keyboard.press("End");
        return (await chat.page.getByRole("button", { name: "Ke pesan terbaru" }).count()) === 0;
      });
    }
  });

  test("quote of a message not loaded is fetched, shown in its place, and left again", async (t) => {
    const asking = await Chat.open(t, browser, server.url);
    await asking.sees("baris 200.");
    await asking.log.hover();
    await until("an early line", async () => {
      await asking.page.mouse.wheel(0, -600);
      return (await asking.message("baris 20.").count()) > 0;
    }, 60_000);
    const row = asking.page.getByRole("article").filter({ has: asking.page.getByText("baris 20.", { exact: true }) });
    await row.focus();
    await asking.page.keyboard.press("r");
    await asking.say("tentang yang dulu");
    await asking.sees("tentang yang dulu");
    const chat = await Chat.open(t, browser, server.url);
    await chat.sees("tentang yang dulu");
    await chat.page.getByRole("button", { name: /^Menjawab/ }).click();
    await chat.message("baris 20.").waitFor();
    await until("the quoted message on screen", () => chat.message("baris 20.").isVisible());
    await chat.message("baris 30.").waitFor();
    assert.equal(await chat.message("tentang yang dulu").count(), 0, "the newest ones are not beside it");
    await picture(chat.page, "quote-of-old-message");
    const toNewest = chat.page.getByRole("button", { name: "Ke pesan terbaru" });
    // further down it goes on where the newest messages begin
    await chat.log.hover();
    await until("the newest message, by scrolling", async () => {
      await chat.page.mouse.wheel(0, 600);
      return (await toNewest.count()) === 0;
    }, 60_000);
    await chat.message("tentang yang dulu").waitFor();
    await chat.page.getByRole("button", { name: /^Menjawab/ }).click();
    await chat.message("baris 20.").waitFor();
    await toNewest.click();
    await chat.message("tentang yang dulu").waitFor();
    assert.deepEqual(chat.problems, []);
  });

  test("focus ring is seen on every row", async (t) => {
    const chat = await Chat.open(t, browser, server.url);
    await chat.say("milik sendiri");
    await chat.sees("milik sendiri");
    await chat.log.focus();
    await chat.page.keyboard.press("ArrowUp");
    for (let step = 0; step < 3; step += 1) {
      const ring = await chat.page.evaluate(() => {
        const row = document.activeElement;
        const drawn = [...row.children].at(-1);
        const { outlineStyle, outlineWidth } = getComputedStyle(drawn);
        return { row: row.className, outlineStyle, outlineWidth };
      });
      assert.equal(ring.outlineStyle, "solid", JSON.stringify(ring));
      assert.equal(ring.outlineWidth, "2px");
      await chat.page.keyboard.press("ArrowUp");
    }
    await picture(chat.page, "focused-row");
  });

  test("print shows the whole loaded conversation without bars", async (t) => {
    const chat = await Chat.open(t, browser, server.url);
    await chat.sees("baris 200.");
    await scrolledUp(chat);
    await chat.log.hover();
    await until("more is loaded than drawn", async () => {
      await chat.page.mouse.wheel(0, -800);
      return (await chat.message("baris 120.").count()) > 0;
    }, 60_000);
    await chat.page.evaluate(() => dispatchEvent(new Event("beforeprint")));
    await chat.page.emulateMedia({ media: "print" });
    for (const number of [120, 150, 200]) await chat.message(`baris ${number}.`).waitFor();
    assert.equal(await chat.composer.isVisible(), false);
    assert.equal(await chat.page.getByRole("navigation").isVisible(), false);
    const heights = await chat.log.evaluate((log) => [log.scrollHeight, log.clientHeight]);
    assert.equal(heights[0], heights[1], "nothing is cut off");
    await chat.page.emulateMedia({ media: null });
    await chat.page.evaluate(() => dispatchEvent(new Event("afterprint")));
    await until("only what is near the screen is drawn again", async () => (await chat.page.getByRole("article").count()) < 120);
  });

  test("200 % zoom and forced colours leave everything usable", async (t) => {
    const chat = await Chat.open(t, browser, server.url, { viewport: { width: 640, height: 400 }, forcedColors: "active" });
    await chat.say("diperbesar");
    await chat.sees("diperbesar");
    const wider = await chat.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wider <= 0, `${wider} px wider than the window`);
    assert.ok(await chat.button.isVisible() && await chat.message("diperbesar").isVisible());
    const edge = await chat.page.getByRole("article").last().evaluate((row) => {
      const style = getComputedStyle(row.querySelector(".line"));
      return [style.borderInlineStartColor, style.backgroundColor];
    });
    assert.notEqual(edge[0], edge[1], "own messages have an edge");
    await picture(chat.page, "forced-colours-200-percent");
  });

  test("midnight of the server's clock begins a new day at once", async (t) => {
    const own = await startServer(t);
    const first = await Chat.open(t, browser, own.url);
    await first.say("hari ini saja");
    await first.sees("hari ini saja");
    // this device is three days behind; the server is not
    const page = await (await browser.newContext({ locale: "id-ID", timezoneId: "Asia/Jakarta" })).newPage();
    t.after(() => page.context().close());
    await page.clock.install({ time: Date.now() - 3 * 86_400_000 });
    await page.goto(own.url);
    const chat = new Chat(page);
    await chat.ready();
    await chat.sees("hari ini saja");
    await page.getByText("Hari ini", { exact: true }).waitFor();
    // until the server's next midnight in Jakarta
    const untilMidnight = 86_400_000 - ((Date.now() + 7 * 3_600_000) % 86_400_000);
    await page.clock.fastForward(untilMidnight + 1000);
    await page.getByText("Kemarin", { exact: true }).waitFor();
  });
});
