/** The page of a real publisher, while real receivers get what it shares. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { barriers, keepPicture, launchBrowser } from "../support/browser.ts";
import { ShareProcess } from "../support/command.ts";
import { digestTree, noise, scratch } from "../support/data.ts";

let place: ReturnType<typeof scratch>;
let publisher: ShareProcess;
let browser: Browser;
let page: Page;
const receivers: ShareProcess[] = [];
const requested: string[] = [];
const complaints: string[] = [];
let url: string;

beforeAll(async () => {
  place = scratch();
  const folder = join(place.dir, "holiday");
  mkdirSync(join(folder, "day 1"), { recursive: true });
  writeFileSync(join(folder, "day 1", "film.mp4"), noise(6_000_000, 1));
  writeFileSync(join(folder, "it's [1].txt"), "hello");
  writeFileSync(join(folder, "other.txt"), "not asked for");
  publisher = new ShareProcess([
    folder,
    "--bind",
    "127.0.0.1",
    // None of those that other publishers look for, or that connections are made from: it must be free later.
    "--port",
    String(10_000 + (process.pid % 20_000)),
    // Slow enough to be looked at.
    "--limit-up",
    "700KB",
    "--cache-dir",
    join(place.dir, "cache"),
  ]);
  browser = await launchBrowser();
  url = String((await publisher.event("ready"))["url"]);
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  context.on("request", (request) => requested.push(request.url()));
  page = await context.newPage();
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
});
afterAll(async () => {
  await browser?.close();
  for (const receiver of receivers) await receiver.stop();
  await publisher?.stop();
  place?.remove();
});

const verdict = () => page.locator(".verdict").textContent();

function receive(name: string, ...args: string[]): ShareProcess {
  const out = join(place.dir, name);
  mkdirSync(out, { recursive: true });
  const receiver = new ShareProcess(["get", url, "-o", out, ...args]);
  receivers.push(receiver);
  return receiver;
}

it("shows receivers as they come, get on and finish, one row each, and when it is safe to stop", async () => {
  await page.goto(url);
  expect(await verdict()).toBe("Nobody has asked for it yet");
  const stays = receive("a", "--seed");
  const leaves = receive("b");
  await expect.poll(verdict, { timeout: 10_000 }).toBe("0 of 2 complete");
  const progress = page.locator(".people progress").first();
  await expect
    .poll(async () => Number(await progress.getAttribute("value")), { timeout: 10_000 })
    .toBeGreaterThan(10);
  await expect.poll(() => page.locator(".people li").count()).toBe(2);
  await expect
    .poll(() => page.locator(".people li").first().textContent())
    .toMatch(/^Boojum \S+ 127\.0\.0\.1.*B\/s/);
  await expect.poll(() => page.locator("figcaption").textContent()).toMatch(/B\/s from here/);
  await keepPicture(page, "live swarm");
  expect(await barriers(page)).toEqual([]);
  await stays.event("done");
  await leaves.event("done");
  await leaves.exited;
  await expect.poll(verdict, { timeout: 10_000 }).toBe("Everyone has it: safe to stop");
  await expect
    .poll(async () => (await page.locator(".people li .how").allTextContents()).sort())
    .toEqual(["Complete", "Complete, left"]);
  await keepPicture(page, "everyone has it");
  expect(await barriers(page)).toEqual([]);
  await page.goto(new URL("/", url).href);
  expect(await page.locator(".note").textContent()).toContain("Everyone has it: safe to stop");
  expect(complaints).toEqual([]);
  expect(requested.filter((each) => !each.startsWith(`${new URL(url).origin}/`))).toEqual([]);
});

it("gives the command for a selection, whatever the names are", async () => {
  await page.goto(url);
  await page.getByLabel("Select it's [1].txt").check();
  const copied: string[] = [];
  await page.exposeFunction("note", (text: string) => copied.push(text));
  await page.evaluate("document.addEventListener('copy', () => note(document.activeElement.value))");
  await page
    .getByRole("region", { name: "Selected files" })
    .getByRole("button", { name: "Copy command" })
    .click();
  await expect.poll(() => copied.length).toBe(1);
  expect(copied[0]).toBe(`share get ${url} --select './it'\\''s \\[1\\].txt'`);
  const receiver = receive("c", "--select", "./it's \\[1\\].txt");
  await receiver.event("done");
  expect([...(await digestTree(join(place.dir, "c", "holiday"))).keys()]).toEqual(["it's [1].txt"]);
});

it("says when the publisher is gone, and goes on when it is back", async () => {
  await page.goto(url);
  const notice = page.getByText("Connection lost.");
  expect(await notice.isVisible()).toBe(false);
  await publisher.stop();
  await expect.poll(() => notice.isVisible(), { timeout: 10_000 }).toBe(true);
  await keepPicture(page, "connection lost");
  expect(await barriers(page)).toEqual([]);
  publisher = new ShareProcess([
    join(place.dir, "holiday"),
    "--bind",
    "127.0.0.1",
    "--cache-dir",
    join(place.dir, "cache"),
  ]);
  expect((await publisher.event("ready"))["url"]).toBe(url);
  await expect.poll(() => notice.isVisible(), { timeout: 20_000 }).toBe(false);
  await expect.poll(verdict).toMatch(/Nobody|complete|Everyone/);
});
