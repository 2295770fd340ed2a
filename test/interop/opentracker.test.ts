/** opentracker: it and our tracker say the same to the same announces, and our clients meet through it alone. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import path from "node:path";
import { afterAll, afterEach, expect, it } from "vitest";
import { bytesAt, decodeBencode, integerAt } from "../../src/protocol/bencode.ts";
import { concatBytes, fromHex } from "../../src/protocol/bytes.ts";
import { decodeCompactPeers } from "../../src/protocol/compact-peers.ts";
import { createTorrentFile } from "../../src/share.ts";
import type { Child } from "../support/child.ts";
import { ShareProcess } from "../support/command.ts";
import { digestFile, noise, scratch } from "../support/data.ts";
import { startOpentracker } from "../support/peers/opentracker.ts";
import {
  RECORDED_HASH,
  type RecordedAnnounce,
  recordedHttp,
  recordedUdp,
} from "../support/recorded-announces.ts";
import { rewriteTorrent } from "../support/torrent-file.ts";
import { connectRequest } from "../support/udp-tracker.ts";

const ADDRESS = "10.99.0.1";
const THEIRS = 7301;
const OURS = 7302;
const place = scratch();
const running: Child[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((child) => child.stop()));
});
afterAll(() => place.remove());

const bytesOf = (hex: string) => fromHex(hex) ?? expect.fail(`${hex} is not hexadecimal`);

interface Answer {
  readonly seeders: number;
  readonly leechers: number;
  /** Sorted. */
  readonly peers: readonly string[];
}

const peersOf = (bytes: Uint8Array) =>
  decodeCompactPeers(bytes)
    .map(({ host, port }) => `${host} ${port}`)
    .sort();

async function overHttp(port: number, from: string, query: string): Promise<Answer> {
  const request = get({ host: ADDRESS, port, localAddress: from, path: `/announce?${query}`, agent: false });
  const [response] = (await once(request, "response")) as [AsyncIterable<Buffer>]; // node:http's own contract
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part);
  const dict = decodeBencode(concatBytes(parts));
  if (!(dict instanceof Map)) throw new Error("no dictionary");
  expect([...dict.keys()]).not.toContain("failure reason");
  return {
    seeders: integerAt(dict, "complete") ?? -1,
    leechers: integerAt(dict, "incomplete") ?? -1,
    peers: peersOf(bytesAt(dict, "peers") ?? new Uint8Array()),
  };
}

async function overUdp(port: number, from: string, datagram: Uint8Array): Promise<Answer> {
  const socket = createSocket("udp4");
  const ask = async (bytes: Uint8Array) => {
    const answered = once(socket, "message", { signal: AbortSignal.timeout(5_000) });
    socket.send(bytes, port, ADDRESS);
    const [reply] = (await answered) as [Buffer]; // what dgram's "message" begins with
    return reply;
  };
  try {
    await new Promise<void>((resolve) => socket.bind(0, from, resolve));
    const connection = (await ask(connectRequest())).subarray(8, 16);
    const reply = await ask(concatBytes([connection, datagram.subarray(8)]));
    expect(reply.readUInt32BE(0), reply.subarray(8).toString()).toBe(1);
    expect(reply.readUInt32BE(4)).toBe(Buffer.from(datagram).readUInt32BE(12));
    return {
      leechers: reply.readUInt32BE(12),
      seeders: reply.readUInt32BE(16),
      peers: peersOf(reply.subarray(20)),
    };
  } finally {
    socket.close();
  }
}

const ask = (port: number, announce: RecordedAnnounce) =>
  "query" in announce
    ? overHttp(port, announce.from, announce.query)
    : overUdp(port, announce.from, bytesOf(announce.datagram));

/** Where the sender listens, and whether it has everything. */
function senderOf(announce: RecordedAnnounce): { readonly at: string; readonly isSeeder: boolean } {
  if ("query" in announce) {
    const fields = new URLSearchParams(announce.query);
    return { at: `${announce.from} ${fields.get("port")}`, isSeeder: fields.get("left") === "0" };
  }
  const datagram = Buffer.from(bytesOf(announce.datagram));
  return {
    at: `${announce.from} ${datagram.readUInt16BE(96)}`,
    isSeeder: datagram.readBigUInt64BE(64) === 0n,
  };
}

async function startBoth(name: string, infoHash: Uint8Array): Promise<void> {
  const dir = path.join(place.dir, name);
  running.push(await startOpentracker({ address: ADDRESS, port: THEIRS, dir, infoHashes: [infoHash] }));
  const ours = new ShareProcess(["tracker", "--port", String(OURS), "--bind", ADDRESS]);
  running.push(ours);
  await ours.event("listening");
}

