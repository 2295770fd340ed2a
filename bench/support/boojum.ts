/** Our own command as a peer of the benchmarks. */
import path from "node:path";
import { ShareProcess } from "../../test/support/command.ts";
import { type PeerJob, patience } from "../../test/support/peers/peer.ts";

export const boojum = {
  name: "boojum",
  /** Publishes `source`; resolves when it is hashed and seeded. */
  async publish(
    source: string,
    port: number,
    state: string,
  ): Promise<{ child: ShareProcess; torrentUrl: string }> {
    const cache = path.join(state, "cache");
    const child = new ShareProcess([
      source,
      "--port",
      String(port),
      "--no-lan",
      "--piece-size",
      "1MiB",
      "--cache-dir",
      cache,
    ]);
    const ready = await child.event("ready", patience);
    return { child, torrentUrl: `http://10.99.0.1:${port}/s/${String(ready["share"])}.torrent` };
  },
  async get(job: PeerJob): Promise<ShareProcess> {
    const child = new ShareProcess([
      "get",
      job.torrent,
      "-o",
      job.dir,
      "--port",
      String(job.port),
      "--seed",
      "--no-lan",
    ]);
    await child.event("done", patience);
    return child;
  },
};
