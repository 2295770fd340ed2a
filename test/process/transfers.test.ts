/** What can be watched and changed while a publication and a download run, by the library's handles. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, it } from "vitest";
import { type Download, get, type Publication, publish, type Transferring } from "../../src/share.ts";
import { noise } from "../support/data.ts";
import { useScratch } from "../support/use-scratch.ts";

const place = useScratch();
let running: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(running.map((one) => one.close()));
  running = [];
});

const at = (...parts: string[]) => path.join(place.dir, ...parts);

function kept<One extends { close(): Promise<void> }>(one: One): One {
  running.push(one);
  return one;
}

async function publishHere(
  bytes: number,
): Promise<{ readonly publication: Publication; readonly url: string }> {
  mkdirSync(at("folder"));
  writeFileSync(at("folder/a.bin"), noise(bytes, 1));
  writeFileSync(at("folder/b.bin"), noise(100_000, 2));
  writeFileSync(at("folder/empty"), "");
  const publication = kept(
    await publish([at("folder")], { bind: ["127.0.0.1"], cacheDir: at("cache"), pieceLength: 65_536 }),
  );
  const [ready] = await publication.ready;
  return { publication, url: ready?.url ?? "" };
}

async function getSlowly(url: string, limitDown: number): Promise<Download> {
  return kept(await get(url, { directory: at("out"), port: 0, limitDown, seed: { forever: true } }));
}

function only(handle: Transferring) {
  const [transfer, ...more] = handle.transfers();
  if (transfer === undefined || more.length > 0) throw new Error("not one transfer");
  return transfer;
}

/** Bytes a second that `download` gets in the next `seconds`, by what the engine counted. */
async function measured(download: Download, seconds: number): Promise<number> {
  const before = only(download).stats().downloaded;
  const start = performance.now();
  await sleep(seconds * 1000);
  return ((only(download).stats().downloaded - before) / (performance.now() - start)) * 1000;
}

/** Never more than a tenth above; on a machine that is busy with other tests sleep takes its part, and that is lost. */
function expectAbout(rate: number, limit: number): void {
  expect(rate).toBeGreaterThan(limit * 0.7);
  expect(rate).toBeLessThan(limit * 1.1);
}

it("experimental clients: limits can be changed while data flow, down and up", async () => {
  const { publication, url } = await publishHere(30_000_000);
  const download = await getSlowly(url, 400_000);
  expect(download.limits).toEqual({ down: 400_000 });
  await sleep(1_000);
  expectAbout(await measured(download, 2), 400_000);
  download.setLimits({ down: 2_000_000 });
  await sleep(500);
  expectAbout(await measured(download, 3), 2_000_000);

  publication.setLimits({ up: 600_000 });
  download.setLimits({});
  expect([publication.limits, download.limits]).toEqual([{ up: 600_000 }, {}]);
  await sleep(1_500);
  expectAbout(await measured(download, 3), 600_000);

  publication.setLimits({});
  await download.done;
  expect(() => publication.setLimits({ up: 0 })).toThrowError(RangeError);
  expect(() => download.setLimits({ down: Number.NaN })).toThrowError(RangeError);
});

it("statistics and netstat: both ends tell of each other, of files, copies and where the torrent is rare", async () => {
  const { publication, url } = await publishHere(3_000_000);
  const share = only(publication);
  expect(share).toMatchObject({ url, name: "folder", fileCount: 3 });
  expect(share.stats()).toMatchObject({
    phase: "seeding",
    bytesDone: 3_100_000,
    copies: 1,
    peers: 0,
    ratio: 0,
  });
  const download = await getSlowly(url, 600_000);
  const mine = only(download);
  for (let i = 0; i < 50 && mine.stats().bytesDone < 1_000_000; i++) await sleep(100);
  const { bytesDone, copies, ratio, phase } = mine.stats();
  expect(phase).toBe("getting");
  expect(copies).toBeGreaterThan(1.2);
  expect(copies).toBeLessThan(2);
  expect(mine.stats()).toMatchObject({ bytesTotal: 3_100_000, peers: 1, seeders: 1 });
  expect(ratio).toBe(0);
  const strip = mine.availability(10);
  expect(strip.map((part) => part.copies)).toEqual(Array.from({ length: 10 }, () => 1));
  const have = strip.reduce((sum, part) => sum + part.have, 0) / 10;
  expect(Math.abs(have - bytesDone / 3_100_000)).toBeLessThan(0.15);
  expect(share.availability(1)[0]).toMatchObject({ have: 1 });

  const [file, second, empty] = mine.files(0, 10);
  expect([file?.path, second?.path, empty?.path]).toEqual(["a.bin", "b.bin", "empty"]);
  expect(file?.progress).toBeGreaterThan(0);
  expect(file?.progress).toBeLessThan(1);
  expect(empty).toEqual({ path: "empty", bytes: 0, progress: 1, isWanted: true });
  expect(mine.files(1, 1)).toEqual([second]);

  expect(mine.peers()).toMatchObject([
    { progress: 1, servesUs: true, interestsUs: true, isInterested: false },
  ]);
  expect(share.peers()).toMatchObject([{ isServed: true, isInterested: true }]);
  const [peer] = share.peers();
  expect(peer?.client).toContain("Boojum");
  expect(peer?.uploaded).toBeGreaterThan(900_000);

  download.setLimits({});
  await download.done;
  for (let i = 0; i < 50 && share.stats().completed === 0; i++) await sleep(50);
  expect(mine.stats()).toMatchObject({ phase: "seeding", bytesDone: 3_100_000, etaSeconds: 0 });
  expect(share.stats()).toMatchObject({ completed: 1 });
  expect(share.stats().ratio).toBeGreaterThan(0.95);
});

it("what goes out over HTTP is sent, too: rate, ratio and the sum of all count it", async () => {
  mkdirSync(at("web"));
  writeFileSync(at("web/a.bin"), noise(2_000_000, 3));
  const sums: unknown[] = [];
  const publication = kept(
    await publish([at("web")], {
      bind: ["127.0.0.1"],
      cacheDir: at("cache"),
      onEvent: (event) => event.event === "stats" && sums.push(event),
    }),
  );
  const url = (await publication.ready)[0]?.url ?? "";
  const fetched = async (path: string, headers: Record<string, string> = {}) =>
    (await (await fetch(url + path, { headers })).arrayBuffer()).byteLength;
  const whole = await fetched("/files/a.bin");
  const part = await fetched("/seed/web/a.bin", { range: "bytes=500000-999999" });
  const archive = await fetched(".tar");
  await (await fetch(`${url}/files/a.bin`, { method: "HEAD" })).arrayBuffer();
  expect([whole, part]).toEqual([2_000_000, 500_000]);
  const sent = whole + part + archive;
  const stats = only(publication).stats();
  expect(stats).toMatchObject({ uploaded: sent, uploadedHttp: sent, ratio: sent / 2_000_000 });
  expect(stats.upRate).toBeGreaterThan(100_000);
  await expect
    .poll(() => sums.at(-1), { timeout: 5_000 })
    .toMatchObject({
      uploaded: sent,
      uploadedHttp: sent,
      upRate: expect.toSatisfy((rate: number) => rate > 100_000),
    });
});
