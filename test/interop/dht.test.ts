/** Found by the DHT alone (BEP 5): no tracker, no local discovery, nothing but an info hash and one node that knows nobody. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run } from "../support/child.ts";
import { ShareProcess } from "../support/command.ts";
import { digestFile, noise, scratch } from "../support/data.ts";
import { aria2 } from "../support/peers/aria2.ts";
import { libtorrent, libtorrentNode } from "../support/peers/libtorrent.ts";
import type { PeerJob, RunningPeer } from "../support/peers/peer.ts";
import { rewriteTorrent } from "../support/torrent-file.ts";

const node = "10.99.0.9:7600";
/** Transmission has to be awaited: transmission.test.ts. */
const clients = [libtorrent, aria2];
const place = scratch();
let jobs = 0;
let bootstrap: RunningPeer;

function fresh(): string {
  const dir = path.join(place.dir, `job-${++jobs}`);
  mkdirSync(dir);
  return dir;
}

/** Each case has its own, so that nobody can get it from another. */
async function payload(): Promise<{ file: string; digest: string }> {
  const file = path.join(fresh(), "payload.bin");
  writeFileSync(file, noise(1_000_000, jobs));
  return { file, digest: await digestFile(file) };
}

function job(torrent: string, dir: string): PeerJob {
  const state = fresh();
  return { torrent, dir, address: "10.99.0.2", port: 7300 + jobs, dht: node, state };
}

function share(...args: string[]): ShareProcess {
  return new ShareProcess([...args, "--no-lan", "--dht-node", node]);
}

beforeAll(async () => {
  bootstrap = await libtorrentNode({ ...job("none", place.dir), address: "10.99.0.9", port: 7600 });
});
afterAll(async () => {
  await bootstrap?.stop();
  place.remove();
});

describe("clients that know nobody but a node", () => {
  it.concurrent.each(clients)("$name gets what we publish", async (client) => {
    const { file, digest } = await payload();
    const publisher = share(file, "--cache-dir", fresh());
    try {
      const { infoHash } = await publisher.event("ready");
      const dir = fresh();
      const peer = await client.get(job(`magnet:?xt=urn:btih:${String(infoHash)}`, dir));
      await peer.stop();
      expect(await digestFile(path.join(dir, "payload.bin"))).toBe(digest);
    } finally {
      await publisher.stop();
    }
  });

  it.concurrent.each(clients)("we get what $name seeds", async (client) => {
    const { file, digest } = await payload();
    const made = path.join(fresh(), "made.torrent");
    const maker = new ShareProcess(["create", file, "-o", made]);
    await maker.succeed();
    const { infoHash } = await maker.event("created");
    const seeded = rewriteTorrent(made, [], path.join(fresh(), "seeded.torrent"));
    const seeder = await client.seed(job(seeded, path.dirname(file)));
    try {
      const out = fresh();
      const magnet = `magnet:?xt=urn:btih:${String(infoHash)}`;
      await share("get", magnet, "-o", out, "--timeout", "60s").succeed();
      expect(await digestFile(path.join(out, "payload.bin"))).toBe(digest);
    } finally {
      await seeder.stop();
    }
  });
});

