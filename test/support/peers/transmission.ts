import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Child } from "../child.ts";
import { type PeerJob, patience, type RealPeer, type RunningPeer } from "./peer.ts";

/** Transmission's RPC listens this far above the peer port. */
const rpcDistance = 10_000;

interface TorrentState {
  readonly status: number;
  readonly metadataPercentComplete: number;
  readonly leftUntilDone: number;
  readonly error: number;
  readonly errorString: string;
}
interface RpcReply {
  readonly result: string;
  readonly arguments: { readonly torrents?: readonly TorrentState[] };
}

const seeding = 6;

class Daemon {
  readonly child: Child;
  readonly #url: string;
  #session = "";

  constructor(job: PeerJob) {
    const rpcPort = job.port + rpcDistance;
    const isIpv6 = job.address.includes(":");
    // Over IPv6 it is alone with its port number, and its RPC stays on IPv4.
    const rpcAddress = isIpv6 ? "127.0.0.1" : job.address;
    this.#url = `http://${rpcAddress}:${rpcPort}/transmission/rpc`;
    const settings = {
      "rpc-enabled": true,
      "rpc-bind-address": rpcAddress,
      "rpc-port": rpcPort,
      "rpc-whitelist-enabled": false,
      "rpc-host-whitelist-enabled": false,
      "rpc-authentication-required": false,
      "peer-port": job.port,
      // Bound to an IPv4 address it would ask trackers from there only.
      ...(isIpv6 ? { "bind-address-ipv6": job.address } : {}),
      "dht-enabled": false,
      "lpd-enabled": false,
      "utp-enabled": false,
      "port-forwarding-enabled": false,
      encryption: job.encryption === undefined ? 0 : 2,
      "download-dir": job.dir,
      "incomplete-dir-enabled": false,
    };
    writeFileSync(path.join(job.state, "settings.json"), JSON.stringify(settings));
    this.child = new Child("transmission-daemon", ["-f", "-g", job.state], { network: job.network });
  }

  async call(method: string, args: object): Promise<RpcReply> {
    for (const deadline = Date.now() + patience; Date.now() < deadline; ) {
      try {
        const response = await fetch(this.#url, {
          method: "POST",
          headers: { "X-Transmission-Session-Id": this.#session },
          body: JSON.stringify({ method, arguments: args }),
        });
        if (response.status === 200) return (await response.json()) as RpcReply;
        this.#session = response.headers.get("X-Transmission-Session-Id") ?? "";
      } catch {
        await sleep(50); // The daemon is still starting.
      }
    }
    throw new Error(`no answer to ${method}: ${this.child.describe()}`);
  }

  async complete(): Promise<void> {
    const deadline = Date.now() + patience;
    while (Date.now() < deadline) {
      const reply = await this.call("torrent-get", {
        fields: ["status", "metadataPercentComplete", "leftUntilDone", "error", "errorString"],
      });
      const torrent = reply.arguments.torrents?.[0];
      // 3 is a local error (disk); tracker errors (1, 2) may pass.
      if (torrent?.error === 3) throw new Error(`Transmission: ${torrent.errorString}`);
      if (torrent?.metadataPercentComplete !== 1) await sleep(100);
      else if (torrent.status === seeding && torrent.leftUntilDone === 0) return;
      await sleep(100);
    }
    throw new Error(`Transmission is not complete: ${this.child.describe()}`);
  }
}

/** Adds the torrent; data that is there is verified and seeded, the rest downloaded: one job both ways. */
async function start(job: PeerJob): Promise<RunningPeer> {
  const daemon = new Daemon(job);
  try {
    const what = job.torrent.startsWith("magnet:")
      ? { filename: job.torrent }
      : { metainfo: readFileSync(job.torrent).toString("base64") };
    const added = await daemon.call("torrent-add", { ...what, "download-dir": job.dir, paused: false });
    if (added.result !== "success") throw new Error(`Transmission refused the torrent: ${added.result}`);
    await daemon.complete();
  } catch (error) {
    await daemon.child.stop("SIGKILL");
    throw error;
  }
  return daemon.child;
}

export const transmission: RealPeer = { name: "transmission", seed: start, get: start };
