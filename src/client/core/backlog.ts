import type { Millis } from "../../protocol/ambient.ts";
import type { PeerKey } from "./active-piece.ts";

/** How much of the smoothed time the last one is. */
const SMOOTHING = 1 / 4;

interface Way {
  underWay: number;
  /** What a piece takes: the shortest time, and the usual one lately. */
  shortest: Millis;
  usual: Millis;
}

/**
 * How many pieces wait somewhere on a way that they are on: in buffers of the system and of routers, or with a receiver
 * that asks for one after the other. Nobody can ask how many those are; but what waits makes pieces take longer than
 * the shortest time that one ever took, by as much as there is more under way than the way itself holds (after TCP Vegas).
 */
export class Backlog {
  readonly #ways = new Map<PeerKey, Way>();

  /** Pieces; zero for ways that nothing is known of. @param most of one way */
  length(most = Number.POSITIVE_INFINITY): number {
    let length = 0;
    for (const { underWay, shortest, usual } of this.#ways.values()) {
      if (usual > 0) length += Math.min(most, underWay * (1 - shortest / usual));
    }
    return length;
  }

  /** A piece goes its way to `peer`, or what is awaited of `peer` begins. */
  began(peer: PeerKey): void {
    const way = this.#ways.get(peer);
    if (way === undefined)
      this.#ways.set(peer, { underWay: 1, shortest: Number.POSITIVE_INFINITY, usual: 0 });
    else way.underWay++;
  }

  /** A piece is at its end, after `took`. */
  ended(peer: PeerKey, took: Millis): void {
    const way = this.#ways.get(peer);
    if (way === undefined) return;
    way.underWay--;
    way.shortest = Math.min(way.shortest, took);
    way.usual = way.usual === 0 ? took : way.usual + SMOOTHING * (took - way.usual);
  }

  /** A piece isn't waited for any more. */
  dropped(peer: PeerKey): void {
    const way = this.#ways.get(peer);
    if (way !== undefined) way.underWay--;
  }

  gone(peer: PeerKey): void {
    this.#ways.delete(peer);
  }
}
