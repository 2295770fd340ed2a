/** The page of a real publisher in a real browser, while Transmission and two of our own get what it shares. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Browser } from "playwright-core";
import { afterEach, expect, it } from "vitest";
import { keepPicture, launchBrowser } from "../support/browser.ts";
import { ShareProcess } from "../support/command.ts";
import { digestFile, noise } from "../support/data.ts";
import type { RunningPeer } from "../support/peers/peer.ts";
import { transmission } from "../support/peers/transmission.ts";
import { useScratch } from "../support/use-scratch.ts";

const BYTES = 24_000_000;
const place = useScratch();
const ours: ShareProcess[] = [];
let theirs: RunningPeer | undefined;
let browser: Browser | undefined;

// Each, since a second try is a new one.
afterEach(async () => {
  await browser?.close();
  await theirs?.stop("SIGKILL");
  for (const each of ours.splice(0)) await each.stop();
});

function folder(name: string): string {
  const dir = path.join(place.dir, name);
  mkdirSync(dir);
  return dir;
}

function share(...args: string[]): ShareProcess {
  const child = new ShareProcess([...args, "--no-lan"]);
  ours.push(child);
  return child;
}

it("shows who they are, how far, and in the end that everyone has it", async () => {
  const source = path.join(place.dir, "payload.bin");
  writeFileSync(source, noise(BYTES, 5));
  const publisher = share(source, "--bind", "10.99.0.1", "--limit-up", "2MB", "--cache-dir", folder("cache"));
  const url = String((await publisher.event("ready"))["url"]);
  expect(url).toMatch(/^http:\/\/10\.99\.0\.1:/);
  browser = await launchBrowser();
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  await page.goto(url);

  const torrent = path.join(place.dir, "payload.torrent");
  writeFileSync(torrent, new Uint8Array(await (await fetch(`${url}.torrent`)).arrayBuffer()));
  const job = {
    torrent,
    dir: folder("transmission"),
    address: "10.99.0.5",
    port: 7205,
    state: folder("state"),
  };
  const arriving = transmission.get(job);
  const verdict = page.locator(".verdict");
  // It takes its time to start, and ours would be complete before it came.
  await expect.poll(() => verdict.textContent(), { timeout: 60_000 }).toBe("0 of 1 complete");
  const stays = share("get", url, "-o", folder("stays"), "--seed");
  const leaves = share("get", url, "-o", folder("leaves"));

  const rows = page.locator(".people li");
  await expect.poll(() => verdict.textContent(), { timeout: 60_000 }).toBe("0 of 3 complete");
  const names = async () =>
    (await rows.locator(".who bdi").allTextContents()).map((name) => name.split(" ")[0]);
  await expect
    .poll(async () => (await names()).sort(), { timeout: 20_000 })
    .toEqual(["Boojum", "Boojum", "Transmission"]);
  await expect
    .poll(
      () =>
        page.evaluate(
          "Math.min(...[...document.querySelectorAll('.people progress')].map((bar) => bar.value))",
        ),
      {
        timeout: 40_000,
      },
    )
    .toBeGreaterThan(0);
  await keepPicture(page, "live with Transmission");

  theirs = await arriving;
  await stays.event("done");
  await leaves.event("done");
  await leaves.exited;
  await expect.poll(() => verdict.textContent(), { timeout: 30_000 }).toBe("Everyone has it: safe to stop");
  expect((await names()).sort()).toEqual(["Boojum", "Boojum", "Transmission"]);
  await expect
    .poll(async () => (await rows.locator(".how").allTextContents()).sort(), { timeout: 10_000 })
    .toEqual(["Complete", "Complete", "Complete, left"]);
  await keepPicture(page, "everyone has it, Transmission too");
  const digest = await digestFile(source);
  for (const who of ["transmission", "stays", "leaves"]) {
    expect(await digestFile(path.join(place.dir, who, "payload.bin")), who).toBe(digest);
  }
  expect(complaints).toEqual([]);
});
