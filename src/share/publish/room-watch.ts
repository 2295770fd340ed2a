/** What the page shows of a share's swarm: the roster, with the rates of the last moments. */
import { RateMeter } from "../../client/core/rate.ts";
import type { Torrent } from "../../client/torrent.ts";
import type { PeerStats } from "../../client/torrent-types.ts";
import type { Receiver, Room } from "../../httpd/model.ts";
import { toHex } from "../../protocol/bytes.ts";
import type { TransferStats } from "../transfer-types.ts";
import type { PeerRoster, RosterRow } from "./peer-roster.ts";

/** Seconds that the plot goes back. */
const HISTORY = 180;
/** Milliseconds over which a receiver's rate is taken: progress comes in whole pieces. */
const SPAN = 5_000;
const ORDER = { receiving: 0, complete: 1, gone: 2, helper: 3 } as const;

/** What one second knows of a connected peer. */
interface Watched {
  readonly meter: RateMeter;
  progress: number;
  rate: number;
}

/** What goes out over HTTP: all of it, and bytes a second. */
export type WebTraffic = Pick<TransferStats, "uploaded" | "upRate">;

/** The part of a torrent that is watched. */
export type WatchedTorrent = Pick<Torrent, "stats" | "peers">;

export class RoomWatch {
  readonly #roster: PeerRoster;
  readonly #rates: number[] = Array.from({ length: HISTORY }, () => 0);
  #peers: ReadonlyMap<string, Watched> = new Map();
  #upRate = 0;
  #uploaded = 0;

  constructor(roster: PeerRoster) {
    this.#roster = roster;
  }

  /** Takes the readings of this second; `now` in milliseconds. */
  sample(torrent: WatchedTorrent | undefined, web: WebTraffic, now: number): void {
    const stats = torrent?.stats();
    this.#upRate = Math.round((stats?.upRate ?? 0) + web.upRate);
    this.#uploaded = (stats?.uploaded ?? 0) + web.uploaded;
    this.#rates.push(this.#upRate);
    this.#rates.shift();
    const before = this.#peers;
    const total = stats?.bytesTotal ?? 0;
    this.#peers = new Map(
      (torrent?.peers() ?? []).map((peer) => {
        const key = toHex(peer.peerId);
        return [key, watch(before.get(key), peer, total, now)];
      }),
    );
  }

  room(): Room {
    const rows = this.#roster.rows().sort((a, b) => ORDER[a.state] - ORDER[b.state] || a.number - b.number);
    return {
      receivers: rows.map((row) => this.#receiver(row)),
      completed: this.#roster.completed,
      upRate: this.#upRate,
      uploaded: this.#uploaded,
      rates: [...this.#rates],
    };
  }

  #receiver({ peerId, number, address, client, progress, state }: RosterRow): Receiver {
    const watched = this.#peers.get(peerId);
    return {
      key: String(number),
      client,
      host: hostOf(address),
      progress: state === "receiving" ? Math.max(progress, watched?.progress ?? 0) : 1,
      rate: state === "receiving" ? Math.round(watched?.rate ?? 0) : 0,
      state,
    };
  }
}

function watch(before: Watched | undefined, peer: PeerStats, total: number, now: number): Watched {
  // What it brought along it has not got in this second.
  const meter = before?.meter ?? new RateMeter(SPAN, now);
  if (before !== undefined) meter.add(Math.max(0, peer.progress - before.progress) * total, now);
  // Large pieces arrive long before they count; what we send to it we know at once.
  return { meter, progress: peer.progress, rate: Math.max(peer.upRate, meter.rate(now)) };
}

/** `host:port` or `[host]:port` without its port. */
function hostOf(address: string): string {
  return address.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
}
