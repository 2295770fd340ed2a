import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Child } from "../child.ts";
import { type PeerJob, patience, type RealPeer, type RunningPeer } from "./peer.ts";

function start(job: PeerJob, marker: string): Child {
  const session = path.join(job.state, "session");
  mkdirSync(session, { recursive: true });
  const config = path.join(job.state, "rtorrent.rc");
  writeFileSync(
    config,
    [
      "system.daemon.set = true",
      `session.path.set = ${session}`,
      `directory.default.set = ${job.dir}`,
      `network.bind_address.set = ${job.address}`,
      `network.port_range.set = ${job.port}-${job.port}`,
      "network.port_random.set = no",
      "dht.mode.set = disable",
      "protocol.pex.set = no",
      "protocol.encryption.set = allow_incoming",
      "trackers.use_udp.set = no",
      `method.set_key = event.download.finished, mark, "execute.nothrow=touch,${marker}"`,
      `method.set_key = event.download.hash_done, mark, "branch=d.complete=,\\"execute.nothrow=touch,${marker}\\""`,
      `schedule2 = load, 1, 0, "load.start=${job.torrent}"`,
    ].join("\n"),
  );
  return new Child("rtorrent", ["-n", "-o", `import=${config}`], { env: { HOME: job.state, TERM: "dumb" } });
}

/** Data that is there is checked and seeded, the rest downloaded: one job both ways. */
async function untilComplete(job: PeerJob): Promise<RunningPeer> {
  const marker = path.join(job.state, "complete");
  const child = start(job, marker);
  const deadline = Date.now() + patience;
  while (!existsSync(marker)) {
    if (Date.now() > deadline) {
      await child.stop("SIGKILL");
      throw new Error(`rtorrent is not complete: ${child.describe()}`);
    }
    await sleep(100);
  }
  return child;
}

export const rtorrent: RealPeer = { name: "rtorrent", seed: untilComplete, get: untilComplete };
