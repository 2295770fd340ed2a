/** Real clients announce to our tracker alone, and find each other by what it tells them. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createHttpAnnounce } from "../../src/client/discovery/tracker-http.ts";
import { systemClock } from "../../src/platform/clock.ts";
import type { DatagramPort } from "../../src/platform/datagrams.ts";
import { nodeHashes } from "../../src/platform/hashes.ts";
import { type Listener, listen } from "../../src/platform/listener.ts";
import { systemRandom } from "../../src/platform/random.ts";
import { toLatin1 } from "../../src/protocol/bytes.ts";
import { type InfoHash, peerId } from "../../src/protocol/ids.ts";
import { parseMetainfo } from "../../src/protocol/parse-metainfo.ts";
import { openUdpTracker } from "../../src/share/track/udp-tracker.ts";
import { TrackerStore } from "../../src/tracker/core/store.ts";
import type { SwarmPeer } from "../../src/tracker/core/swarm-types.ts";
import { createPlainAnnounces, createTrackerHttp } from "../../src/tracker/http.ts";
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
/** The ports of those whose announces are plain enough to go past Node's parser. */
const plain = new Set<number>();
let store: TrackerStore;
let server: Listener;
let datagrams: DatagramPort;
/** Of our tracker, without the share's ID. */
let at: (over: "http" | "udp", ip: "IPv4" | "IPv6") => string;

/** Azureus-style peer ids begin with the client's name, aria2's with its own. */
function say(fact: string): (peer: SwarmPeer) => void {
  return ({ peerId: id, port, progress }) =>
    facts.push(`${fact} ${toLatin1(id).slice(0, 3)} ${port} ${Math.floor(progress)}`);
}

beforeAll(async () => {
  store = new TrackerStore({
    clock: systemClock,
    random: systemRandom,
    events: { joined: say("joined"), completed: say("completed"), left: say("left") },
  });
  const tracked = { store, hostNames: () => [] };
  const answers = createPlainAnnounces(tracked);
  server = await listen(
    { port: 0, bind: [] },
    {
      request: createTrackerHttp(tracked),
      plainGets: (socket) => {
        const answer = answers?.(socket);
        return (request) => {
          plain.add(Number(/&port=(\d+)/.exec(request.target)?.[1]));
          return answer?.(request);
        };
      },
    },
  );
  const { port } = server;
  datagrams = await openUdpTracker({ store, port, bind: [], hosts: [TRACKER] });
  at = (over, ip) => `${over}://${ip === "IPv4" ? TRACKER : `[${TRACKER6}]`}:${port}/announce`;
});

interface Tracked {
  /** The folder with the file. */
  readonly source: string;
  readonly torrent: string;
  readonly url: string;
  readonly infoHash: InfoHash;
}

/** A share of its own, so that no two cases meet; its torrent has our tracker's URL and no other. */
async function track(id: string, over: "http" | "udp", ip: "IPv4" | "IPv6"): Promise<Tracked> {
  const source = path.join(place.dir, `source-${id}`);
  mkdirSync(source);
  writeFileSync(path.join(source, "file.bin"), noise(3_000_001, Number.parseInt(id.slice(4), 10)));
  const made = path.join(place.dir, `${id}-made.torrent`);
  await run("transmission-create", ["-o", made, path.join(source, "file.bin")]);
  const url = `${at(over, ip)}/${id}`;
  const torrent = rewriteTorrent(made, [url], path.join(place.dir, `${id}.torrent`));
  const { infoHash, length } = parseMetainfo(readFileSync(torrent), nodeHashes);
  if (infoHash === undefined) throw new Error("Transmission makes v1 torrents");
  store.register({ id, infoHash, listed: true, totalBytes: length });
  return { source, torrent, url, infoHash };
}

afterAll(async () => {
  for (const peer of running) await peer.stop("SIGKILL");
  await server.close();
  await datagrams.close();
  store.close();
  place.remove();
});

