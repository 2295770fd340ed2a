/** `share seed`: data that are here, torrents that exist, trackers of their own. */

import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  cpSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, expect, it } from "vitest";
import { decodeRecords, encodeRecords, NO_RECORDS } from "../../src/create/core/hash-records.ts";
import { nodeHashes } from "../../src/platform/hashes.ts";
import { encodeBencode } from "../../src/protocol/encode.ts";
import { parseMetainfo } from "../../src/protocol/parse-metainfo.ts";
import { createTorrentFile } from "../../src/share.ts";
import { ShareProcess } from "../support/command.ts";
import { digestTree, noise, scratch } from "../support/data.ts";

const place = scratch();
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
afterAll(() => place.remove());

const at = (...parts: string[]) => path.join(place.dir, ...parts);

/** Remembers what was announced, by whom: `started left=0 %2DBJ...`. */
async function tracker(): Promise<{ readonly url: string; readonly heard: string[] }> {
  const heard: string[] = [];
  const server = createServer((request, response) => {
    const url = request.url ?? "";
    const value = (name: string) => new RegExp(`[?&]${name}=([^&]*)`).exec(url)?.[1];
    heard.push(`${value("event")} left=${value("left")} ${value("peer_id")}`);
    response.end("d8:intervali900e5:peers0:e");
  });
  closing.push(() => server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // a TCP server has such an address
  return { url: `http://127.0.0.1:${port}/announce`, heard };
}

async function make(
  name: string,
  seed: number,
  options: Parameters<typeof createTorrentFile>[1] = {},
): Promise<string> {
  mkdirSync(at("data", name, "sub"), { recursive: true });
  writeFileSync(at("data", name, "a.bin"), noise(150_000, seed));
  writeFileSync(at("data", name, "sub", "b.bin"), noise(70_000, seed + 1));
  const out = at(`${name}.torrent`);
  rmSync(out, { force: true });
  const given = { out, cacheDir: at("cache"), ...options };
  await createTorrentFile(at("data", name), given, new AbortController().signal);
  return out;
}

function seed(...args: string[]): ShareProcess {
  const child = new ShareProcess([
    "seed",
    ...args,
    "--bind",
    "127.0.0.1",
    "--port",
    "0",
    "--cache-dir",
    at("cache"),
  ]);
  closing.push(() => child.stop());
  return child;
}

async function get(url: string, dir: string): Promise<void> {
  await new ShareProcess(["get", url, "-o", dir, "--port", "0"]).succeed();
}

it("gives one torrent's data under any name, with a page, its own words, and its own trackers told", async () => {
  const { url, heard } = await tracker();
  const torrent = await make("single", 1, {
    trackers: [url],
    comment: "from elsewhere",
    creationDate: 1_000,
  });
  renameSync(at("data", "single"), at("data", "called otherwise"));
  const child = seed(torrent, at("data", "called otherwise"));
  const ready = await child.event("ready");
  expect(ready).toMatchObject({ name: "single", files: 2, bytes: 220_000 });
  const given = parseMetainfo(readFileSync(torrent), nodeHashes);
  const bytes = new Uint8Array(await (await fetch(String(ready["torrentUrl"]))).arrayBuffer());
  const served = parseMetainfo(bytes, nodeHashes);
  expect(served).toMatchObject({ infoHash: given.infoHash, comment: "from elsewhere", creationDate: 1_000 });
  const own = new URL(String(ready["url"]));
  expect(served.trackers).toEqual([[`${own.origin}/announce${own.pathname.slice(2)}`], [url]]);
  await get(String(ready["url"]), at("got"));
  expect(await digestTree(at("got", "single"))).toEqual(await digestTree(at("data", "called otherwise")));
  // By HTTP alone: the names are the torrent's.
  const file = await fetch(`${own.href}/seed/single/sub/b.bin`);
  expect(new Uint8Array(await file.arrayBuffer())).toEqual(new Uint8Array(noise(70_000, 2)));
  expect(heard[0]).toMatch(/^started left=0 /);
  expect(await child.stop()).toBe(0);
  expect(heard.at(-1)).toMatch(/^stopped /);
});

it("adds no tracker of ours to a private torrent", async () => {
  const { url } = await tracker();
  const torrent = await make("private", 3, { trackers: [url], private: true });
  const ready = await seed(torrent, at("data", "private")).event("ready");
  const bytes = new Uint8Array(await (await fetch(String(ready["torrentUrl"]))).arrayBuffer());
  expect(parseMetainfo(bytes, nodeHashes).trackers).toEqual([[url]]);
});

it("seeds nothing that isn't all there, and exits 3", async () => {
  const torrent = await make("broken", 5);
  writeFileSync(at("data", "broken", "a.bin"), noise(150_000, 99));
  const child = seed(torrent, at("data", "broken"));
  expect(await child.end()).toBe(3);
  expect(child.events.at(-1)).toMatchObject({
    event: "error",
    code: "mismatch",
    message: expect.stringMatching(/--repair/),
  });
  expect(child.lastEvent("ready")).toBeUndefined();
});

/** A torrent of others: the second file begins at a piece, after zeros that are on no disk (BEP 47). */
function makePadded(name: string): string {
  const [first, second] = [noise(50_000, 61), noise(40_000, 62)];
  mkdirSync(at("data", name, "sub"), { recursive: true });
  writeFileSync(at("data", name, "a:b"), first);
  // On disk it is a link.
  writeFileSync(at("elsewhere"), second);
  symlinkSync(at("elsewhere"), at("data", name, "sub", "c"));
  const padding = new Uint8Array(2 * 32_768 - first.length);
  const stream = Buffer.concat([first, padding, second]);
  const pieces: Buffer[] = [];
  for (let from = 0; from < stream.length; from += 32_768) {
    pieces.push(
      createHash("sha1")
        .update(stream.subarray(from, from + 32_768))
        .digest(),
    );
  }
  const files = [
    { length: first.length, path: ["a:b"] },
    { attr: "p", length: padding.length, path: [".pad", `${padding.length}`] },
    { length: second.length, path: ["sub", "c"] },
  ];
  const info = { files, name, "piece length": 32_768, pieces: Buffer.concat(pieces) };
  writeFileSync(at(`${name}.torrent`), encodeBencode({ info }));
  return at(`${name}.torrent`);
}

it("reads nothing anew of what didn't change, pad files, links and names of the torrent's own included", async () => {
  const torrent = makePadded("padded");
  const data = at("data", "padded");
  // What has just changed may change again without a trace: that isn't remembered.
  await sleep(200);
  const first = seed(torrent, data);
  const ready = await first.event("ready");
  expect(ready).toMatchObject({ files: 2, bytes: 2 * 32_768 + 40_000 });
  const file = await fetch(`${ready["url"]}/files/sub/c`);
  expect(new Uint8Array(await file.arrayBuffer())).toEqual(new Uint8Array(noise(40_000, 62)));
  await get(String(ready["url"]), at("got-padded"));
  expect([...(await digestTree(at("got-padded", "padded"))).values()]).toHaveLength(2);
  expect(await first.stop()).toBe(0);
  // Nobody who reads the data believes these hashes.
  const remembered = at("cache", "hashes", statSync(data).ino.toString(16));
  const records = decodeRecords(readFileSync(remembered), nodeHashes.sha256) ?? NO_RECORDS;
  expect(records.hashes).toHaveLength(4 * 20);
  const forged = { keys: records.keys, hashes: records.hashes.map(() => 0) };
  writeFileSync(remembered, encodeRecords(forged, nodeHashes.sha256));
  expect(await seed(torrent, data).end()).toBe(3);
  for (const name of ["a:b", "sub/c"]) utimesSync(path.join(data, name), 1_600_000_000, 1_600_000_000);
  await seed(torrent, data).event("ready");
});

it("sees what was changed behind its back, size and time as they were", async () => {
  const torrent = await make("sly", 71);
  await sleep(200);
  const first = seed(torrent, at("data", "sly"));
  await first.event("ready");
  await first.stop();
  const changed = at("data", "sly", "sub", "b.bin");
  const { atime, mtime } = statSync(changed);
  writeFileSync(changed, noise(70_000, 99));
  utimesSync(changed, atime, mtime);
  const second = seed(torrent, at("data", "sly"));
  expect(await second.end()).toBe(3);
  expect(second.events.at(-1)?.["message"]).toMatch(/ has 0 of 2 files .*--repair/);
});

it("refuses data that aren't all there without reading what is", async () => {
  const torrent = await make("lacking", 81);
  rmSync(at("data", "lacking", "sub"), { recursive: true });
  writeFileSync(at("data", "lacking", "sub"), "no folder");
  const child = seed(torrent, at("data", "lacking"));
  expect(await child.end()).toBe(3);
  expect(child.events.at(-1)?.["message"]).toMatch(/ lacks "sub\/b\.bin" of "lacking".*--repair/);
  expect(child.lastEvent("hashing")).toBeUndefined();
});

it("btlaunchmany: seeds a folder of torrents as they come, go, and are made whole", async () => {
  const { url, heard } = await tracker();
  mkdirSync(at("torrents"));
  const [one, two, three] = [
    await make("one", 11, { trackers: [url] }),
    await make("two", 21, { trackers: [url] }),
    await make("three", 31),
  ];
  writeFileSync(at("data", "three", "a.bin"), "");
  cpSync(one, at("torrents", "one.torrent"));
  cpSync(three, at("torrents", "three.torrent"));
  writeFileSync(at("torrents", "junk.torrent"), "no torrent");
  const child = seed(at("torrents"), at("data"));
  const readyOf = (name: string) =>
    child.until(() => child.events.find((event) => event.event === "ready" && event["name"] === name));
  const first = await readyOf("one");
  cpSync(two, at("torrents", "two.torrent"));
  const second = await readyOf("two");
  // Both on one port, at once.
  expect(new URL(String(first["url"])).host).toBe(new URL(String(second["url"])).host);
  await Promise.all([get(String(first["url"]), at("many")), get(String(second["url"]), at("many"))]);
  for (const name of ["one", "two"]) {
    expect(await digestTree(at("many", name))).toEqual(await digestTree(at("data", name)));
  }
  const warnings = child.events
    .filter(({ event }) => event === "warning")
    .map(({ message }) => String(message));
  expect(warnings.filter((text) => text.startsWith("three.torrent: "))).toHaveLength(1);
  expect(warnings.filter((text) => text.startsWith("junk.torrent: "))).toHaveLength(1);
  // A file in place of another changes the folder, as a repair does that finishes.
  writeFileSync(at("data", "three", "whole"), noise(150_000, 31));
  renameSync(at("data", "three", "whole"), at("data", "three", "a.bin"));
  await readyOf("three");
  rmSync(at("torrents", "one.torrent"));
  expect(await child.event("ended")).toMatchObject({ share: first["share"], reason: "removed" });
  const seeder = heard
    .find((line) => line.startsWith("started left=0 "))
    ?.split(" ")
    .at(-1);
  const stopped = () => heard.filter((line) => line === `stopped left=0 ${seeder}`).length;
  await expect.poll(stopped).toBe(1);
  await expect.poll(async () => (await fetch(String(first["url"]))).status).toBe(404);
  expect((await fetch(String(second["url"]))).status).toBe(200);
  expect(await child.stop()).toBe(0);
  // Two torrents have a tracker; each has heard the beginning and the end.
  expect(heard.filter((line) => line.startsWith("started left=0"))).toHaveLength(2);
  expect(stopped()).toBe(2);
});
