import type { Multicast, MulticastGroup } from "../../platform/multicast.ts";
import type { Clock, Millis, Random, Timer } from "../../protocol/ambient.ts";
import { toHex, toLatin1 } from "../../protocol/bytes.ts";
import type { InfoHash } from "../../protocol/ids.ts";
import { canonicalIp } from "../../protocol/ip-address.ts";
import type { PeerAddress } from "../../protocol/peer-address.ts";
import {
  encodeLanAnnouncement,
  LAN_GROUP_4,
  LAN_GROUP_6,
  LAN_PORT,
  MAX_LAN_HASHES,
  parseLanAnnouncement,
} from "../core/lan-messages.ts";

export interface LanDiscoveryOptions {
  /** Where we accept peers. */
  readonly port: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly open: (
    groups: readonly MulticastGroup[],
    onDatagram: (bytes: Uint8Array, from: { readonly host: string }) => void,
  ) => Promise<Sender>;
}

type Sender = Pick<Multicast, "send" | "close">;

interface Sought {
  readonly infoHash: InfoHash;
  readonly onPeer: (address: PeerAddress) => void;
  announcedAt: Millis;
  /** When somebody asked, and we haven't answered. */
  due: Millis;
}

/** BEP 14: every five minutes, and never more than once a minute. */
const INTERVAL: Millis = 300_000;
const LEAST_INTERVAL: Millis = 60_000;
/** After hearing of a torrent that we have, so that both ends know of each other; chance keeps a crowd from answering at once. */
const ANSWER_WITHIN: Millis = 2_000;
/** Datagrams that are looked at a second: a flood costs no more than this. */
const MAX_A_SECOND = 100;
const TICK: Millis = 1_000;

const GROUPS = [
  { address: LAN_GROUP_4, port: LAN_PORT },
  { address: LAN_GROUP_6, port: LAN_PORT },
] as const;

/** Finds peers of the same torrents on the local network, and is found by them (BEP 14). Only for torrents that are open. */
export class LanDiscovery {
  readonly #options: LanDiscoveryOptions;
  readonly #cookie: string;
  readonly #sought = new Map<string, Sought>();
  #multicast: Sender | undefined;
  #timer: Timer | undefined;
  #heard = 0;
  #closed = false;

  constructor(options: LanDiscoveryOptions) {
    this.#options = options;
    this.#cookie = toHex(options.random.bytes(8));
  }

  /** Begins to listen; without multicast it finds nobody. */
  async start(): Promise<void> {
    const { open, clock } = this.#options;
    const multicast = await open(GROUPS, (bytes, { host }) => this.#onDatagram(bytes, host));
    if (this.#closed) {
      await multicast.close();
      return;
    }
    this.#multicast = multicast;
    const tick = () => {
      this.#timer = clock.after(TICK, tick);
      this.#heard = 0;
      this.#announceDue();
    };
    tick();
  }

  /** @returns a function that ends it. */
  seek(infoHash: InfoHash, onPeer: (address: PeerAddress) => void): () => void {
    const key = toLatin1(infoHash);
    const sought = {
      infoHash,
      onPeer,
      announcedAt: Number.NEGATIVE_INFINITY,
      due: this.#options.clock.now(),
    };
    this.#sought.set(key, sought);
    if (this.#multicast !== undefined) this.#announceDue();
    return () => {
      if (this.#sought.get(key) === sought) this.#sought.delete(key);
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    this.#sought.clear();
    await this.#multicast?.close();
  }

  #announceDue(): void {
    const now = this.#options.clock.now();
    const due = [...this.#sought.values()].filter(
      ({ announcedAt, due: at }) =>
        now - announcedAt >= INTERVAL || (now >= at && now - announcedAt >= LEAST_INTERVAL),
    );
    for (let at = 0; at < due.length; at += MAX_LAN_HASHES) {
      const some = due.slice(at, at + MAX_LAN_HASHES);
      for (const sought of some) {
        sought.announcedAt = now;
        sought.due = Number.POSITIVE_INFINITY;
      }
      const announcement = {
        port: this.#options.port,
        infoHashes: some.map(({ infoHash }) => infoHash),
        cookie: this.#cookie,
      };
      for (const group of GROUPS)
        this.#multicast?.send(group, encodeLanAnnouncement(announcement, group.address));
    }
  }

  #onDatagram(bytes: Uint8Array, from: string): void {
    if (this.#closed || ++this.#heard > MAX_A_SECOND) return;
    const announcement = parseLanAnnouncement(bytes);
    if (announcement === undefined || announcement.cookie === this.#cookie) return;
    const host = dialable(from);
    if (host === undefined) return;
    const { clock, random } = this.#options;
    for (const infoHash of announcement.infoHashes) {
      const sought = this.#sought.get(toLatin1(infoHash));
      if (sought === undefined) continue;
      sought.onPeer({ host, port: announcement.port });
      sought.due = Math.min(sought.due, clock.now() + random.next() * ANSWER_WITHIN);
    }
  }
}

/** Link-local IPv6 needs its zone to be called; everything else has one spelling. */
function dialable(host: string): string | undefined {
  const canonical = canonicalIp(host);
  return canonical !== undefined && /^fe[89ab]/.test(canonical) && host.includes("%") ? host : canonical;
}
