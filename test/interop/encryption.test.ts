/** Obfuscated connections (MSE) with clients that make and take no others, both ways. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ShareProcess } from "../support/command.ts";
import { digestTree, noise, scratch } from "../support/data.ts";
import { aria2 } from "../support/peers/aria2.ts";
import { libtorrent } from "../support/peers/libtorrent.ts";
import { type PeerJob, patience, type RealPeer } from "../support/peers/peer.ts";
import { qbittorrent } from "../support/peers/qbittorrent.ts";
import { transmission } from "../support/peers/transmission.ts";
import { rewriteTorrent } from "../support/torrent-file.ts";

const ours = "10.99.0.1";
const theirs = "10.99.0.2";
const place = scratch();
const source = path.join(place.dir, "folder");
let jobs = 0;
let made = "";

const cases: readonly (readonly [string, RealPeer, "rc4" | "header"])[] = [
  ["Transmission", transmission, "rc4"],
  ["aria2", aria2, "rc4"],
  ["libtorrent", libtorrent, "rc4"],
  ["libtorrent, plain behind the handshake,", libtorrent, "header"],
  ["qBittorrent", qbittorrent, "rc4"],
];

function fresh(): string {
  const dir = path.join(place.dir, `job-${++jobs}`);
  mkdirSync(dir);
  return dir;
}

function job(torrent: string, dir: string, encryption: PeerJob["encryption"]): PeerJob {
  const state = fresh();
  return { torrent, dir, address: theirs, port: 7200 + jobs, state, ...(encryption && { encryption }) };
}

async function publish(...flags: string[]): Promise<{ publisher: ShareProcess; torrent: string }> {
  const cache = fresh();
  const publisher = new ShareProcess([source, "--no-lan", "--cache-dir", cache, ...flags]);
  const ready = await publisher.event("ready");
  const { port } = await publisher.event("listening");
  const response = await fetch(`http://${ours}:${port}/s/${ready["share"]}.torrent`);
  const announce = [`http://${ours}:${port}/announce`];
  // Without its web seed.
  const file = path.join(fresh(), "published.torrent");
  return { publisher, torrent: rewriteTorrent(new Uint8Array(await response.arrayBuffer()), announce, file) };
}

function getter(torrent: string, out: string, port: number, ...flags: string[]): ShareProcess {
  const peer = `${theirs}:${port}`;
  return new ShareProcess(["get", torrent, "-o", out, "--peer", peer, "--no-lan", ...flags]);
}

beforeAll(async () => {
  mkdirSync(source);
  writeFileSync(path.join(source, "big.bin"), noise(12_000_000, 1));
  writeFileSync(path.join(source, "small.txt"), "snark");
  const plain = path.join(place.dir, "plain.torrent");
  await new ShareProcess(["create", source, "-o", plain]).succeed();
  made = rewriteTorrent(plain, [`http://${theirs}:9/announce`], path.join(place.dir, "made.torrent"));
});
afterAll(() => place.remove());

describe.each(cases)("%s that requires encryption", (_, client, encryption) => {
  it("downloads from us", async () => {
    const { publisher, torrent } = await publish();
    try {
      const dir = fresh();
      const peer = await client.get(job(torrent, dir, encryption));
      await peer.stop();
      expect(await digestTree(path.join(dir, "folder"))).toEqual(await digestTree(source));
    } finally {
      await publisher.stop();
    }
  });

  it("seeds to us", async () => {
    const work = job(made, place.dir, encryption);
    const seeder = await client.seed(work);
    try {
      const out = fresh();
      // Ours begins with a plain handshake, since the other is near.
      await getter(made, out, work.port, "--timeout", "30s").succeed(patience);
      expect(await digestTree(path.join(out, "folder"))).toEqual(await digestTree(source));
    } finally {
      await seeder.stop();
    }
  });
});

describe("when we require encryption", () => {
  it("clients that can do it get and give everything", async () => {
    const { publisher, torrent } = await publish("--encryption", "require");
    const work = job(torrent, fresh(), "rc4");
    const peer = await libtorrent.get(work);
    await publisher.stop();
    // Another of ours gets it from the one that just did.
    try {
      const out = fresh();
      const alone = rewriteTorrent(torrent, [`http://${theirs}:9/announce`], path.join(fresh(), "x.torrent"));
      await getter(alone, out, work.port, "--encryption", "require", "--timeout", "30s").succeed(patience);
      expect(await digestTree(path.join(out, "folder"))).toEqual(await digestTree(source));
    } finally {
      await Promise.all([peer.stop(), publisher.stop()]);
    }
  });

  it("who speaks plainly only gives us nothing", async () => {
    const work = job(made, place.dir, undefined);
    const seeder = await libtorrent.seed(work);
    try {
      const getting = getter(made, fresh(), work.port, "--encryption", "require", "--timeout", "4s");
      expect(await getting.end(30_000)).toBe(5);
      const plain = getter(made, fresh(), work.port, "--encryption", "off", "--timeout", "30s");
      await plain.succeed(patience);
    } finally {
      await seeder.stop();
    }
  });
});