async function scrape(port: number): Promise<unknown> {
  const hash = RECORDED_HASH.replace(/../g, "%$&");
  const reply = await fetch(`http://${ADDRESS}:${port}/scrape?info_hash=${hash}`);
  const dict = decodeBencode(new Uint8Array(await reply.arrayBuffer()));
  return dict instanceof Map ? dict.get("files") : expect.fail("no dictionary");
}

it.each([
  ["HTTP", recordedHttp],
  ["UDP", recordedUdp],
])("says the same as we to what real clients announced over %s", async (over, announces) => {
  await startBoth(over, bytesOf(RECORDED_HASH));
  const seeders = new Set<string>();
  let told = 0;
  for (const announce of announces) {
    const { at, isSeeder } = senderOf(announce);
    if (isSeeder) seeders.add(at);
    const theirs = await ask(THEIRS, announce);
    const own = await ask(OURS, announce);
    // Policy of ours: nobody is told itself, and no seeder another one.
    const peers = theirs.peers.filter((peer) => peer !== at && !(isSeeder && seeders.has(peer)));
    expect(own).toEqual({ ...theirs, peers });
    told += peers.length;
  }
  expect(told).toBeGreaterThan(2);
  const counts = await scrape(OURS);
  expect(counts).toEqual(await scrape(THEIRS));
  expect(counts).not.toEqual(new Map());
});

it("chooses as many as we of those that there are, when fewer are wanted", async () => {
  await startBoth("many", bytesOf(RECORDED_HASH));
  const announces = Array.from({ length: 29 }, (_, i): RecordedAnnounce & { readonly query: string } => ({
    from: `10.99.0.${2 + i}`,
    query: `info_hash=${RECORDED_HASH.replace(/../g, "%$&")}&peer_id=-XX0000-${String(i).padStart(12, "0")}&port=${8000 + i}&uploaded=0&downloaded=0&left=${i % 3}&compact=1&numwant=10`,
  }));
  const all = announces.map((announce) => senderOf(announce).at);
  for (const [i, announce] of announces.entries()) {
    const [theirs, own] = [await ask(THEIRS, announce), await ask(OURS, announce)];
    expect([own.seeders, own.leechers]).toEqual([theirs.seeders, theirs.leechers]);
    const others = all.slice(0, i).filter((_, n) => i % 3 > 0 || n % 3 > 0);
    expect(others).toEqual(expect.arrayContaining([...own.peers]));
    expect(own.peers).toHaveLength(Math.min(10, others.length));
    expect(theirs.peers).toHaveLength(Math.min(10, i + 1));
  }
});

it.each(["http", "udp"])(
  "brings our publisher and receivers together over %s, by itself alone",
  async (scheme) => {
    const dir = path.join(place.dir, `meet-${scheme}`);
    mkdirSync(dir);
    const source = path.join(dir, "payload.bin");
    writeFileSync(source, noise(2_000_001, 3));
    const made = await createTorrentFile(
      source,
      { out: path.join(dir, "made.torrent") },
      AbortSignal.timeout(20_000),
    );
    const infoHashes = [bytesOf(made.infoHash)];
    running.push(
      await startOpentracker({ address: ADDRESS, port: THEIRS, dir: path.join(dir, "root"), infoHashes }),
    );
    const url = `${scheme}://${ADDRESS}:${THEIRS}/announce`;
    const cache = path.join(dir, "cache");
    const publisher = new ShareProcess([source, "--tracker", url, "--no-lan", "--cache-dir", cache]);
    running.push(publisher);
    expect((await publisher.event("ready"))["infoHash"]).toBe(made.infoHash);
    const scraped = async () => {
      const hash = made.infoHash.replace(/../g, "%$&");
      const reply = await fetch(`http://${ADDRESS}:${THEIRS}/scrape?info_hash=${hash}`);
      return Buffer.from(await reply.arrayBuffer()).toString("latin1");
    };
    await expect.poll(scraped, { timeout: 10_000 }).toContain("8:completei1e");

    const torrent = rewriteTorrent(path.join(dir, "made.torrent"), [url], path.join(dir, "only.torrent"));
    for (const name of ["one", "two"]) {
      const out = path.join(dir, name);
      mkdirSync(out);
      const getter = new ShareProcess(["get", torrent, "-o", out, "--no-lan", "--seed"]);
      running.push(getter);
      await getter.event("done", 60_000);
      expect(await digestFile(path.join(out, "payload.bin"))).toBe(await digestFile(source));
    }
    await expect
      .poll(scraped, { timeout: 10_000 })
      .toContain("8:completei3e10:downloadedi2e10:incompletei0e");
    // They leave as they came.
    for (const getter of running.splice(2)) expect(await getter.stop()).toBe(0);
    await expect.poll(scraped, { timeout: 10_000 }).toContain("8:completei1e");
  },
);
