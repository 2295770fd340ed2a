/** A share with a password, for somebody with a browser. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { barriers, keepPicture, launchBrowser } from "../support/browser.ts";
import { run } from "../support/child.ts";
import { ShareProcess } from "../support/command.ts";
import { digestTree, noise, scratch } from "../support/data.ts";

const PASSWORD = "snärk: 42";
let place: ReturnType<typeof scratch>;
let publisher: ShareProcess;
let browser: Browser;
let context: BrowserContext | undefined;
let url: string;

beforeAll(async () => {
  place = scratch();
  const folder = join(place.dir, "secrets");
  mkdirSync(join(folder, "sub"), { recursive: true });
  writeFileSync(join(folder, "plan.bin"), noise(500_000, 1));
  writeFileSync(join(folder, "sub", "note.txt"), "not for everybody");
  const flags = ["--bind", "127.0.0.1", "--cache-dir", join(place.dir, "cache")];
  publisher = new ShareProcess([folder, ...flags], { env: { BOOJUM_PASSWORD: PASSWORD } });
  browser = await launchBrowser();
  url = String((await publisher.event("ready"))["url"]);
});
afterAll(async () => {
  await browser?.close();
  await publisher?.stop();
  place?.remove();
});
afterEach(async () => {
  await context?.close();
});

/** `password`: what somebody types into the browser's own dialog. */
async function visit(password: string): Promise<Page> {
  context = await browser.newContext({ httpCredentials: { username: "", password } });
  const page = await context.newPage();
  await page.goto(url);
  return page;
}

it("says to who gives a wrong one that it is wrong, and no name", async () => {
  const page = await visit("snark");
  expect(await page.getByRole("heading").textContent()).toBe("Password needed");
  expect(await page.content()).not.toMatch(/secrets|plan\.bin/);
  expect(await page.getByText("That is not the password.").count()).toBe(1);
  await keepPicture(page, "password wrong");
  expect(await barriers(page)).toEqual([]);
});

it("gives everything to who has logged in: page, live events, previews, a file, a selection, the ZIP", async () => {
  const page = await visit(PASSWORD);
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  expect(await page.getByText("It asks for the password.").count()).toBe(1);
  await page.getByRole("link", { name: "Open folder sub" }).click();
  await page.getByRole("link", { name: "note.txt", exact: true }).click();
  await page.getByText("not for everybody").waitFor();

  const file = page.waitForEvent("download");
  await page.getByRole("link", { name: "Download plan.bin" }).click();
  expect(readFileSync(await (await file).path()).equals(noise(500_000, 1))).toBe(true);
  await page.getByLabel("Select sub", { exact: true }).check();
  const selection = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download ZIP" }).click();
  expect((await selection).suggestedFilename()).toBe("sub.zip");
  const archive = page.waitForEvent("download");
  await page.getByRole("link", { name: "ZIP of everything" }).click();
  const unpacked = join(place.dir, "unpacked");
  await run("unzip", ["-q", await (await archive).path(), "-d", unpacked]);
  expect(await digestTree(join(unpacked, "secrets"))).toEqual(await digestTree(join(place.dir, "secrets")));

  // The command that the page shows, as somebody runs it whom it asks.
  const command = (await page.locator("#get code").first().textContent())?.split(" ") ?? [];
  expect(command).toEqual(["share", "get", url]);
  const out = join(place.dir, "out");
  mkdirSync(out);
  const receiver = new ShareProcess([...command.slice(1), "-o", out], { env: { BOOJUM_PASSWORD: PASSWORD } });
  await receiver.succeed();
  await expect
    .poll(() => page.locator(".verdict").textContent(), { timeout: 10_000 })
    .toBe("Everyone has it: safe to stop");
  expect(complaints).toEqual([]);
});
