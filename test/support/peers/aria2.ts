import net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Child } from "../child.ts";
import { type PeerJob, patience, type RealPeer, type RunningPeer } from "./peer.ts";

function start(job: PeerJob, extra: readonly string[]): Child {
  return new Child("aria2c", [
    "--no-conf",
    `--dir=${job.dir}`,
    `--interface=${job.address}`,
    `--listen-port=${job.port}`,
    "--enable-dht=false",
    "--enable-dht6=false",
    "--bt-enable-lpd=false",
    "--disable-ipv6=true",
    "--file-allocation=none",
    "--follow-torrent=mem",
    "--summary-interval=0",
    ...extra,
    job.torrent,
  ]);
}

async function listening(child: Child, { address, port }: PeerJob): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = net.connect({ host: address, port }, () => resolve(true));
      socket.on("error", () => resolve(false)).on("connect", () => socket.destroy());
    });
    if (open) return;
    await sleep(50);
  }
  throw new Error(`does not listen: ${child.describe()}`);
}

export const aria2: RealPeer = {
  name: "aria2",
  async seed(job): Promise<RunningPeer> {
    const child = start(job, ["--seed-ratio=0.0", "--check-integrity=true", "--allow-overwrite=true"]);
    try {
      await listening(child, job);
    } catch (error) {
      await child.stop("SIGKILL");
      throw error;
    }
    return child;
  },
  async get(job): Promise<RunningPeer> {
    // Exits when complete (no seeding time): its exit code is its verdict.
    const child = start(job, ["--seed-time=0", "--bt-tracker-connect-timeout=5"]);
    try {
      await child.succeed(patience);
    } catch (error) {
      await child.stop("SIGKILL");
      throw error;
    }
    return child;
  },
};
