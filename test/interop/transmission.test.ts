/**
 * Transmission, which takes its time: it tells of peers after a minute and a half, and believes in a small DHT as late. So all
 * that needs it for such things runs at once, on one network of the test's own, each pair with data of its own.
 */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { ShareProcess } from "../support/command.ts";
import { digestFile, noise } from "../support/data.ts";
import { type LanHost, useLan } from "../support/lan.ts";
import {
  TransmissionHost,
  type TransmissionOptions,
  type TransmissionView,
} from "../support/peers/transmission-host.ts";
import { rewriteTorrent } from "../support/torrent-file.ts";

const agent = fileURLToPath(new URL("../support/peers/libtorrent-peer.py", import.meta.url));
const lan = useLan({ hosts: 15, stops: "last" });
const { fresh, keep } = lan;
let next = 0;
let made = 0;

/** One that nobody else has. */
const host = () => lan.host(next++);

function transmission(at: LanHost, options: Omit<TransmissionOptions, "state" | "dir"> & { dir?: string }) {
  const daemon = new TransmissionHost(at, { state: fresh(), dir: fresh(), ...options });
  keep(daemon.child);
  return daemon;
}

interface Payload {
  readonly file: string;
  readonly infoHash: string;
  /** Without a tracker. */
  readonly torrent: string;
  readonly magnet: string;
}

/** Data that no other case has, so that nobody gets it elsewhere. */
async function payload(size = 1_000_000): Promise<Payload> {
  const file = path.join(fresh(), "payload.bin");
  writeFileSync(file, noise(size, ++made));
  const whole = path.join(fresh(), "made.torrent");
  const maker = new ShareProcess(["create", file, "-o", whole]);
  await maker.succeed();
  const { infoHash } = await maker.event("created");
  const torrent = rewriteTorrent(whole, [], path.join(fresh(), "it.torrent"));
  return { file, torrent, infoHash: String(infoHash), magnet: `magnet:?xt=urn:btih:${String(infoHash)}` };
}

const hasPeers = (child: ShareProcess, count: number, timeout: number) =>
  child.until(
    () => child.events.find((each) => each.event === "progress" && each["peers"] === count),
    timeout,
  );
/** Seeds leave each other, so whom it got the data from can be seen only while it gets it: so many seconds. */
const SLOWLY = { limit: 200 };
const isConnected = ({ peers }: TransmissionView) => peers.length > 0;
const isSeeding = ({ percentDone, leftUntilDone }: TransmissionView) =>
  percentDone === 1 && leftUntilDone === 0;

describe.concurrent("on the local network (BEP 14), without a tracker", () => {
  it("Transmission finds ours, by what we announce", async () => {
    const { file, torrent, infoHash } = await payload();
    const theirs = transmission(host(), { lsd: true, ...SLOWLY });
    await theirs.add(torrent);
    // What it announces itself is past when ours comes.
    await theirs.until(infoHash, ({ percentDone }) => percentDone === 0, 60_000);
    await new Promise((resolve) => setTimeout(resolve, 20_000));
    keep(host().share([file, "--cache-dir", fresh()]));
    const { peersFrom } = await theirs.until(infoHash, isConnected, 60_000);
    expect(peersFrom.fromLpd).toBe(1);
    await theirs.until(infoHash, isSeeding, 60_000);
  });

  it("ours finds Transmission, by what it announces", async () => {
    const { file, magnet, torrent, infoHash } = await payload();
    const theirs = transmission(host(), { lsd: true, dir: path.dirname(file), ...SLOWLY });
    const out = fresh();
    const ours = keep(host().share(["get", magnet, "-o", out, "--timeout", "90s"]));
    // What we announce is past when it comes.
    await new Promise((resolve) => setTimeout(resolve, 20_000));
    await theirs.add(torrent);
    const { peersFrom } = await theirs.until(infoHash, isConnected, 60_000);
    expect(peersFrom).toMatchObject({ fromLpd: 0, fromIncoming: 1 });
    await ours.succeed();
    expect(await digestFile(path.join(out, "payload.bin"))).toBe(await digestFile(file));
  });
});

