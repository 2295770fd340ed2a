import type { Dial, PeerAddress, Transport } from "../platform/transport.ts";
import type { Clock } from "../protocol/ambient.ts";
import type { InfoHash } from "../protocol/ids.ts";
import { type Candidate, Candidates } from "./core/candidates.ts";
import type { Obfuscation } from "./peers/obfuscation.ts";
import type { PeerSource } from "./torrent-types.ts";

/** Connections that one session may have, over all its torrents; a new one is refused before an old one is dropped. */
export class ConnectionBudget {
  readonly #max: number;
  #used = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get used(): number {
    return this.#used;
  }

  /** @returns whether there was a place; it's taken then, until `release`. */
  take(): boolean {
    if (this.#used >= this.#max) return false;
    this.#used++;
    return true;
  }

  release(): void {
    this.#used--;
  }
}

export interface ConnectionsOptions {
  readonly dial: Dial;
  readonly obfuscation: Obfuscation;
  readonly infoHash: InfoHash;
  readonly clock: Clock;
  readonly budget: ConnectionBudget;
  /** Connections of this torrent, those being made included. */
  readonly maxPeers: number;
  /** BEP 27, or unlisted: peers from the tracker and the user only. */
  readonly secluded: boolean;
  /** How many peers are connected, and whether more could be of use. */
  connected(): number;
  wantsMore(): boolean;
  /** A connection was made; its place in the budget goes with it. */
  dialled(transport: Transport, candidate: Candidate<PeerSource>): void;
}

/** Connections being made at once; a hub that sees a hundred at a time may think of an attack. */
const MAX_HALF_OPEN = 20;

/** Finds peers to connect to: which address next, when again, how many at once. */
export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #candidates = new Candidates<PeerSource>();
  readonly #dialling = new Set<AbortController>();
  #closed = false;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
  }

  get candidates(): Candidates<PeerSource> {
    return this.#candidates;
  }

  add(addresses: readonly PeerAddress[], source: PeerSource): void {
    if (this.#options.secluded && source !== "tracker" && source !== "user") return;
    const now = this.#options.clock.now();
    for (const address of addresses) {
      if (Number.isInteger(address.port) && address.port > 0 && address.port < 65_536) {
        this.#candidates.add(address, source, now);
      }
    }
    this.tick();
  }

  /** Connects to whom it's time for. */
  tick(): void {
    const { clock, budget, maxPeers } = this.#options;
    const now = clock.now();
    while (
      !this.#closed &&
      this.#options.wantsMore() &&
      this.#dialling.size < MAX_HALF_OPEN &&
      this.#options.connected() + this.#dialling.size < maxPeers
    ) {
      if (!budget.take()) return;
      const candidate = this.#candidates.take(now, this.#options.connected() === 0);
      if (candidate === undefined) {
        budget.release();
        return;
      }
      void this.#dial(candidate);
    }
  }

  /** The peer of `candidate` is gone; `met`: it had said who it is. */
  lost(candidate: Candidate<PeerSource>, met: boolean): void {
    if (met) candidate.isSecondTry = false;
    else if (this.#tryOtherWay(candidate)) return;
    this.#fail(candidate);
  }

  #fail(candidate: Candidate<PeerSource>): void {
    this.#candidates.failed(candidate, this.#options.connected() === 0, this.#options.clock.now());
  }

  /** Connects to `address` again only when there is nobody else: bad data came from there. */
  distrust(address: PeerAddress): void {
    this.#candidates.distrust(address, "incoming", this.#options.clock.now());
  }

  /** Never connects to `address` again: it's us, or it's here already. */
  exclude(address: PeerAddress): void {
    this.#candidates.exclude(address, "incoming", this.#options.clock.now());
  }

  /** Knows nothing of `address` any more, until somebody tells of it anew. */
  forget(address: PeerAddress): void {
    this.#candidates.forget(address);
  }

  close(): void {
    this.#closed = true;
    for (const controller of this.#dialling) controller.abort();
  }

  /** Whoever hangs up on a plain handshake may take an obfuscated one, and the other way round. */
  #tryOtherWay(candidate: Candidate<PeerSource>): boolean {
    const { obfuscation, clock } = this.#options;
    if (!obfuscation.allowsPlain || !obfuscation.allowsObfuscated) return false;
    candidate.obfuscated = !candidate.obfuscated;
    candidate.isSecondTry = !candidate.isSecondTry;
    if (!candidate.isSecondTry) return false;
    this.#candidates.again(candidate, clock.now());
    this.tick();
    return true;
  }

  async #dial(candidate: Candidate<PeerSource>): Promise<void> {
    const { obfuscation, infoHash } = this.#options;
    candidate.obfuscated ??= obfuscation.beginsObfuscated(candidate.address);
    const controller = new AbortController();
    this.#dialling.add(controller);
    let transport: Transport | undefined;
    try {
      transport = await this.#options.dial(candidate.address, controller.signal);
    } catch {
      // Why doesn't matter: it's tried again later, as any other.
    }
    this.#dialling.delete(controller);
    if (transport !== undefined && !this.#closed) {
      const spoken = candidate.obfuscated ? obfuscation.dialled(transport, infoHash) : transport;
      this.#options.dialled(spoken, candidate);
      return;
    }
    transport?.destroy();
    this.#options.budget.release();
    if (!this.#closed) this.#fail(candidate);
  }
}
