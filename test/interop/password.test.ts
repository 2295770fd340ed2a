/** Ordinary clients get a share with a password by its web seed alone: they know no token, so no block goes over the wire. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { nodeHashes } from "../../src/platform/hashes.ts";
import { parseMetainfo } from "../../src/protocol/parse-metainfo.ts";
import { Child } from "../support/child.ts";
import { type ShareEvent, ShareProcess } from "../support/command.ts";
import { digestTree, noise, scratch } from "../support/data.ts";
import { aria2 } from "../support/peers/aria2.ts";
import { libtorrent } from "../support/peers/libtorrent.ts";
import type { PeerJob } from "../support/peers/peer.ts";
import { rewriteTorrent } from "../support/torrent-file.ts";

const agent = fileURLToPath(new URL("../support/peers/libtorrent-peer.py", import.meta.url));
const place = scratch();
const running: Child[] = [];
let publisher: ShareProcess;
let torrent: Uint8Array;

function at(...parts: string[]): string {
  return path.join(place.dir, ...parts);
}

function job(name: string, host: number, file: string): PeerJob {
  const [dir, state] = [at(name), at(`${name}-state`)];
  for (const folder of [dir, state]) mkdirSync(folder);
  return { torrent: file, dir, state, address: `10.99.0.${host}`, port: 7100 + host };
}

/** What the publisher says of all that went over the wire until now. */
async function nextStats(): Promise<ShareEvent> {
  const count = () => publisher.events.filter(({ event }) => event === "stats").length;
  const before = count();
  return publisher.until(() => (count() > before ? publisher.lastEvent("stats") : undefined));
}

beforeAll(async () => {
  mkdirSync(at("folder", "sub"), { recursive: true });
  writeFileSync(at("folder", "a b.bin"), noise(1_500_000, 1));
  writeFileSync(at("folder", "sub", "ü.bin"), noise(700_001, 2));
  publisher = new ShareProcess(
    [at("folder"), "--bind", "10.99.0.1", "--cache-dir", at("cache"), "--password", "snark"],
    {},
  );
  running.push(publisher);
  const { torrentUrl } = (await publisher.event("ready")) as unknown as { torrentUrl: string };
  const authorization = `Basic ${Buffer.from(":snark").toString("base64")}`;
  // The addresses of a loopback interface are not printed, but answer.
  const reached = torrentUrl.replace("127.0.0.1", "10.99.0.1");
  torrent = new Uint8Array(await (await fetch(reached, { headers: { authorization } })).arrayBuffer());
  writeFileSync(at("folder.torrent"), torrent);
});
afterAll(async () => {
  await Promise.all(running.map((child) => child.stop()));
  place.remove();
});

it.each([
  { client: aria2, host: 2 },
  { client: libtorrent, host: 3 },
])(
  "$client.name downloads by web seed, with the torrent that a logged-in browser saved",
  async ({ client, host }) => {
    const wanted = job(client.name, host, at("folder.torrent"));
    running.push(await client.get(wanted));
    expect(await digestTree(path.join(wanted.dir, "folder"))).toEqual(await digestTree(at("folder")));
    const stats = await nextStats();
    expect(stats).toMatchObject({ uploaded: stats["uploadedHttp"], peers: 0 });
    expect(stats["uploadedHttp"]).toBeGreaterThanOrEqual(2_200_001);
  },
);

it("gives nothing over the wire to clients that know tracker and token's path, but can't prove it", async () => {
  const { trackers } = parseMetainfo(torrent, nodeHashes);
  // Peers that came by web seed would hand on what they have: only the publisher is left to ask.
  for (const child of running.splice(1)) await child.stop();
  const file = rewriteTorrent(torrent, trackers.flat(), at("no-web-seed.torrent"));
  const { dir, address, port } = job("outside", 4, file);
  const child = new Child("/usr/bin/python3", [agent, "get", file, dir, address, String(port)]);
  running.push(child);
  await publisher.until(() =>
    publisher.events.find(
      ({ event, address: who }) => event === "peer" && String(who).startsWith("10.99.0.4:"),
    ),
  );
  await sleep(4_000);
  expect(child.stdout).not.toContain("DONE");
  const stats = await nextStats();
  expect(stats).toMatchObject({ uploaded: stats["uploadedHttp"], peers: 0 });
});
