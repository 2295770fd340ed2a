import { fileURLToPath } from "node:url";
import { Child } from "../child.ts";
import { type PeerJob, patience, type RealPeer, type RunningPeer } from "./peer.ts";

const agent = fileURLToPath(new URL("libtorrent-peer.py", import.meta.url));

async function start(mode: "seed" | "get", job: PeerJob): Promise<RunningPeer> {
  const args = [agent, mode, job.torrent, job.dir, job.address, String(job.port)];
  const child = new Child("/usr/bin/python3", args, {
    network: job.network,
    ...(job.encryption && { env: { ENCRYPTION: job.encryption } }),
  });
  const awaited = mode === "seed" ? "READY" : "DONE";
  try {
    await child.until(({ stdout }) => (stdout.includes(awaited) ? true : undefined), patience);
  } catch (error) {
    await child.stop("SIGKILL");
    throw error;
  }
  return child;
}

/** libtorrent-rasterbar, the engine of qBittorrent and Deluge. */
export const libtorrent: RealPeer = {
  name: "libtorrent",
  seed: (job) => start("seed", job),
  get: (job) => start("get", job),
};
