import { fileURLToPath } from "node:url";
import { Child } from "../child.ts";
import { type PeerJob, patience, type RealPeer, type RunningPeer } from "./peer.ts";

const agent = fileURLToPath(new URL("libtorrent-peer.py", import.meta.url));

async function start(mode: "seed" | "get" | "node", job: PeerJob): Promise<RunningPeer> {
  const args = [agent, mode, job.torrent, job.dir, job.address, String(job.port)];
  const child = new Child("/usr/bin/python3", args, {
    network: job.network,
    env: {
      ...(job.encryption && { ENCRYPTION: job.encryption }),
      ...(job.dht && { DHT: job.dht }),
      ...(job.limitUp && { LIMIT_UP: String(job.limitUp) }),
    },
  });
  const awaited = mode === "get" ? "DONE" : "READY";
  try {
    await child.until(({ stdout }) => (stdout.includes(awaited) ? true : undefined), patience);
  } catch (error) {
    await child.stop("SIGKILL");
    throw error;
  }
  return child;
}

/** A node of the DHT without a torrent, by which others join. */
export function libtorrentNode(job: PeerJob): Promise<RunningPeer> {
  return start("node", job);
}

/** libtorrent-rasterbar, the engine of qBittorrent and Deluge. */
export const libtorrent: RealPeer = {
  name: "libtorrent",
  seed: (job) => start("seed", job),
  get: (job) => start("get", job),
};
