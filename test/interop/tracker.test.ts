/** Real clients announce to our tracker alone, and find each other by what it tells them. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createHttpAnnounce } from "../../src/client/discovery/tracker-http.ts";
import { systemClock } from "../../src/platform/clock.ts";
import type { DatagramPort } from "../../src/platform/datagrams.ts";
import { nodeHashes } from "../../src/platform/hashes.ts";
import { systemRandom } from "../../src/platform/random.ts";
import { toLatin1 } from "../../src/protocol/bytes.ts";
import { peerId } from "../../src/protocol/ids.ts";
import { parseMetainfo } from "../../src/protocol/parse-metainfo.ts";
import { openUdpTracker } from "../../src/share/udp-tracker.ts";
import { TrackerStore } from "../../src/tracker/core/store.ts";
import type { SwarmPeer } from "../../src/tracker/core/swarm-types.ts";
import { createTrackerHttp } from "../../src/tracker/http.ts";
import { run } from "../support/child.ts";
import { digestTree, noise, scratch } from "../support/data.ts";
import { aria2 } from "../support/peers/aria2.ts";
import { libtorrent } from "../support/peers/libtorrent.ts";
import type { RealPeer, RunningPeer } from "../support/peers/peer.ts";
import { transmission } from "../support/peers/transmission.ts";
import { rewriteTorrent } from "../support/torrent-file.ts";

const TRACKER = "10.99.0.1";
const TRACKER6 = "fd00:10:99::1";
const place = scratch();
const facts: string[] = [];
const running: RunningPeer[] = [];
let store: TrackerStore;
let server: Server;
let datagrams: DatagramPort;
let torrent: string;
let announceUrl: string;
/** The torrent with our tracker's URL for the protocol in the key, and with no other. */
const tracked = new Map<string, string>();

/** Azureus-style peer ids begin with the client's name, aria2's with its own. */
function say(fact: string): (peer: SwarmPeer) => void {
  return ({ peerId: id, port, progress }) =>
    facts.push(`${fact} ${toLatin1(id).slice(0, 3)} ${port} ${Math.floor(progress)}`);
}

