import { bytesEqual } from "../../protocol/bytes.ts";
import type { PeerKey } from "./active-piece.ts";
import { BLOCK_LENGTH } from "./active-piece.ts";

/** How many failures of one piece are remembered; a piece that fails more often has met its culprit by then. */
const MAX_FAILURES = 4;

interface Failure {
  readonly givers: readonly PeerKey[];
  readonly digests: readonly Uint8Array[];
}

/**
 * Finds out who sent bad data. When one peer gave every block of a bad piece it's that one, at once; else the digest
 * of each block is kept until the good piece is there, and whoever gave a block that differs is to blame: the others,
 * whose blocks were in the same piece, are spared.
 */
export class Blame {
  readonly #digest: (data: Uint8Array) => Uint8Array;
  readonly #failures = new Map<number, Failure[]>();

  constructor(digest: (data: Uint8Array) => Uint8Array) {
    this.#digest = digest;
  }

  /** The piece failed before and hasn't passed since. */
  has(piece: number): boolean {
    return this.#failures.has(piece);
  }

  /** `data` isn't what the piece should be; `givers` says who gave each block. @returns who is proven guilty. */
  failed(piece: number, data: Uint8Array, givers: readonly PeerKey[]): readonly PeerKey[] {
    const guilty = new Set(givers);
    if (guilty.size === 1) return [...guilty];
    const failures = this.#failures.get(piece) ?? [];
    if (failures.length < MAX_FAILURES) failures.push({ givers, digests: this.#digests(data) });
    this.#failures.set(piece, failures);
    return [];
  }

  /** `data` is what the piece should be. @returns who gave blocks that were not. */
  passed(piece: number, data: Uint8Array): readonly PeerKey[] {
    const failures = this.#failures.get(piece);
    if (failures === undefined) return [];
    this.#failures.delete(piece);
    const good = this.#digests(data);
    const guilty = new Set<PeerKey>();
    for (const { givers, digests } of failures) {
      for (const [block, giver] of givers.entries()) {
        const was = digests[block];
        const is = good[block];
        if (was !== undefined && is !== undefined && !bytesEqual(was, is)) guilty.add(giver);
      }
    }
    return [...guilty];
  }

  #digests(data: Uint8Array): Uint8Array[] {
    const digests: Uint8Array[] = [];
    for (let at = 0; at < data.length; at += BLOCK_LENGTH) {
      digests.push(this.#digest(data.subarray(at, at + BLOCK_LENGTH)));
    }
    return digests;
  }
}
