import { bytesEqual } from "../protocol/bytes.ts";
import type { PieceIndex } from "../protocol/ids.ts";
import type { PeerKey } from "./core/active-piece.ts";
import { Blame } from "./core/blame.ts";
import type { PieceStorage } from "./storage/storage.ts";

/** Storage as far as it takes pieces. */
export type CheckingStorage = Pick<PieceStorage, "write" | "checksElsewhere" | "writeIfRight">;

export interface PieceChecksOptions {
  /** SHA-1 of each piece, end to end, 20 bytes each. */
  readonly pieceHashes: Uint8Array;
  readonly sha1: (bytes: Uint8Array) => Uint8Array;
  readonly storage: CheckingStorage;
  /** It's what it should be, and in the storage. */
  stored(piece: PieceIndex): void;
  /** It isn't what it should be. */
  corrupt(piece: PieceIndex): void;
  /** A peer is proven to have sent bad data. */
  guilty(key: PeerKey, piece: PieceIndex): void;
  /** The storage refused it. */
  failed(error: Error): void;
}

interface WholePiece {
  readonly piece: PieceIndex;
  readonly data: Uint8Array;
  readonly givers: readonly PeerKey[];
  readonly done: () => void;
}

/** The last stretch of a piece: hashed, blamed on somebody or written, and only then reported. The storage may do it elsewhere. */
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
    const whole: WholePiece = { piece, data, givers, done };
    const { sha1, storage } = this.#options;
    const expected = this.#options.pieceHashes.subarray(20 * piece, 20 * piece + 20);
    const written = storage.writeIfRight?.(piece, data, expected);
    if (written !== undefined) this.#await(this.#checkedElsewhere(whole, written));
    else if (bytesEqual(sha1(data), expected)) {
      this.#passed(whole);
      this.#await(this.#write(whole));
    } else this.#failed(whole);
  }

  /** Settles when no write is under way. */
  async settled(): Promise<void> {
    await Promise.all(this.#writes);
  }

  #await(work: Promise<void>): void {
    this.#writes.add(work);
    void work.finally(() => this.#writes.delete(work));
  }

  /** Never rejects. */
  async #write({ piece, data, done }: WholePiece): Promise<void> {
    const { storage, stored, failed } = this.#options;
    const failure = await storage.write(piece, data).then(() => undefined, toError);
    if (failure === undefined) stored(piece);
    else failed(failure);
    done();
  }

  /** Never rejects. */
  async #checkedElsewhere(whole: WholePiece, written: Promise<boolean>): Promise<void> {
    const isRight = await written.catch(toError);
    if (isRight === false) this.#failed(whole);
    else if (isRight === true) {
      this.#passed(whole);
      this.#options.stored(whole.piece);
      whole.done();
    } else {
      this.#options.failed(isRight);
      whole.done();
    }
  }

  #passed({ piece, data }: WholePiece): void {
    for (const key of this.#blame.passed(piece, data)) this.#options.guilty(key, piece);
  }

  #failed({ piece, data, givers, done }: WholePiece): void {
    const { corrupt, guilty } = this.#options;
    const culprits = this.#blame.failed(piece, data, givers);
    done();
    corrupt(piece);
    for (const key of culprits) guilty(key, piece);
  }
}

function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
