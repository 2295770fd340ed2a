import type { Millis } from "../../protocol/ambient.ts";
import type { PeerKey } from "./active-piece.ts";

/** How much of the smoothed time the last one is. */
const SMOOTHING = 1 / 4;

interface Way {
  /** Pieces that the peer has asked for and doesn't have yet. */
  underWay: number;
  /** From the first request for a piece until the peer had it: the shortest time, and the usual one lately. */
  shortest: Millis;
  usual: Millis;
}

/**
 * How many pieces wait on their way to their receivers. They do so in buffers of the system, and of routers, which
 * nobody can ask; but what waits there makes pieces take longer than the shortest time that one ever took, by as much
 * as there is more under way than the way itself holds (after TCP Vegas).
 */
export class Backlog {
  readonly #ways = new Map<PeerKey, Way>();

  /** Pieces. Zero for ways that nothing is known of. */
  get length(): number {
    let length = 0;
    for (const { underWay, shortest, usual } of this.#ways.values()) {
      if (usual > 0) length += underWay * (1 - shortest / usual);
    }
    return length;
  }

  /** `peer` asks for a piece. */
  asked(peer: PeerKey): void {
    const way = this.#ways.get(peer);
    if (way === undefined)
      this.#ways.set(peer, { underWay: 1, shortest: Number.POSITIVE_INFINITY, usual: 0 });
    else way.underWay++;
  }

  /** `peer` has a piece, `took` after it asked for it. */
  arrived(peer: PeerKey, took: Millis): void {
    const way = this.#ways.get(peer);
    if (way === undefined) return;
    way.underWay--;
    way.shortest = Math.min(way.shortest, took);
    way.usual = way.usual === 0 ? took : way.usual + SMOOTHING * (took - way.usual);
  }

  /** A piece that `peer` asked for isn't waited for any more. */
  dropped(peer: PeerKey): void {
    const way = this.#ways.get(peer);
    if (way !== undefined) way.underWay--;
  }

  gone(peer: PeerKey): void {
    this.#ways.delete(peer);
  }
}
