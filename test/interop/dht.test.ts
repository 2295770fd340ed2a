/** Found by the DHT alone (BEP 5): no tracker, no local discovery, nothing but an info hash and one node that knows nobody. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run } from "../support/child.ts";
import { ShareProcess } from "../support/command.ts";
import { digestFile, noise, scratch } from "../support/data.ts";
import { aria2 } from "../support/peers/aria2.ts";
import { libtorrent, libtorrentNode } from "../support/peers/libtorrent.ts";
import type { PeerJob, RealPeer, RunningPeer } from "../support/peers/peer.ts";
import { rewriteTorrent } from "../support/torrent-file.ts";

const node = "10.99.0.9:7600";
/** Transmission has to be awaited: transmission.test.ts. */
const clients = [libtorrent, aria2];
const place = scratch();
let jobs = 0;

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

/** Where clients are, and the one node that they know. */
interface Network {
  readonly node: string;
  readonly address: string;
}

const four: Network = { node, address: "10.99.0.2" };
const six: Network = { node: "[fd00:10:99::9]:7600", address: "fd00:10:99::2" };

function job(torrent: string, dir: string, { node, address }: Network = four): PeerJob {
  const state = fresh();
  return { torrent, dir, address, port: 7300 + jobs, dht: node, state };
}

function share(node: string, ...args: string[]): ShareProcess {
  return new ShareProcess([...args, "--no-lan", "--dht-node", node]);
}

/** Publishes something of its own while `use` goes on. */
async function whilePublished(
  { by = node, flags = [] }: { readonly by?: string; readonly flags?: readonly string[] },
  use: (published: {
    readonly magnet: string;
    readonly digest: string;
    torrent(): Promise<string>;
  }) => Promise<void>,
): Promise<void> {
  const { file, digest } = await payload();
  const publisher = share(by, file, "--cache-dir", fresh(), ...flags);
  try {
    const { infoHash, torrentUrl } = await publisher.event("ready");
    const torrent = async () => {
      const copy = path.join(fresh(), "it.torrent");
      await run("curl", ["-sSf", "-o", copy, String(torrentUrl)]);
      return copy;
    };
    await use({ magnet: `magnet:?xt=urn:btih:${String(infoHash)}`, digest, torrent });
  } finally {
    await publisher.stop();
  }
}

/** We get what the magnet link names, by that node. */
async function weGet(magnet: string, digest: string, seconds: number, by = node): Promise<void> {
  const out = fresh();
  await share(by, "get", magnet, "-o", out, "--timeout", `${seconds}s`).succeed();
  expect(await digestFile(path.join(out, "payload.bin"))).toBe(digest);
}

async function clientGetsOurs(client: RealPeer, network: Network): Promise<void> {
  await whilePublished({ by: network.node }, async ({ magnet, digest }) => {
    const dir = fresh();
    const peer = await client.get(job(magnet, dir, network));
    await peer.stop();
    expect(await digestFile(path.join(dir, "payload.bin"))).toBe(digest);
  });
}

async function weGetTheirs(client: RealPeer, network: Network): Promise<void> {
  const { file, digest } = await payload();
  const made = path.join(fresh(), "made.torrent");
  const maker = new ShareProcess(["create", file, "-o", made]);
  await maker.succeed();
  const { infoHash } = await maker.event("created");
  const seeded = rewriteTorrent(made, [], path.join(fresh(), "seeded.torrent"));
  const seeder = await client.seed(job(seeded, path.dirname(file), network));
  try {
    await weGet(`magnet:?xt=urn:btih:${String(infoHash)}`, digest, 60, network.node);
  } finally {
    await seeder.stop();
  }
}

let nodes: readonly RunningPeer[] = [];
beforeAll(async () => {
  const start = (network: Network, address: string) =>
    libtorrentNode({ ...job("none", place.dir, network), address, port: 7600 });
  nodes = await Promise.all([start(four, "10.99.0.9"), start(six, "fd00:10:99::9")]);
});
afterAll(async () => {
  await Promise.all(nodes.map((each) => each.stop()));
  place.remove();
});

describe("clients that know nobody but a node", () => {
  it.concurrent.each(clients)("$name gets what we publish", (client) => clientGetsOurs(client, four));
  it.concurrent.each(clients)("we get what $name seeds", (client) => weGetTheirs(client, four));
});

describe("over IPv6 (BEP 32), by a node of that network alone", () => {
  it.concurrent("libtorrent gets what we publish", () => clientGetsOurs(libtorrent, six));
  it.concurrent("we get what libtorrent seeds", () => weGetTheirs(libtorrent, six));
});

describe("a node that a peer tells of on the wire (message 9)", () => {
  /** Nobody listens there. */
  const nobody = "10.99.0.20:9";

  it.concurrent("is enough for us to join, and to be found", () =>
    whilePublished({ by: nobody }, async ({ magnet, digest, torrent }) => {
      const between = await libtorrent.get(job(await torrent(), fresh()));
      // It was in the DHT before us; from now on there is nobody but us who has the data.
      await between.stop();
      await weGet(magnet, digest, 80);
    }));

  it.concurrent("is enough for libtorrent, when we tell", () =>
    whilePublished({}, async ({ torrent }) => {
      const theirs = await libtorrent.get({ ...job(await torrent(), fresh()), dht: nobody });
      try {
        expect(await theirs.until(({ stdout }) => stdout.includes("NODES") || undefined, 20_000)).toBe(true);
      } finally {
        await theirs.stop();
      }
    }));
});

describe("two of ours", () => {
  it("find each other", () => whilePublished({}, ({ magnet, digest }) => weGet(magnet, digest, 40)));

  it.each(["--private", "--unlisted", "--password=snark"])("don't, with %s", (flag) =>
    whilePublished({ flags: [flag] }, async ({ magnet }) => {
      expect(await share(node, "get", magnet, "-o", fresh(), "--timeout", "4s").end(30_000)).toBe(5);
    }),
  );
});
