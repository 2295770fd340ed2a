/** Who takes part in a share's swarm, from two witnesses: the tracker hears announces, the engine sees connections. */
import { toHex } from "../../protocol/bytes.ts";
import type { PeerEvent } from "../events.ts";

/** What a witness says about a peer. */
export interface Sighting {
  readonly peerId: Uint8Array;
  /** `host:port`. */
  readonly address: string;
  /** What it says of itself. */
  readonly client: string;
  /** 0 to 1. */
  readonly progress: number;
}

/** Peer ids are for the taking: counting must not cost memory without end. */
const MAX_COUNTED = 100_000;

export type Witness = "tracker" | "wire";

/** A row of the roster. `gone`: it has completed and left. */
export interface RosterRow {
  /** The peer id in hexadecimal. */
  readonly peerId: string;
  /** One number a peer, from 1. */
  readonly number: number;
  readonly address: string;
  readonly client: string;
  readonly progress: number;
  readonly state: "receiving" | "complete" | "gone" | "helper";
}

/** Receivers that have finished and left, kept to be shown. */
const MAX_GONE = 200;

interface Entry {
  readonly number: number;
  /** It had everything when it came. */
  isHelper: boolean;
  readonly seenBy: Set<Witness>;
  address: string;
  client: string;
  progress: number;
  completed: boolean;
}

/** One entry a peer id, so that one receiver is told of once, whoever saw it first. */
export class PeerRoster {
  readonly #share: string;
  readonly #tell: (event: PeerEvent) => void;
  readonly #peers = new Map<string, Entry>();
  /** Peer ids: who comes again is no new copy. */
  readonly #completed = new Set<string>();
  readonly #gone: RosterRow[] = [];
  #numbered = 0;

  constructor(share: string, tell: (event: PeerEvent) => void) {
    this.#share = share;
    this.#tell = tell;
  }

  /** Receivers that got everything since the start. */
  get completed(): number {
    return this.#completed.size;
  }

  /** Everybody who is here, then those who have finished and left, the last one first. */
  rows(): RosterRow[] {
    return [...[...this.#peers].map(([peerId, entry]) => row(peerId, entry)), ...this.#gone];
  }

  joined(witness: Witness, peer: Sighting): void {
    const key = toHex(peer.peerId);
    const known = this.#peers.get(key);
    if (known !== undefined) {
      known.seenBy.add(witness);
      this.#update(known, witness, peer);
      return;
    }
    // A peer that comes complete is a seeder, not a receiver that we served.
    const completed = peer.progress >= 1;
    const number = ++this.#numbered;
    const entry: Entry = {
      number,
      isHelper: completed && !this.#completed.has(key),
      seenBy: new Set([witness]),
      ...plain(peer),
      completed,
    };
    this.#peers.set(key, entry);
    const before = this.#gone.findIndex(({ peerId }) => peerId === key);
    if (before >= 0) this.#gone.splice(before, 1);
    this.#say("joined", entry);
  }

  completedBy(witness: Witness, peer: Sighting): void {
    this.joined(witness, { ...peer, progress: Math.min(peer.progress, 0.999_999) });
    const key = toHex(peer.peerId);
    const entry = this.#peers.get(key);
    if (entry === undefined || (entry.completed && !(entry.isHelper && witness === "tracker"))) return;
    // aria2 comes as a seeder while all it has is a magnet link; who announces that it has completed was none.
    entry.isHelper = false;
    entry.completed = true;
    entry.progress = 1;
    if (this.#completed.has(key) || this.#completed.size >= MAX_COUNTED) return;
    this.#completed.add(key);
    this.#say("completed", entry);
  }

  left(witness: Witness, peer: Sighting): void {
    const key = toHex(peer.peerId);
    const entry = this.#peers.get(key);
    if (entry === undefined) return;
    this.#update(entry, witness, peer);
    entry.seenBy.delete(witness);
    if (entry.seenBy.size > 0) return;
    this.#peers.delete(key);
    if (entry.completed && !entry.isHelper) {
      this.#gone.unshift({ ...row(key, entry), state: "gone" });
      this.#gone.length = Math.min(this.#gone.length, MAX_GONE);
    }
    this.#say("left", entry);
  }

  #update(entry: Entry, witness: Witness, peer: Sighting): void {
    // The tracker knows where a peer listens; a connection from it only where it called from.
    if (witness === "tracker") entry.address = peer.address;
    else entry.client = peer.client;
    entry.progress = entry.completed ? 1 : Math.max(entry.progress, peer.progress);
  }

  #say(state: PeerEvent["state"], { address, client, progress }: Entry): void {
    this.#tell({ event: "peer", share: this.#share, state, address, client, progress });
  }
}

function row(peerId: string, { number, address, client, progress, completed, isHelper }: Entry): RosterRow {
  const state = isHelper ? "helper" : completed ? "complete" : "receiving";
  return { peerId, number, address, client, progress, state };
}

function plain({ address, client, progress }: Sighting): Omit<Sighting, "peerId"> {
  return { address, client, progress };
}
