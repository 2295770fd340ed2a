/** A colleague with nothing but a browser, and the built command on the other side. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { launchBrowser } from "../support/browser.ts";
import { ShareProcess } from "../support/command.ts";
import { noise, scratch } from "../support/data.ts";

const data = noise(2_000_000, 1);
let place: ReturnType<typeof scratch>;
let publisher: ShareProcess;
let browser: Browser;

beforeAll(async () => {
  place = scratch();
  const folder = join(place.dir, "holiday");
  mkdirSync(join(folder, "day 1"), { recursive: true });
  writeFileSync(join(folder, "day 1", "señal #1?.bin"), data);
  writeFileSync(join(folder, "read me.txt"), "hello");
  publisher = new ShareProcess([folder, "--bind", "127.0.0.1", "--cache-dir", join(place.dir, "cache")]);
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser?.close();
  await publisher?.stop();
  place?.remove();
});

it("gets from the index to the share, its files and its torrent", async () => {
  const { url, infoHash } = await publisher.event("ready");
  const context = await browser.newContext();
  const requested: string[] = [];
  context.on("request", (request) => requested.push(request.url()));
  const page = await context.newPage();
  await page.goto(new URL("/", String(url)).href);
  await page.getByRole("link", { name: "holiday" }).click();
  await page.waitForURL(String(url));
  expect(await page.getByText(String(infoHash)).count()).toBe(1);

  const file = page.waitForEvent("download");
  await page.getByRole("link", { name: "Open folder day 1" }).click();
  await page.getByRole("link", { name: "señal #1?.bin", exact: false }).first().click();
  const saved = await file;
  expect(saved.suggestedFilename()).toMatch(/^señal #1.\.bin$/);
  expect(readFileSync(await saved.path()).equals(data)).toBe(true);

  const archive = page.waitForEvent("download");
  await page.getByRole("link", { name: "ZIP of everything" }).click();
  const zip = await archive;
  expect(zip.suggestedFilename()).toBe("holiday.zip");
  // Under the names that every system can hold, as `share get` has them.
  const unpacked = join(place.dir, "unpacked");
  execFileSync("unzip", ["-q", await zip.path(), "-d", unpacked], {
    env: { ...process.env, LC_ALL: "C.UTF-8" },
  });
  expect(readFileSync(join(unpacked, "holiday", "day 1", "señal #1_.bin")).equals(data)).toBe(true);
  expect(readFileSync(join(unpacked, "holiday", "read me.txt"), "utf8")).toBe("hello");

  const torrent = page.waitForEvent("download");
  await page.getByRole("link", { name: "Torrent file" }).click();
  const metainfo = readFileSync(await (await torrent).path(), "latin1");
  expect(metainfo).toContain(`${new URL(String(url)).origin}/announce`);
  expect(await page.getByRole("link", { name: "Magnet link" }).getAttribute("href")).toContain(
    String(infoHash),
  );
  const { origin } = new URL(String(url));
  expect(requested.filter((each) => !each.startsWith(`${origin}/`))).toEqual([]);
  await context.close();
});