beforeAll(async () => {
  mkdirSync(path.join(place.dir, "source"));
  writeFileSync(path.join(place.dir, "source", "file.bin"), noise(3_000_001, 5));
  const made = path.join(place.dir, "made.torrent");
  await run("transmission-create", ["-o", made, path.join(place.dir, "source", "file.bin")]);
  store = new TrackerStore({
    clock: systemClock,
    random: systemRandom,
    events: { joined: say("joined"), completed: say("completed"), left: say("left") },
  });
  server = createServer(createTrackerHttp({ store, hostNames: () => [] }));
  const port = await new Promise<number>((resolve) => {
    server.listen(0, "::", () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
  announceUrl = `http://${TRACKER}:${port}/announce/k3f9x2ab`;
  datagrams = await openUdpTracker({ store, port, bind: [], hosts: [TRACKER] });
  for (const scheme of ["http", "udp"] as const) {
    for (const [ip, host] of [
      ["IPv4", TRACKER],
      ["IPv6", `[${TRACKER6}]`],
    ] as const) {
      const url = `${scheme}://${host}:${port}/announce/k3f9x2ab`;
      const file = path.join(place.dir, `${scheme}-${ip}.torrent`);
      tracked.set(`${scheme} ${ip}`, rewriteTorrent(made, [url], file));
    }
  }
  torrent = tracked.get("http IPv4") ?? "";
  const { infoHash, length } = parseMetainfo(readFileSync(torrent), nodeHashes);
  if (infoHash === undefined) throw new Error("Transmission makes v1 torrents");
  store.register({ id: "k3f9x2ab", infoHash, listed: true, totalBytes: length });
});

afterAll(async () => {
  for (const peer of running) await peer.stop("SIGKILL");
  server.closeAllConnections();
  server.close();
  await datagrams.close();
  store.close();
  place.remove();
});

let nextHost = 2;
function job(client: RealPeer, dir: string, over: string, ip: "IPv4" | "IPv6") {
  const host = nextHost++;
  const state = path.join(place.dir, `state-${host}`);
  mkdirSync(state);
  mkdirSync(dir, { recursive: true });
  const address = ip === "IPv4" ? `10.99.0.${host}` : `fd00:10:99::${host.toString(16)}`;
  return {
    torrent: tracked.get(`${over} ${ip}`) ?? "",
    dir,
    state,
    address,
    port: 7000 + host,
    client,
    udpTracker: over === "udp",
  };
}

/** The file alone: aria2 keeps notes beside it. */
async function fileDigest(dir: string): Promise<string | undefined> {
  return (await digestTree(dir)).get("file.bin");
}

/** The beginning of each client's peer id, the wire's own proof of who it was. */
const letters = new Map([
  [transmission, "-TR"],
  [aria2, "A2-"],
  [libtorrent, "-LT"],
]);

interface Case {
  readonly over: "http" | "udp";
  readonly ip: "IPv4" | "IPv6";
  /** The first has the file, the others get it. */
  readonly peers: readonly [RealPeer, ...RealPeer[]];
}

it.each<Case>([
  { over: "http", ip: "IPv4", peers: [libtorrent, transmission, aria2] },
  { over: "http", ip: "IPv4", peers: [aria2, libtorrent, transmission] },
  { over: "http", ip: "IPv4", peers: [transmission, aria2, libtorrent] },
  { over: "http", ip: "IPv6", peers: [libtorrent, transmission, aria2] },
  { over: "udp", ip: "IPv4", peers: [libtorrent, transmission, aria2] },
  { over: "udp", ip: "IPv4", peers: [aria2, libtorrent, transmission] },
  // Transmission 3 and aria2 know UDP trackers over IPv4 only.
  { over: "udp", ip: "IPv6", peers: [libtorrent, libtorrent] },
])(
  "$peers.0.name seeds, and others find it by our tracker alone over $over and $ip",
  { timeout: 120_000 },
  async ({ over, ip, peers }) => {
    const [seeder, ...others] = peers;
    facts.length = 0;
    const source = path.join(place.dir, "source");
    const expected = await fileDigest(source);
    const seeding = job(seeder, source, over, ip);
    running.push(await seeder.seed(seeding));
    await expect
      .poll(() => facts, { timeout: 20_000 })
      .toContainEqual(`joined ${letters.get(seeder)} ${seeding.port} 1`);
    for (const client of others) {
      const getting = job(client, path.join(place.dir, `copy-${nextHost}`), over, ip);
      running.push(await client.get(getting));
      expect(await fileDigest(getting.dir)).toBe(expected);
      const name = letters.get(client);
      expect(facts).toContainEqual(`joined ${name} ${getting.port} 0`);
      await expect
        .poll(() => facts, { timeout: 20_000 })
        .toContainEqual(`completed ${name} ${getting.port} 1`);
    }
    for (const peer of running.splice(0)) await peer.stop();
    // aria2 ends without a word, Transmission over HTTP and libtorrent over UDP sometimes do, too.
    const polite = over === "http" ? /left -LT/ : peers.includes(transmission) ? /left -TR/ : /./;
    await expect.poll(() => facts.join(), { timeout: 20_000 }).toMatch(polite);
  },
);

it("is itself announced to by us, over an address that a public server may not send us to", async () => {
  const { infoHash } = parseMetainfo(readFileSync(torrent), nodeHashes);
  if (infoHash === undefined) throw new Error("Transmission makes v1 torrents");
  const params = { uploaded: 0, downloaded: 0, left: 1, numwant: 50, port: 1, key: "k" };
  const asked = { ...params, infoHash, peerId: peerId(new Uint8Array(20).fill(0x2d)) };
  const signal = AbortSignal.timeout(20_000);
  const announce = createHttpAnnounce();
  expect((await announce(announceUrl, asked, signal)).leechers).toBe(1);

  // A documentation address counts as public; in this network it is ours.
  const publicAddress = "203.0.113.7";
  await run("ip", ["addr", "add", `${publicAddress}/32`, "dev", "lo"]);
  const redirecting = createServer((request, response) =>
    response.writeHead(302, { Location: announceUrl + (request.url ?? "").replace(/^[^?]*/, "") }).end(),
  );
  try {
    const port = await new Promise<number>((resolve) => {
      redirecting.listen(0, "0.0.0.0", () => {
        const address = redirecting.address();
        resolve(typeof address === "object" && address !== null ? address.port : 0);
      });
    });
    expect((await announce(`http://${TRACKER}:${port}/announce`, asked, signal)).leechers).toBe(1);
    await expect(announce(`http://${publicAddress}:${port}/announce`, asked, signal)).rejects.toThrow(
      /a public server redirected the announce to a local address/,
    );
  } finally {
    redirecting.closeAllConnections();
    redirecting.close();
  }
});