let nextHost = 2;
function job({ torrent }: Tracked, dir: string, over: "http" | "udp", ip: "IPv4" | "IPv6") {
  const host = nextHost++;
  const state = path.join(place.dir, `state-${host}`);
  mkdirSync(state);
  mkdirSync(dir, { recursive: true });
  const address = ip === "IPv4" ? `10.99.0.${host}` : `fd00:10:99::${host.toString(16)}`;
  return { torrent, dir, state, address, port: 7000 + host, udpTracker: over === "udp" };
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
  readonly id: string;
  readonly over: "http" | "udp";
  readonly ip: "IPv4" | "IPv6";
  /** The first has the file, the others get it. */
  readonly peers: readonly [RealPeer, ...RealPeer[]];
}

// Together, since they mostly wait: for each other's announces, and for clients that take their time.
it.concurrent.for<Case>([
  { id: "case1", over: "http", ip: "IPv4", peers: [libtorrent, transmission, aria2] },
  { id: "case2", over: "http", ip: "IPv4", peers: [aria2, libtorrent, transmission] },
  { id: "case3", over: "http", ip: "IPv4", peers: [transmission, aria2, libtorrent] },
  { id: "case4", over: "http", ip: "IPv6", peers: [libtorrent, transmission, aria2] },
  { id: "case5", over: "udp", ip: "IPv4", peers: [libtorrent, transmission, aria2] },
  { id: "case6", over: "udp", ip: "IPv4", peers: [aria2, libtorrent, transmission] },
  // Transmission 3 and aria2 know UDP trackers over IPv4 only.
  { id: "case7", over: "udp", ip: "IPv6", peers: [libtorrent, libtorrent] },
])(
  "$peers.0.name seeds, and others find it by our tracker alone over $over and $ip",
  { timeout: 120_000 },
  async ({ id, over, ip, peers }, { expect }) => {
    const [seeder, ...others] = peers;
    const tracked = await track(id, over, ip);
    const expected = await fileDigest(tracked.source);
    const own: RunningPeer[] = [];
    const start = async (starting: Promise<RunningPeer>) => {
      const peer = await starting;
      own.push(peer);
      running.push(peer);
    };
    const seeding = job(tracked, tracked.source, over, ip);
    const ports = [seeding.port];
    await start(seeder.seed(seeding));
    await expect
      .poll(() => facts, { timeout: 30_000 })
      .toContainEqual(`joined ${letters.get(seeder)} ${seeding.port} 1`);
    await Promise.all(
      others.map(async (client) => {
        const getting = job(tracked, path.join(place.dir, `copy-${nextHost}`), over, ip);
        ports.push(getting.port);
        await start(client.get(getting));
        expect(await fileDigest(getting.dir)).toBe(expected);
        const name = letters.get(client);
        expect(facts).toContainEqual(`joined ${name} ${getting.port} 0`);
        await expect
          .poll(() => facts, { timeout: 30_000 })
          .toContainEqual(`completed ${name} ${getting.port} 1`);
      }),
    );
    expect(ports.filter((port) => !plain.has(port))).toEqual(over === "http" ? [] : ports);
    await Promise.all(own.map((peer) => peer.stop()));
    // aria2 ends without a word, Transmission over HTTP and libtorrent over UDP sometimes do, too.
    const polite = over === "http" ? "-LT" : peers.includes(transmission) ? "-TR" : undefined;
    if (polite === undefined) return;
    const goodbyes = () =>
      ports.filter((port) => facts.some((fact) => fact.startsWith(`left ${polite} ${port} `)));
    await expect.poll(goodbyes, { timeout: 20_000 }).not.toEqual([]);
  },
);

it("is itself announced to by us, over an address that a public server may not send us to", async () => {
  const { url, infoHash } = await track("case8", "http", "IPv4");
  const params = { uploaded: 0, downloaded: 0, left: 1, numwant: 50, port: 1, key: "k" };
  const asked = { ...params, infoHash, peerId: peerId(new Uint8Array(20).fill(0x2d)) };
  const signal = AbortSignal.timeout(20_000);
  const announce = createHttpAnnounce();
  expect((await announce(url, asked, signal)).leechers).toBe(1);

  // A documentation address counts as public; in this network it is ours.
  const publicAddress = "203.0.113.7";
  await run("ip", ["addr", "add", `${publicAddress}/32`, "dev", "lo"]);
  const redirecting = createServer((request, response) =>
    response.writeHead(302, { Location: url + (request.url ?? "").replace(/^[^?]*/, "") }).end(),
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
