/**
 * Resident memory, sampled ten times a second: of a publisher of one large file that many receivers fetch from at once, and
 * of one receiver of that file. Level means that the last third needs no more than the one before it. Linux.
 *
 * npm run bench -- memory [--mib 4096] [--peers 50] [--seconds 20]
 */
import { rmSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Session } from "../src/client/session.ts";
import { systemClock } from "../src/platform/clock.ts";
import { nodeHashes } from "../src/platform/hashes.ts";
import { systemRandom } from "../src/platform/random.ts";
import { dialTcp } from "../src/platform/tcp.ts";
import { Bitfield } from "../src/protocol/bitfield.ts";
import { fromHex } from "../src/protocol/bytes.ts";
import { infoHash } from "../src/protocol/ids.ts";
import { PieceLayout } from "../src/protocol/layout.ts";
import type { Child } from "../test/support/child.ts";
import { ShareProcess } from "../test/support/command.ts";
import { scratch } from "../test/support/data.ts";
import { machine, median, option, type Row, report, residentMiB, usageOf } from "./support/measure.ts";

const mib = option("mib", 4096);
const peerCount = option("peers", 50);
const seconds = option("seconds", 20);
const length = mib * 2 ** 20;
const pieceLength = 1 << 20;
const SAMPLE_MS = 100;
const PATIENCE = 300_000;
const place = scratch("/dev/shm");
const at = (name: string) => path.join(place.dir, name);

async function publish(): Promise<{ child: ShareProcess; port: number; infoHash: string; url: string }> {
  const flags = ["--no-lan", "--port", "0", "--cache-dir", at("cache"), "--piece-size", String(pieceLength)];
  const child = new ShareProcess([at("payload"), ...flags]);
  const listening = await child.event("listening");
  const ready = await child.event("ready", PATIENCE);
  return {
    child,
    port: Number(listening["port"]),
    infoHash: String(ready["infoHash"]),
    url: String(ready["url"]),
  };
}

/** Receivers that check everything and keep nothing, so that only the publisher's memory is in the way. */
function receivers(count: number, port: number, hash: string): { bytes(): number; stop(): Promise<void> } {
  const layout = new PieceLayout([length], pieceLength);
  const zeros = nodeHashes.sha1(new Uint8Array(pieceLength));
  const pieceHashes = new Uint8Array(20 * layout.pieceCount);
  for (let piece = 0; piece < layout.pieceCount; piece++) pieceHashes.set(zeros, 20 * piece);
  const sessions = Array.from({ length: count }, () => {
    const session = new Session({
      dial: dialTcp,
      clock: systemClock,
      random: systemRandom,
      sha1: nodeHashes.sha1,
      client: "bench",
    });
    const torrent = session.add({
      infoHash: infoHash(fromHex(hash) ?? new Uint8Array(0)),
      layout,
      pieceHashes,
      private: false,
      unlisted: false,
      // What they have nobody can ask for: they don't listen.
      storage: { read: () => undefined, write: async () => {}, close: async () => {} },
      have: new Bitfield(layout.pieceCount),
    });
    torrent.addPeers([{ host: "127.0.0.1", port }], "user");
    return { session, torrent };
  });
  return {
    bytes: () => sessions.reduce((sum, { torrent }) => sum + torrent.stats().downloaded, 0),
    async stop() {
      await Promise.all(sessions.map(({ session }) => session.close()));
    },
  };
}

/** Samples while `work` runs. */
async function watch(child: Child, work: Promise<unknown>): Promise<Row["figures"]> {
  const samples: number[] = [];
  const ended = work.then(() => true);
  do samples.push(residentMiB(child.process.pid));
  while (!(await Promise.race([ended, sleep(SAMPLE_MS).then(() => false)])));
  const third = Math.max(1, Math.floor(samples.length / 3));
  return {
    "peak MiB": usageOf(child.process.pid).peakMiB,
    "second third MiB": median(samples.slice(third, 2 * third)),
    "last third MiB": median(samples.slice(-third)),
  };
}

/** @returns how much was sent, too: memory says little about a publisher that nobody keeps busy. */
async function publisherRow(): Promise<Row> {
  const { child, port, infoHash: hash } = await publish();
  try {
    const idle = residentMiB(child.process.pid);
    const peers = receivers(peerCount, port, hash);
    const figures = await watch(child, sleep(1000 * seconds));
    const sent = peers.bytes() / 2 ** 20;
    if (sent === 0) throw new Error("nobody got anything");
    await peers.stop();
    const label = `publisher, ${mib} MiB, ${peerCount} receivers`;
    return { label, figures: { "before MiB": idle, ...figures, "moved MiB": sent } };
  } finally {
    await child.stop();
  }
}

async function receiverRow(): Promise<Row> {
  const { child: publisher, url } = await publish();
  const child = new ShareProcess(["get", url, "-o", at("out"), "--no-lan"]);
  try {
    const figures = await watch(child, child.event("done", PATIENCE));
    return {
      label: `receiver, ${mib} MiB`,
      figures: { "before MiB": Number.NaN, ...figures, "moved MiB": mib },
    };
  } finally {
    await Promise.all([child.stop(), publisher.stop()]);
    rmSync(at("out"), { recursive: true, force: true });
  }
}

try {
  console.log(machine());
  writeFileSync(at("payload"), "");
  // Sparse: reading it costs what cached data cost, and no disk.
  truncateSync(at("payload"), length);
  report("memory", `Resident memory, one file of ${mib} MiB, sampled for ${seconds} s`, [
    await publisherRow(),
    await receiverRow(),
  ]);
} finally {
  place.remove();
}
