/** A film in the page of a real publisher, and from a download under way: Debian's Chromium plays it, and seeks in it. */
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { barriers, keepPicture, launchBrowser } from "../support/browser.ts";
import { ShareProcess } from "../support/command.ts";
import { scratch } from "../support/data.ts";
import { film, frameOf } from "../support/webm.ts";

const SIZE = { width: 320, height: 180 } as const;
/** Of a minute each, in this order. */
const COLOURS = [
  "#d01010",
  "#10a010",
  "#1010d0",
  "#d0a010",
  "#10a0d0",
  "#a010d0",
  "#707070",
  "#f0f0f0",
] as const;
const SECONDS = 60 * COLOURS.length;

let place: ReturnType<typeof scratch>;
let publisher: ShareProcess;
let browser: Browser;

beforeAll(async () => {
  place = scratch();
  browser = await launchBrowser();
  const folder = join(place.dir, "films");
  mkdirSync(folder);
  writeFileSync(join(folder, "eight minutes.webm"), await makeFilm());
  publisher = new ShareProcess([folder, "--bind", "127.0.0.1", "--cache-dir", join(place.dir, "cache")]);
});
afterAll(async () => {
  await browser?.close();
  await publisher?.stop();
  place?.remove();
});

/** Coloured noise, so that a second has some weight. */
async function makeFilm(): Promise<Uint8Array> {
  const page = await browser.newPage();
  const pictures = (await page.evaluate(`(() => {
    const canvas = document.createElement("canvas");
    canvas.width = ${SIZE.width};
    canvas.height = ${SIZE.height};
    const pen = canvas.getContext("2d", { alpha: false });
    return ${JSON.stringify(COLOURS)}.map((colour) => {
      pen.fillStyle = colour;
      pen.fillRect(0, 0, canvas.width, canvas.height);
      for (let i = 0; i < 4000; i++) {
        pen.fillStyle = i % 2 ? "#0005" : "#fff5";
        pen.fillRect((i * 7919) % canvas.width, (i * 104729) % canvas.height, 2, 2);
      }
      return canvas.toDataURL("image/webp", 0.95).split(",")[1];
    });
  })()`)) as string[];
  await page.close();
  const frames = pictures.map((picture) => frameOf(Buffer.from(picture, "base64")));
  return film({
    ...SIZE,
    frames: Array.from({ length: SECONDS }, (_, i) => frames[Math.floor(i / 60)] ?? new Uint8Array(0)),
  });
}

/** The colour in the middle of the picture, after a seek: which of ours it is nearest to. */
async function colourAt(page: Page, second: number): Promise<unknown> {
  return await page.evaluate(`new Promise((resolve) => {
    const video = document.querySelector("video");
    video.onseeked = () => {
      const canvas = document.createElement("canvas");
      canvas.width = canvas.height = 1;
      const pen = canvas.getContext("2d");
      pen.drawImage(video, 0, 0, 1, 1);
      const seen = [...pen.getImageData(0, 0, 1, 1).data];
      const distance = (colour) => [1, 3, 5].reduce((sum, at, i) => sum + Math.abs(parseInt(colour.slice(at, at + 2), 16) - seen[i]), 0);
      resolve(${JSON.stringify(COLOURS)}.toSorted((a, b) => distance(a) - distance(b))[0]);
    };
    video.currentTime = ${second};
  })`);
}

it("shows the very second that is asked for, and fetches nothing that lies between", async () => {
  const url = String((await publisher.event("ready"))["url"]);
  const { size } = statSync(join(place.dir, "films", "eight minutes.webm"));
  expect(size).toBeGreaterThan(5_000_000);
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  const starts: number[] = [];
  page.on("response", (response) => {
    const start = /^bytes (\d+)-/.exec(response.headers()["content-range"] ?? "")?.[1];
    if (response.status() === 206 && response.url().endsWith(".webm")) starts.push(Number(start));
  });
  await page.goto(url);
  await page.getByRole("link", { name: "eight minutes.webm", exact: true }).click();
  await expect.poll(() => page.evaluate("document.querySelector('video')?.duration")).toBeCloseTo(SECONDS, 0);
  expect(await page.evaluate("document.querySelector('video').videoWidth")).toBe(SIZE.width);

  // To the end first: what lies between can't be there by chance.
  for (const second of [455.5, 30.5, 275.5, 130.5]) {
    expect(await colourAt(page, second), `second ${second}`).toBe(COLOURS[Math.floor(second / 60)]);
  }
  expect(Math.max(...starts)).toBeGreaterThan(0.9 * size);
  await page.locator("#preview").scrollIntoViewIfNeeded();
  await keepPicture(page, "a film");
  expect(await barriers(page)).toEqual([]);
  expect(complaints).toEqual([]);
});

it("plays and seeks in a download that has only begun: share get --stream", async () => {
  const film = join(place.dir, "films", "eight minutes.webm");
  const { size } = statSync(film);
  const here = ["--bind", "127.0.0.1", "--cache-dir", join(place.dir, "other cache")];
  const slow = new ShareProcess([film, ...here, "--limit-up", "600KB/s"]);
  const url = String((await slow.event("ready"))["url"]);
  const getting = new ShareProcess(["get", url, "--stream", "--no-lan", "-o", join(place.dir, "out")]);
  try {
    const { url: player } = await getting.event("streaming");
    const page = await browser.newPage();
    await page.goto(String(player), { waitUntil: "commit" });
    await expect
      .poll(() => page.evaluate("document.querySelector('video')?.duration"), { timeout: 40_000 })
      .toBeCloseTo(SECONDS, 0);
    expect(await colourAt(page, 455.5)).toBe(COLOURS[7]);
    // What lies between can't be there yet.
    expect(Number(getting.lastEvent("progress")?.["bytesDone"])).toBeLessThan(0.8 * size);
    for (const second of [30.5, 275.5]) {
      expect(await colourAt(page, second), `second ${second}`).toBe(COLOURS[Math.floor(second / 60)]);
    }
    await page.close();
    expect(await getting.stop("SIGINT")).toBe(130);
  } finally {
    await getting.stop("SIGKILL");
    await slow.stop("SIGKILL");
  }
});