describe("over IPv6 (BEP 32), by a node of that network alone", () => {
  const six = "[fd00:10:99::9]:7600";
  const shareSix = (...args: string[]) => new ShareProcess([...args, "--no-lan", "--dht-node", six]);
  const jobSix = (torrent: string, dir: string) => ({
    ...job(torrent, dir),
    address: "fd00:10:99::2",
    dht: six,
  });
  let nodes: RunningPeer;
  beforeAll(async () => {
    nodes = await libtorrentNode({ ...jobSix("none", place.dir), address: "fd00:10:99::9", port: 7600 });
  });
  afterAll(async () => {
    await nodes?.stop();
  });

  it.concurrent("libtorrent gets what we publish", async () => {
    const { file, digest } = await payload();
    const publisher = shareSix(file, "--cache-dir", fresh());
    try {
      const { infoHash } = await publisher.event("ready");
      const dir = fresh();
      const peer = await libtorrent.get(jobSix(`magnet:?xt=urn:btih:${String(infoHash)}`, dir));
      await peer.stop();
      expect(await digestFile(path.join(dir, "payload.bin"))).toBe(digest);
    } finally {
      await publisher.stop();
    }
  });

  it.concurrent("we get what libtorrent seeds", async () => {
    const { file, digest } = await payload();
    const made = path.join(fresh(), "made.torrent");
    const maker = new ShareProcess(["create", file, "-o", made]);
    await maker.succeed();
    const { infoHash } = await maker.event("created");
    const seeded = rewriteTorrent(made, [], path.join(fresh(), "seeded.torrent"));
    const seeder = await libtorrent.seed(jobSix(seeded, path.dirname(file)));
    try {
      const out = fresh();
      const magnet = `magnet:?xt=urn:btih:${String(infoHash)}`;
      await shareSix("get", magnet, "-o", out, "--timeout", "60s").succeed();
      expect(await digestFile(path.join(out, "payload.bin"))).toBe(digest);
    } finally {
      await seeder.stop();
    }
  });
});

describe("a node that a peer tells of on the wire (message 9)", () => {
  /** Nobody listens there. */
  const nobody = "10.99.0.20:9";

  it.concurrent("is enough for us to join, and to be found", async () => {
    const { file, digest } = await payload();
    const args = [file, "--cache-dir", fresh(), "--no-lan", "--dht-node", nobody];
    const publisher = new ShareProcess(args);
    try {
      const { infoHash, torrentUrl } = await publisher.event("ready");
      const torrent = path.join(fresh(), "it.torrent");
      await run("curl", ["-sSf", "-o", torrent, String(torrentUrl)]);
      const between = await libtorrent.get(job(torrent, fresh()));
      // It was in the DHT before us; from now on there is nobody but us who has the data.
      await between.stop();
      const out = fresh();
      const magnet = `magnet:?xt=urn:btih:${String(infoHash)}`;
      await share("get", magnet, "-o", out, "--timeout", "80s").succeed();
      expect(await digestFile(path.join(out, "payload.bin"))).toBe(digest);
    } finally {
      await publisher.stop();
    }
  });

  it.concurrent("is enough for libtorrent, when we tell", async () => {
    const { file } = await payload();
    const publisher = share(file, "--cache-dir", fresh());
    let theirs: RunningPeer | undefined;
    try {
      const { torrentUrl } = await publisher.event("ready");
      const torrent = path.join(fresh(), "it.torrent");
      await run("curl", ["-sSf", "-o", torrent, String(torrentUrl)]);
      theirs = await libtorrent.get({ ...job(torrent, fresh()), dht: nobody });
      expect(await theirs.until(({ stdout }) => stdout.includes("NODES") || undefined, 20_000)).toBe(true);
    } finally {
      await theirs?.stop();
      await publisher.stop();
    }
  });
});

describe("two of ours", () => {
  it("find each other", async () => {
    const { file, digest } = await payload();
    const publisher = share(file, "--cache-dir", fresh());
    try {
      const { infoHash } = await publisher.event("ready");
      const out = fresh();
      const magnet = `magnet:?xt=urn:btih:${String(infoHash)}`;
      await share("get", magnet, "-o", out, "--timeout", "40s").succeed();
      expect(await digestFile(path.join(out, "payload.bin"))).toBe(digest);
    } finally {
      await publisher.stop();
    }
  });

  it.each([["--private"], ["--unlisted"], ["--password=snark"]])("don't, with %s", async (flag) => {
    const { file } = await payload();
    const publisher = share(file, "--cache-dir", fresh(), flag);
    try {
      const { infoHash } = await publisher.event("ready");
      const magnet = `magnet:?xt=urn:btih:${String(infoHash)}`;
      expect(await share("get", magnet, "-o", fresh(), "--timeout", "4s").end(30_000)).toBe(5);
    } finally {
      await publisher.stop();
    }
  });
});
