import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createWeb } from "../../src/httpd/app.ts";
import { type Listener, listen } from "../../src/platform/listener.ts";
import { barriers, keepPicture, launchBrowser } from "../support/browser.ts";
import { catalog, share, sharedFile } from "../support/catalog.ts";

const ATTACK = "document.documentElement.dataset.hit='1';fetch('/stolen');";
const HTML = `<!doctype html><title>quiet</title><p>hello</p><script>${ATTACK}</script><img src=x onerror="${ATTACK}">
<iframe srcdoc="<script>parent.${ATTACK}</script>"></iframe><form action="/stolen" method="post"><button>go</button></form>`;
const SVG = `<svg xmlns="http://www.w3.org/2000/svg" onload="${ATTACK}"><script>${ATTACK}</script><circle r="9"/></svg>`;
const XHTML = `<html xmlns="http://www.w3.org/1999/xhtml"><body onload="${ATTACK}"><script>${ATTACK}</script></body></html>`;
const EVIL_NAME = `<img src=x onerror=${ATTACK.replaceAll("/", "")}>.bin`;

/** Silence, 8 bits, 8 kHz. */
function wav(seconds: number): Uint8Array {
  const rate = 8_000;
  const sound = Buffer.alloc(44 + rate * seconds, 128);
  sound.write("RIFF", 0, "latin1");
  sound.writeUInt32LE(sound.length - 8, 4);
  sound.write("WAVEfmt ", 8, "latin1");
  for (const [at, value] of [
    [16, 16],
    [24, rate],
    [28, rate],
    [40, rate * seconds],
  ] as const)
    sound.writeUInt32LE(value, at);
  for (const [at, value] of [
    [20, 1],
    [22, 1],
    [32, 1],
    [34, 8],
  ] as const)
    sound.writeUInt16LE(value, at);
  sound.write("data", 36, "latin1");
  return sound;
}

const sizes = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 900 } } as const;

let root: string;
let listener: Listener;
let browser: Browser;
let base: string;
let context: BrowserContext | undefined;
let requested: string[] = [];
let complaints: string[] = [];
const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7919) & 0xff));

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "boojum-page-"));
  const files = [
    sharedFile(root, [EVIL_NAME], bytes),
    sharedFile(root, ["page.html"], HTML),
    sharedFile(root, ["pic.svg"], SVG),
    sharedFile(root, ["doc.xhtml"], XHTML),
    sharedFile(root, ["sub dir", "notes.txt"], "plain"),
    sharedFile(root, ["a".repeat(200)], "long"),
    sharedFile(root, ["sub dir", "deep", "tone.wav"], wav(1_200)),
    sharedFile(root, ["letter.txt"], `Dear <b>reader</b>,\nñ ${"x".repeat(200_000)}`),
    sharedFile(root, ["drawing.svg"], '<svg xmlns="http://www.w3.org/2000/svg" width="90" height="60"/>'),
  ];
  const plain = sharedFile(root, ["plain.bin"], bytes);
  const many = Array.from({ length: 20_000 }, (_, i) => ({
    ...plain,
    path: [`folder ${i % 3}`, `${i}.txt`],
  }));
  const shares = catalog(
    share({ files }),
    share({ id: "many", name: "many files", files: many }),
    share({
      id: "hashing",
      name: "in the making",
      files,
      state: { name: "hashing", bytesDone: 3, bytesTotal: 10 },
    }),
    share({ id: "empty", name: "nothing yet", files: [] }),
    share({ id: "one", name: "single.bin", oneFile: true, files: [{ ...plain, path: ["single.bin"] }] }),
    share({ id: "failed", name: "broken", files, state: { name: "failed", message: "It changed." } }),
  );
  listener = await listen(
    { port: 0, bind: ["127.0.0.1"] },
    { request: createWeb({ catalog: shares, version: "1.2.3", hostNames: () => [] }) },
  );
  base = `http://127.0.0.1:${listener.port}`;
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser?.close();
  await listener?.close();
  rmSync(root, { recursive: true, force: true });
});
afterEach(async () => {
  await context?.close();
});

async function open(path: string, options: Parameters<Browser["newContext"]>[0] = {}): Promise<Page> {
  requested = [];
  complaints = [];
  context = await browser.newContext({ viewport: sizes.desktop, ...options });
  context.on("request", (request) => requested.push(request.url()));
  const page = await context.newPage();
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  await page.goto(base + path);
  return page;
}

