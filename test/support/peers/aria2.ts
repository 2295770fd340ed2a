import { writeFileSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Child } from "../child.ts";
import { type PeerJob, patience, type RealPeer, type RunningPeer } from "./peer.ts";

function start(job: PeerJob, extra: readonly string[]): Child {
  return new Child("aria2c", [
    "--no-conf",
    `--dir=${job.dir}`,
    `--interface=${job.address}`,
    `--listen-port=${job.port}`,
    // It asks UDP trackers through the socket of its DHT, which finds nobody in here.
    `--enable-dht=${job.udpTracker === true || job.dht !== undefined}`,
    ...(job.dht === undefined ? [] : [`--dht-entry-point=${job.dht}`]),
    `--dht-listen-port=${job.port}`,
    `--dht-file-path=${path.join(job.state, "dht.dat")}`,
    "--enable-dht6=false",
    "--bt-enable-lpd=false",
    `--disable-ipv6=${!job.address.includes(":")}`,
    "--file-allocation=none",
    "--follow-torrent=mem",
    "--summary-interval=0",
    ...(job.encryption === undefined ? [] : ["--bt-require-crypto=true", "--bt-min-crypto-level=arc4"]),
    ...extra,
    job.torrent,
  ]);
}

async function listening(child: Child, { address, port }: PeerJob): Promise<void> {
  for (const deadline = Date.now() + patience; Date.now() < deadline; ) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = net.connect({ host: address, port }, () => resolve(true));
      socket.on("error", () => resolve(false)).on("connect", () => socket.destroy());
    });
    if (open) return;
    await sleep(50);
  }
  throw new Error(`does not listen: ${child.describe()}`);
}

/** A command that aria2 runs when everything is downloaded; what it prints appears among aria2's own lines. */
function completionHook(job: PeerJob): string {
  const script = path.join(job.state, "complete.sh");
  writeFileSync(script, "#!/bin/sh\necho DONE\n", { mode: 0o755 });
  return script;
}

/** Stops a client that did not do what was awaited, and passes the error on. */
async function orStop(child: Child, awaited: Promise<unknown>): Promise<RunningPeer> {
  try {
    await awaited;
  } catch (error) {
    await child.stop("SIGKILL");
    throw error;
  }
  return child;
}

export const aria2: RealPeer = {
  name: "aria2",
  seed(job) {
    const child = start(job, ["--seed-ratio=0.0", "--check-integrity=true", "--allow-overwrite=true"]);
    return orStop(child, listening(child, job));
  },
  get(job) {
    const hook = `--on-bt-download-complete=${completionHook(job)}`;
    const child = start(job, ["--seed-ratio=0.0", "--bt-tracker-connect-timeout=5", hook]);
    const done = (): true | undefined => (child.stdout.includes("DONE") ? true : undefined);
    return orStop(child, child.until(done, patience));
  },
};
