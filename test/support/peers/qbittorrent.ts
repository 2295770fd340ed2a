import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Child } from "../child.ts";
import { type PeerJob, patience, type RealPeer, type RunningPeer } from "./peer.ts";

/** Its web interface listens this far above the peer port. */
const webDistance = 10_000;

interface TorrentState {
  readonly state: string;
  readonly amount_left: number;
}

/** What it is when everything is there, checked and offered. */
const seedingStates = new Set(["uploading", "stalledUP", "forcedUP"]);
const brokenStates = new Set(["error", "missingFiles"]);

class Daemon {
  readonly child: Child;
  readonly #api: string;

  constructor(job: PeerJob) {
    // Without a password it answers loopback only.
    this.#api = `http://127.0.0.1:${job.port + webDistance}/api/v2`;
    const config = path.join(job.state, "qBittorrent", "config");
    mkdirSync(config, { recursive: true });
    const settings = `[LegalNotice]
Accepted=true
[Preferences]
WebUI\\Address=127.0.0.1
WebUI\\Port=${job.port + webDistance}
WebUI\\LocalHostAuth=false
[BitTorrent]
Session\\Port=${job.port}
Session\\InterfaceAddress=${job.address}
Session\\DHTEnabled=false
Session\\LSDEnabled=false
Session\\PeXEnabled=false
Session\\BTProtocol=TCP
Session\\Encryption=${job.encryption === undefined ? 2 : 1}
`;
    writeFileSync(path.join(config, "qBittorrent.conf"), settings);
    this.child = new Child("qbittorrent-nox", [`--profile=${job.state}`]);
  }

  /** Adds the torrent, once the program has started. */
  async add(job: PeerJob): Promise<void> {
    const metainfo = new Blob([new Uint8Array(readFileSync(job.torrent))]);
    await this.#ask("/torrents/add", () => {
      const form = new FormData();
      form.set("torrents", metainfo, "it.torrent");
      form.set("savepath", job.dir);
      return form;
    });
  }

  async complete(): Promise<void> {
    const deadline = Date.now() + patience;
    while (Date.now() < deadline) {
      const [torrent] = JSON.parse(await this.#ask("/torrents/info")) as TorrentState[];
      if (torrent !== undefined && brokenStates.has(torrent.state)) {
        throw new Error(`qBittorrent: ${torrent.state}: ${this.child.describe()}`);
      }
      if (torrent?.amount_left === 0 && seedingStates.has(torrent.state)) return;
      await sleep(100);
    }
    throw new Error(`qBittorrent is not complete: ${this.child.describe()}`);
  }

  async #ask(what: string, form?: () => FormData): Promise<string> {
    for (const deadline = Date.now() + patience; Date.now() < deadline; ) {
      try {
        const response = await fetch(
          `${this.#api}${what}`,
          form === undefined ? {} : { method: "POST", body: form() },
        );
        if (response.ok) return await response.text();
      } catch {
        // It is still starting.
      }
      await sleep(50);
    }
    throw new Error(`no answer to ${what}: ${this.child.describe()}`);
  }
}

/** Data that is there is checked and seeded, the rest downloaded: one job both ways. */
async function start(job: PeerJob): Promise<RunningPeer> {
  const daemon = new Daemon(job);
  try {
    await daemon.add(job);
    await daemon.complete();
  } catch (error) {
    await daemon.child.stop("SIGKILL");
    throw error;
  }
  return daemon.child;
}

export const qbittorrent: RealPeer = { name: "qbittorrent", seed: start, get: start };