/** `unzip` finds these files of the share in the archive, as they are on disk, and no others. */
function expectZip(archive: string, names: readonly string[]): void {
  const to = mkdtempSync(join(root, "unpacked-"));
  execFileSync("unzip", ["-q", archive, "-d", to]);
  const found = readdirSync(join(to, "folder"), { recursive: true, withFileTypes: true });
  const paths = found.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name));
  expect(paths.map((path) => relative(join(to, "folder"), path)).sort()).toEqual(names);
  for (const name of names) {
    expect(readFileSync(join(to, "folder", name)).equals(readFileSync(join(root, name))), name).toBe(true);
  }
}

describe("the pages", () => {
  for (const [device, viewport] of Object.entries(sizes)) {
    for (const colorScheme of ["light", "dark"] as const) {
      it(`fit a ${device} in ${colorScheme} colours, shut nobody out, complain about nothing and load nothing from elsewhere`, async () => {
        for (const path of [
          "/",
          "/s/k3f9x2",
          "/s/k3f9x2?open=sub+dir&show=letter.txt",
          "/s/k3f9x2?show=drawing.svg",
          "/s/k3f9x2?q=nothing+like+it",
          "/s/many?open=folder+1&page=2",
          "/s/one",
          "/s/empty",
          "/s/hashing",
          "/s/failed",
          "/s/none",
        ]) {
          const page = await open(path, { viewport, colorScheme });
          await keepPicture(page, `${device} ${colorScheme} ${path}`);
          // Colours are the same on a phone, and a long list is a short one many times.
          if (device === "desktop" && !path.includes("many")) expect(await barriers(page), path).toEqual([]);
          const [overflow, background] = (await page.evaluate(
            "[document.documentElement.scrollWidth - innerWidth, getComputedStyle(document.body).backgroundColor]",
          )) as [number, string];
          expect(overflow).toBeLessThanOrEqual(0);
          const [red = 0] = background.match(/\d+/g)?.map(Number) ?? [];
          expect(red > 127 ? "light" : "dark").toBe(colorScheme);
          // The browser itself notes a 404 page as failed to load.
          expect(complaints.filter((text) => !text.includes("status of 404"))).toEqual([]);
          expect(requested.filter((url) => !url.startsWith(`${base}/`))).toEqual([]);
          await context?.close();
        }
      });
    }
  }

  it("can be used by touch and keyboard: targets are large, focus is visible, order is natural", async () => {
    const page = await open("/s/k3f9x2", { viewport: sizes.phone });
    const small = await page.evaluate(
      "[...document.querySelectorAll('.button, button:not([hidden]), a.save, a.fold, a.name')].filter((e) => e.offsetParent).filter((e) => e.getBoundingClientRect().height < 44).length",
    );
    expect(small).toBe(0);
    await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement.className")).toBe("skip");
    await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement.className")).toBe("brand");
    expect(await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")).toBe("solid");
  });

  it("work without JavaScript: folders, order, search and previews are links, and no button does nothing", async () => {
    const page = await open("/s/k3f9x2", { javaScriptEnabled: false });
    expect(await page.locator(".files .name").count()).toBe(8);
    expect(await page.locator("button:visible").allTextContents()).toEqual([
      "Search",
      "ZIP of the ticked files",
    ]);
    await page.getByRole("link", { name: "Open folder sub dir" }).click();
    await page.getByRole("link", { name: "Open folder deep" }).click();
    await expect.poll(() => page.getByText("tone.wav").count()).toBe(1);
    await page.getByRole("link", { name: "Size" }).click();
    await expect.poll(() => page.locator(".files .name bdi").first().textContent()).toBe("sub dir");
    await page.getByRole("searchbox").fill("LETTER");
    await page.keyboard.press("Enter");
    await page.getByRole("link", { name: "letter.txt", exact: true }).click();
    expect(await page.locator("pre").textContent()).toMatch(/^Dear <b>reader<\/b>,\nñ x+$/);
    await page.getByRole("link", { name: "Boojum" }).click();
    await expect.poll(() => page.getByRole("link", { name: "folder", exact: true }).count()).toBe(1);
  });

  it("copy the command and the magnet link", async () => {
    const page = await open("/s/k3f9x2");
    const copied: string[] = [];
    await page.exposeFunction("note", (text: string) => copied.push(text));
    await page.evaluate("document.addEventListener('copy', () => note(document.activeElement.value))");
    await page.getByRole("button", { name: "Copy command" }).click();
    await expect.poll(() => page.locator(".copied:visible").allTextContents()).toEqual(["Copied"]);
    await page.getByRole("button", { name: "Copy magnet link" }).click();
    await expect.poll(() => copied.length).toBe(2);
    expect(copied).toEqual([`share get ${base}/s/k3f9x2`, expect.stringMatching(/^magnet:\?xt=urn:btih:/)]);
    expect(complaints).toEqual([]);
  });

  it("carry 20,000 files in less than 60 kB but for the rows, and quickly", async () => {
    const page = await open("/s/many?in=folder+0");
    expect(await page.locator(".files li").count()).toBe(200);
    const html = await (
      await fetch(`${base}/s/many?in=folder+0`, { headers: { accept: "text/html" } })
    ).text();
    const frame = html.replace(/<ul class="files">.*<\/ul>/s, "").length;
    expect(frame).toBeLessThan(60_000);
    expect(html.length - frame).toBeGreaterThan(50_000);
    const start = performance.now();
    await page.getByRole("link", { name: "Next" }).click();
    await page.getByText("201 to 400 of 6,667").waitFor();
    await page.getByRole("searchbox").fill("19999");
    await page.getByText("1 file found.").waitFor();
    expect(performance.now() - start).toBeLessThan(3_000);
    expect(await page.locator(".files li").count()).toBe(1);
    // The list went on without loading the page anew, and the way back is still there.
    expect(requested.filter((url) => url.endsWith("/events")).length).toBe(1);
    expect(new URL(page.url()).searchParams.get("q")).toBe("19999");
    await page.goBack();
    await expect.poll(() => page.locator(".files li").count()).toBe(200);
    expect(complaints).toEqual([]);
  });

  it("show how far the torrent is, and go on by themselves without scripts, too", async () => {
    const page = await open("/s/hashing", { javaScriptEnabled: false });
    expect(await page.locator("progress").first().getAttribute("value")).toBe("30");
    await page.waitForEvent("framenavigated", { timeout: 10_000 });
    expect(page.url()).toBe(`${base}/s/hashing`);
  });
});

describe("a preview", () => {
  it("shows a text as text, a picture as picture, and closes with Escape", async () => {
    const page = await open("/s/k3f9x2");
    await page.getByRole("link", { name: "letter.txt", exact: true }).click();
    await page.locator("pre").waitFor();
    expect(await page.locator("pre b").count()).toBe(0);
    expect(await page.evaluate("document.activeElement.id")).toBe("preview-title");
    await page.getByRole("link", { name: "drawing.svg", exact: true }).click();
    await expect.poll(() => page.evaluate("document.querySelector('.stage img')?.naturalWidth")).toBe(90);
    await page.keyboard.press("Escape");
    await expect.poll(() => page.locator("#preview").count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  it("seeks in a sound by asking for a range", async () => {
    const page = await open("/s/k3f9x2");
    const ranges: string[] = [];
    page.on("request", (request) => {
      const { range } = request.headers();
      if (request.url().endsWith(".wav")) ranges.push(range ?? "none");
    });
    const partial: number[] = [];
    page.on("response", (response) => {
      if (response.url().endsWith(".wav") && response.status() === 206) partial.push(response.status());
    });
    await page.goto(`${base}/s/k3f9x2?show=sub+dir/deep/tone.wav`);
    await expect.poll(() => page.evaluate("document.querySelector('audio').duration")).toBeCloseTo(1_200, 1);
    const reached = await page.evaluate(`new Promise((resolve) => {
      const audio = document.querySelector("audio");
      audio.onseeked = () => resolve(audio.currentTime);
      audio.currentTime = 1000;
    })`);
    expect(reached).toBeCloseTo(1_000, 1);
    // It did not read the eight million bytes before.
    expect(ranges.some((range) => Number(/^bytes=(\d+)-/.exec(range)?.[1]) > 7_000_000)).toBe(true);
    expect(partial.length).toBeGreaterThan(0);
    expect(complaints).toEqual([]);
  });

  it("keeps a shared page in a sandbox", async () => {
    const page = await open("/s/k3f9x2?show=page.html");
    const frame = page.frameLocator(".stage iframe");
    await frame.getByText("hello").waitFor();
    await page.waitForTimeout(200);
    expect(requested.filter((url) => url.includes("stolen"))).toEqual([]);
    expect(await page.evaluate("document.documentElement.dataset.hit")).toBeUndefined();
    expect(await page.evaluate("document.querySelector('iframe').contentDocument")).toBeNull();
  });
});

describe("what is shared", () => {
  it("is saved byte for byte, also under a name that is markup", async () => {
    const page = await open("/s/k3f9x2");
    expect(await page.evaluate("document.images.length")).toBe(0);
    for (const start of [
      () => page.getByLabel(`Download ${EVIL_NAME}`).click(),
      () => page.locator(".files .name", { hasText: ".bin" }).click(),
    ]) {
      const download = page.waitForEvent("download");
      await start();
      expect(readFileSync(await (await download).path()).equals(bytes)).toBe(true);
    }
    expect(await page.evaluate("document.documentElement.dataset.hit")).toBeUndefined();
  });

  it("is saved in a selection, folders with all that is in them", async () => {
    const page = await open("/s/k3f9x2");
    await page.getByLabel("Select sub dir").check();
    await page.getByLabel("Select letter.txt").check();
    await page.getByText("3 files, 9.8 MB").waitFor();
    // What was chosen stays so on another view of the list.
    await page.getByRole("searchbox").fill("drawing");
    await page.getByText("1 file found.").waitFor();
    await page.getByLabel("Select drawing.svg").check();
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Download ZIP" }).click();
    expect((await download).suggestedFilename()).toBe("folder selection.zip");
    expectZip(await (await download).path(), [
      "drawing.svg",
      "letter.txt",
      "sub dir/deep/tone.wav",
      "sub dir/notes.txt",
    ]);
    await page.getByRole("button", { name: "Clear" }).click();
    expect(await page.locator("#selection").isVisible()).toBe(false);
    // One file alone needs no wrapping.
    await page.getByLabel("Select drawing.svg").check();
    const file = page.waitForEvent("download");
    await page.getByRole("button", { name: "Download", exact: true }).click();
    expect((await file).suggestedFilename()).toBe("drawing.svg");
    expect(complaints).toEqual([]);
  });

  it("is saved in a selection without JavaScript, too, and nothing ticked is not everything", async () => {
    const page = await open("/s/k3f9x2?open=sub+dir", { javaScriptEnabled: false });
    await page.getByLabel("Select notes.txt").check();
    await page.getByLabel("Select pic.svg").check();
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "ZIP of the ticked files" }).click();
    expectZip(await (await download).path(), ["pic.svg", "sub dir/notes.txt"]);
    await page.goto(`${base}/s/k3f9x2`);
    await page.getByRole("button", { name: "ZIP of the ticked files" }).click();
    await page.getByText("Nothing is selected.").waitFor();
  });

  it("is offered with one button when it is one file", async () => {
    const page = await open("/s/one");
    const download = page.waitForEvent("download");
    await page.getByRole("link", { name: /^Download, / }).click();
    const saved = await download;
    expect(saved.suggestedFilename()).toBe("single.bin");
    expect(readFileSync(await saved.path()).equals(bytes)).toBe(true);
  });

  it.each(["page.html", "pic.svg", "doc.xhtml"])("can't script our origin: %s", async (name) => {
    const page = await open(`/s/k3f9x2/files/${name}`);
    await page.waitForTimeout(200);
    expect(requested.filter((url) => url.includes("stolen"))).toEqual([]);
    // Playwright's own evaluation is let through; what the document did to itself would be seen.
    expect(await page.evaluate("document.documentElement.dataset.hit")).toBeUndefined();
    expect(await page.evaluate("self.origin")).toBe("null");
  });

  it("can't be loaded as code by our own pages", async () => {
    const page = await open("/s/k3f9x2");
    const outcome = await page.evaluate(`new Promise((resolve) => {
      const script = document.createElement("script");
      script.src = "/s/k3f9x2/files/page.html";
      script.onload = () => resolve("ran");
      script.onerror = () => resolve("refused");
      document.body.append(script);
    })`);
    expect(outcome).toBe("refused");
  });
});
