import type { PieceIndex } from "../protocol/ids.ts";
import type { PeerKey } from "./core/active-piece.ts";
import { Blame } from "./core/blame.ts";
import type { PieceStorage } from "./storage/storage.ts";

export interface PieceChecksOptions {
  /** SHA-1 of each piece, end to end, 20 bytes each. */
  readonly pieceHashes: Uint8Array;
  readonly sha1: (bytes: Uint8Array) => Uint8Array;
  readonly storage: Pick<PieceStorage, "write">;
  /** It's what it should be, and in the storage. */
  stored(piece: PieceIndex): void;
  /** It isn't what it should be. */
  corrupt(piece: PieceIndex): void;
  /** A peer is proven to have sent bad data. */
  guilty(key: PeerKey, piece: PieceIndex): void;
  /** The storage refused it. */
  failed(error: Error): void;
}

/** The last stretch of a piece: hashed, blamed on somebody or written, and only then reported. */
export class PieceChecks {
  readonly #options: PieceChecksOptions;
  readonly #blame: Blame;
  readonly #writes = new Set<Promise<void>>();

  constructor(options: PieceChecksOptions) {
    this.#options = options;
    this.#blame = new Blame(options.sha1);
  }

  /**
   * Checks a whole piece, and writes it when it's right.
   * @param givers who gave each block
   * @param done `data` isn't needed any more; called before `corrupt`, and after `stored` or `failed`
   */
  check(piece: PieceIndex, data: Uint8Array, givers: readonly PeerKey[], done: () => void): void {
    const { guilty, corrupt, sha1 } = this.#options;
    if (this.#isRight(piece, sha1(data))) {
      for (const key of this.#blame.passed(piece, data)) guilty(key, piece);
      const write = this.#write(piece, data, done);
      this.#writes.add(write);
      void write.finally(() => this.#writes.delete(write));
      return;
    }
    const culprits = this.#blame.failed(piece, data, givers);
    done();
    corrupt(piece);
    for (const key of culprits) guilty(key, piece);
  }

  /** Settles when no write is under way. */
  async settled(): Promise<void> {
    await Promise.all(this.#writes);
  }

  /** Never rejects. */
  async #write(piece: PieceIndex, data: Uint8Array, done: () => void): Promise<void> {
    let failure: Error | undefined;
    try {
      await this.#options.storage.write(piece, data);
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error));
    }
    if (failure === undefined) this.#options.stored(piece);
    else this.#options.failed(failure);
    done();
  }

  #isRight(piece: number, digest: Uint8Array): boolean {
    for (let i = 0; i < 20; i++) if (digest[i] !== this.#options.pieceHashes[piece * 20 + i]) return false;
    return true;
  }
}
