import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createWeb } from "../../src/httpd/app.ts";
import { type Listener, listen } from "../../src/platform/listener.ts";
import { launchBrowser } from "../support/browser.ts";
import { catalog, share, sharedFile } from "../support/catalog.ts";

const ATTACK = "document.documentElement.dataset.hit='1';fetch('/stolen');";
const HTML = `<!doctype html><title>quiet</title><p>hello</p><script>${ATTACK}</script><img src=x onerror="${ATTACK}">
<iframe srcdoc="<script>parent.${ATTACK}</script>"></iframe><form action="/stolen" method="post"><button>go</button></form>`;
const SVG = `<svg xmlns="http://www.w3.org/2000/svg" onload="${ATTACK}"><script>${ATTACK}</script><circle r="9"/></svg>`;
const XHTML = `<html xmlns="http://www.w3.org/1999/xhtml"><body onload="${ATTACK}"><script>${ATTACK}</script></body></html>`;
const EVIL_NAME = `<img src=x onerror=${ATTACK.replaceAll("/", "")}>.bin`;

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
  ];
  const plain = sharedFile(root, ["plain.bin"], bytes);
  const many = Array.from({ length: 1_200 }, (_, i) => ({ ...plain, path: ["many", `${i}.txt`] }));
  const shares = catalog(
    share({ files }),
    share({ id: "many", name: "many files", files: many }),
    share({
      id: "hashing",
      name: "in the making",
      files,
      state: { name: "hashing", bytesDone: 3, bytesTotal: 10 },
    }),
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

describe("the pages", () => {
  for (const [device, viewport] of Object.entries(sizes)) {
    for (const colorScheme of ["light", "dark"] as const) {
      it(`fit a ${device} in ${colorScheme} colours, complain about nothing and load nothing from elsewhere`, async () => {
        for (const path of ["/", "/s/k3f9x2", "/s/one", "/s/hashing", "/s/failed", "/s/none"]) {
          const page = await open(path, { viewport, colorScheme });
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
      "[...document.querySelectorAll('.button, button:not([hidden]), .save')].filter((e) => e.getBoundingClientRect().height < 44).length",
    );
    expect(small).toBe(0);
    await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement.className")).toBe("brand");
    expect(await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")).toBe("solid");
  });

  it("work without JavaScript: all links are there, and no button that does nothing", async () => {
    const page = await open("/s/k3f9x2", { javaScriptEnabled: false });
    expect(await page.locator(".files .name").count()).toBe(6);
    expect(await page.locator("button:visible").count()).toBe(0);
    await page.getByRole("link", { name: "Boojum" }).click();
    expect(await page.getByRole("link", { name: "folder" }).count()).toBe(1);
  });

  it("copy the command", async () => {
    const page = await open("/s/k3f9x2");
    await page.getByRole("button", { name: "Copy" }).click();
    expect(await page.getByRole("button", { name: "Copied" }).count()).toBe(1);
    expect(await page.evaluate("getSelection().toString().trim()")).toBe(`share get ${base}/s/k3f9x2`);
    expect(complaints).toEqual([]);
  });

  it("lead through long lists", async () => {
    const page = await open("/s/many");
    expect(await page.locator(".files li").count()).toBe(500);
    await page.getByRole("link", { name: "Next" }).click();
    await page.getByRole("link", { name: "Next" }).click();
    expect(await page.locator(".files li").count()).toBe(200);
    expect(await page.getByText("1199.txt").count()).toBe(1);
  });

  it("show how far the torrent is, and go on by themselves", async () => {
    const page = await open("/s/hashing");
    expect(await page.locator("progress").getAttribute("value")).toBe("30");
    const again = page.waitForEvent("framenavigated", { timeout: 10_000 });
    await again;
    expect(page.url()).toBe(`${base}/s/hashing`);
  });
});

describe("what is shared", () => {
  it("is saved byte for byte, also under a name that is markup", async () => {
    const page = await open("/s/k3f9x2");
    expect(await page.evaluate("document.images.length")).toBe(0);
    for (const start of [
      () => page.getByLabel(`Download ${EVIL_NAME}`).click(),
      () => page.locator(".files .name").first().click(),
    ]) {
      const download = page.waitForEvent("download");
      await start();
      expect(readFileSync(await (await download).path()).equals(bytes)).toBe(true);
    }
    expect(await page.evaluate("document.documentElement.dataset.hit")).toBeUndefined();
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