describe.concurrent("peers of peers (BEP 11)", () => {
  const get = (at: LanHost, torrent: string, ...peers: LanHost[]) => {
    const known = peers.flatMap(({ address }) => ["--peer", `${address}:${TransmissionHost.port}`]);
    const slowly = ["--no-lan", "--limit-down", "100KB", "--limit-up", "100KB"];
    return keep(at.share(["get", torrent, "-o", fresh(), ...slowly, ...known]));
  };

  it("two Transmissions that know only ours find each other, by our word", async () => {
    const { file, torrent, infoHash } = await payload(20_000_000);
    const [seeding, getting, ours] = [host(), host(), host()];
    const first = transmission(seeding, { pex: true, dir: path.dirname(file), limit: 1000 });
    const second = transmission(getting, { pex: true, limit: 1000 });
    await Promise.all([first.add(torrent), second.add(torrent)]);
    await first.until(infoHash, isSeeding, 60_000);
    await hasPeers(get(ours, torrent, seeding, getting), 2, 30_000);
    const view = await second.until(
      infoHash,
      ({ peers }) => peers.some(({ address }) => address === seeding.address),
      90_000,
    );
    const other = await first.view(infoHash);
    const told = [...view.peers, ...(other?.peers ?? [])].filter(({ flagStr }) => flagStr.includes("X"));
    expect(told.map(({ address }) => address)).not.toEqual([]);
    expect(view.peersFrom.fromPex + (other?.peersFrom.fromPex ?? 0)).toBeGreaterThan(0);
  });

  it("two of ours that know only a Transmission find each other, by its word", async () => {
    const { file, torrent, infoHash } = await payload(20_000_000);
    const between = host();
    const theirs = transmission(between, { pex: true, dir: path.dirname(file) });
    await theirs.add(torrent);
    await theirs.until(infoHash, isSeeding, 60_000);
    const both = [get(host(), torrent, between), get(host(), torrent, between)];
    await Promise.all(both.map((ours) => hasPeers(ours, 2, 150_000)));
  });
});

describe.concurrent("the DHT (BEP 5), by nodes that know nobody", () => {
  let node: LanHost;
  const port = 7600;
  const numbers = Array.from({ length: 12 }, (_, i) => `10.77.0.${100 + i}`);
  const dht = numbers.map((host) => ({ host, port }));
  const share = (at: LanHost, ...args: string[]) =>
    keep(at.share([...args, "--no-lan", "--dht-node", `${node.address}:${port}`]));

  beforeAll(async () => {
    node = host();
    // A dozen, on addresses of their own.
    for (const address of numbers)
      await node.run("ip", ["addr", "add", `${address}/24`, "dev", "eth0"]).succeed();
    node = { ...node, address: "10.77.0.100" };
    const args = [agent, "node", "none", fresh(), node.address, String(port)];
    const nodes = keep(node.run("/usr/bin/python3", args, { env: { DHT: `${node.address}:${port}` } }));
    await nodes.until(({ stdout }) => stdout.includes("READY") || undefined);
  });

  it("Transmission gets what we publish", async () => {
    const { file, infoHash, magnet } = await payload();
    await share(host(), file, "--cache-dir", fresh()).event("ready");
    const theirs = transmission(host(), { dht, ...SLOWLY });
    await theirs.add(magnet);
    const { peersFrom } = await theirs.until(infoHash, isConnected, 200_000);
    expect(peersFrom.fromDht + peersFrom.fromIncoming).toBeGreaterThan(0);
    await theirs.until(infoHash, isSeeding, 30_000);
  });

  it("we get what Transmission seeds", async () => {
    const { file, torrent, magnet } = await payload();
    const theirs = transmission(host(), { dht, dir: path.dirname(file) });
    await theirs.add(torrent);
    const out = fresh();
    await share(host(), "get", magnet, "-o", out, "--timeout", "200s").succeed(220_000);
    expect(await digestFile(path.join(out, "payload.bin"))).toBe(await digestFile(file));
  });
});
