/** Rate limits as users measure them: over any 5 seconds, alone and over three torrents together. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, afterEach, expect, it } from "vitest";
import { get, publish } from "../../src/share.ts";
import { noise, scratch } from "../support/data.ts";

const place = scratch();
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
afterAll(() => place.remove());

const MB = 1_000_000;
const WINDOW = 5_000;

/** Bytes so far, and when they were counted. */
class Meter {
  readonly #samples: { readonly at: number; readonly bytes: number }[] = [];

  count(bytes: number): void {
    this.#samples.push({ at: performance.now(), bytes });
  }

  /** Bytes a second over every window of 5 s or a little more, but for the second in which everybody meets. */
  rates(): number[] {
    const flowing = this.#samples.filter(({ bytes }) => bytes > 0).slice(1);
    return flowing.flatMap((start) => {
      const end = flowing.find(({ at }) => at >= start.at + WINDOW - 100);
      return end === undefined ? [] : [((end.bytes - start.bytes) / (end.at - start.at)) * 1000];
    });
  }
}

async function published(names: readonly string[], bytes: number, limitUp?: number) {
  const meter = new Meter();
  const paths = names.map((name, i) => {
    mkdirSync(path.join(place.dir, name));
    writeFileSync(path.join(place.dir, name, "data"), noise(bytes, i));
    return path.join(place.dir, name);
  });
  const publication = await publish(paths, {
    ...{
      port: 0,
      bind: ["127.0.0.1"],
      cacheDir: path.join(place.dir, "cache"),
      pieceLength: 16_384,
      limitUp,
    },
    onEvent: (event) => {
      if (event.event === "stats") meter.count(event.uploaded);
    },
  });
  closing.push(() => publication.close());
  const shares = await publication.ready;
  return { urls: shares.map(({ url }) => url), meter };
}

async function getting(url: string, name: string, limitDown?: number) {
  const meter = new Meter();
  const download = await get(url, {
    ...{ directory: path.join(place.dir, name), port: 0, limitDown },
    onEvent: (event) => {
      if (event.event === "progress" && event.bytesDone < event.bytesTotal) meter.count(event.bytesDone);
    },
  });
  closing.push(() => download.close());
  return { download, meter };
}

function expectNear(rates: readonly number[], limit: number): void {
  expect(rates.length).toBeGreaterThan(0);
  for (const rate of rates) {
    expect(rate).toBeGreaterThan(0.9 * limit);
    expect(rate).toBeLessThan(1.1 * limit);
  }
}

it("--limit-down holds within a tenth over 5 s", async () => {
  const { urls } = await published(["down"], 16 * MB);
  const { download, meter } = await getting(urls[0] ?? "", "got-down", 2 * MB);
  await download.done;
  expectNear(meter.rates(), 2 * MB);
});

it("--limit-up holds within a tenth over 5 s", async () => {
  const { urls, meter } = await published(["up"], 16 * MB, 2 * MB);
  const { download } = await getting(urls[0] ?? "", "got-up");
  await download.done;
  expectNear(meter.rates(), 2 * MB);
});

it("--limit-up is one limit for three torrents, and each gets its third", async () => {
  const { urls, meter } = await published(["a", "b", "c"], 8 * MB, 3 * MB);
  const receivers = await Promise.all(urls.map((url, i) => getting(url, `got-${i}`)));
  await Promise.race(receivers.map(({ download }) => download.done));
  expectNear(meter.rates(), 3 * MB);
  for (const receiver of receivers) {
    const [rate = 0] = receiver.meter.rates();
    expect(rate).toBeGreaterThan(0.7 * MB);
    expect(rate).toBeLessThan(1.3 * MB);
  }
});
