// Chromium, and browser windows that are closed when their test ends.

import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { chromium } from "playwright-core";

export const QUIET = [
  "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];

const screenshots = process.env.PESAN_SCREENSHOTS ?? resolve(import.meta.dirname, "../../../target/screenshots");

/** Starts a browser for all tests of a file: call it in `before` with the context of `suite()`. `args` go to Chromium. */
export async function startBrowser(t, args = []) {
  const browser = await chromium.launch({ executablePath: process.env.CHROME ?? "/usr/bin/chromium", args: [...QUIET, ...args] });
  t.after(() => browser.close());
  return browser;
}

/** Opens a window with its own storage, in Indonesian by default; `problems` collects its errors. */
export async function openWindow(t, browser, url, options = {}) {
  const context = await browser.newContext({ locale: "id-ID", viewport: { width: 1280, height: 800 }, ...options });
  t.after(() => context.close());
  const page = await context.newPage();
  page.problems = [];
  page.on("pageerror", (error) => page.problems.push(String(error)));
  page.on("console", (message) => { if (message.type() === "error") page.problems.push(message.text()); });
  if (url) await page.goto(url);
  return page;
}

/** Saves a screenshot in the folder of `PESAN_SCREENSHOTS`. */
export async function picture(page, name) {
  await mkdir(screenshots, { recursive: true });
  await page.screenshot({ path: join(screenshots, `${name}.png`) });
}
