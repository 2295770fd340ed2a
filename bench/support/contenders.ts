/** The programs that move a torrent in the benchmarks: real clients from the interoperability tests, and ours. */
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Child } from "../../test/support/child.ts";
import { ShareProcess } from "../../test/support/command.ts";
import { aria2 } from "../../test/support/peers/aria2.ts";
import { libtorrent } from "../../test/support/peers/libtorrent.ts";
import { type PeerJob, patience, type RealPeer } from "../../test/support/peers/peer.ts";
import { transmission } from "../../test/support/peers/transmission.ts";
import { rewriteTorrent } from "../../test/support/torrent-file.ts";
import { ownFolders } from "./stage.ts";
import { webtorrent } from "./webtorrent.ts";

export type Contender = "boojum" | "libtorrent" | "aria2" | "transmission" | "webtorrent";

/** A seeder that runs, and the torrent by which leechers find it. */
export interface Seeding {
  readonly child: Child;
  readonly torrent: string;
}

export interface SeedJob {
  /** What is seeded: a file or a folder. */
  readonly payload: string;
  /** Its torrent, which names the benchmark's tracker; ours makes its own. */
  readonly torrent: string;
  /** Bytes. */
  readonly pieceLength: number;
  readonly port: number;
  /** An empty folder for the program's own files. */
  readonly state: string;
}

const seederAddress = "10.99.0.1";
/** By then an announce has reached the tracker. */
const ANNOUNCED = 2_000;
const others: Readonly<Record<Exclude<Contender, "boojum">, RealPeer>> = {
  libtorrent,
  aria2,
  transmission,
  webtorrent,
};

export async function startSeeder(name: Contender, job: SeedJob): Promise<Seeding> {
  if (name === "boojum") return publishOurs(job);
  const { torrent, port, state } = job;
  const dir = path.dirname(job.payload);
  const child = await others[name].seed({ torrent, dir, address: seederAddress, port, state });
  await sleep(ANNOUNCED);
  return { child, torrent };
}

/** Resolves when the copy is complete and checked; the program goes on seeding. */
export async function startLeecher(name: Contender, job: PeerJob): Promise<Child> {
  if (name !== "boojum") return others[name].get(job);
  const child = new ShareProcess(
    ["get", job.torrent, "-o", job.dir, "--port", String(job.port), "--seed", "--no-lan"],
    ownFolders(path.join(job.state, "user")),
  );
  try {
    await child.event("done", patience);
  } catch (error) {
    await child.stop("SIGKILL");
    throw error;
  }
  return child;
}

async function publishOurs({ payload, pieceLength, port, state }: SeedJob): Promise<Seeding> {
  const options = ["--port", String(port), "--no-lan", "--piece-size", `${pieceLength / 1024}KiB`];
  const child = new ShareProcess([payload, ...options], ownFolders(path.join(state, "user")));
  try {
    const ready = await child.event("ready", patience);
    const url = `http://${seederAddress}:${port}/s/${String(ready["share"])}.torrent`;
    const torrent = new Uint8Array(await (await fetch(url)).arrayBuffer());
    // By the tracker alone: no web seed.
    const announce = `http://${seederAddress}:${port}/announce`;
    return { child, torrent: rewriteTorrent(torrent, [announce], path.join(state, "ours.torrent")) };
  } catch (error) {
    await child.stop("SIGKILL");
    throw error;
  }
}
