/** Compares stored data with piece hashes: used when a download resumes, and to verify what lies somewhere. */
import { createHash } from "node:crypto";
import { bytesEqual } from "../../protocol/bytes.ts";
import { pieceIndex } from "../../protocol/ids.ts";
import type { PieceLayout } from "../../protocol/layout.ts";
import { StorageError } from "../errors.ts";
import type { PieceStorage } from "./storage.ts";

/** `missing`: could not be read, because a file is absent, too short or refused. */
type PieceVerdict = "good" | "bad" | "missing";

export interface DataCheck {
  readonly storage: Pick<PieceStorage, "read">;
  readonly layout: PieceLayout;
  /** SHA-1 of each piece, end to end, 20 bytes each. */
  readonly pieceHashes: Uint8Array;
  /** Which pieces to check, in this order. */
  readonly pieces: Iterable<number>;
  /** Told after each piece. `cause` is the reason when it is missing. */
  readonly onPiece: (piece: number, verdict: PieceVerdict, cause?: StorageError) => void;
}

/** Small enough to stay in the processor's cache between being read and being hashed. */
const SLICE = 128 * 1024;
/** Hashing gives way to everything else after so many bytes: some milliseconds. */
const TURN = 4 * 1024 * 1024;

/**
 * Checks pieces one after the other on this thread, in turns of a few milliseconds, with 128 KiB of memory whatever the
 * piece length. Stretches of zeros are recognised without hashing each of them, since a sparse file has many.
 */
export async function checkData(check: DataCheck, signal: AbortSignal): Promise<void> {
  const checker = new Checker(check);
  let sinceYield = 0;
  for (const piece of check.pieces) {
    signal.throwIfAborted();
    sinceYield += check.layout.pieceSize(piece);
    if (sinceYield >= TURN) {
      sinceYield = 0;
      await new Promise(setImmediate);
      signal.throwIfAborted();
    }
    await checker.checkPiece(piece);
  }
}

class Checker {
  readonly #check: DataCheck;
  readonly #buffer = new Uint8Array(SLICE);
  /** SHA-1 of so many zeros. */
  readonly #zeroHashes = new Map<number, Uint8Array>();

  constructor(check: DataCheck) {
    this.#check = check;
  }

  async checkPiece(piece: number): Promise<void> {
    const { layout, pieceHashes, onPiece } = this.#check;
    const expected = pieceHashes.subarray(20 * piece, 20 * piece + 20);
    let actual: Uint8Array;
    try {
      actual = await this.#hash(piece, layout.pieceSize(piece));
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      onPiece(piece, "missing", error);
      return;
    }
    onPiece(piece, bytesEqual(actual, expected) ? "good" : "bad");
  }

  async #hash(piece: number, size: number): Promise<Uint8Array> {
    const hash = createHash("sha1");
    let zeros = 0;
    for (let begin = 0; begin < size; begin += SLICE) {
      const slice = this.#buffer.subarray(0, Math.min(SLICE, size - begin));
      const reading = this.#check.storage.read(pieceIndex(piece), begin, [slice]);
      if (reading !== undefined) await reading;
      if (zeros === begin && isZero(slice)) {
        zeros += slice.length;
        continue;
      }
      if (zeros > 0 && zeros === begin) hashZeros(hash, zeros);
      hash.update(slice);
    }
    return zeros === size ? this.#zeroHash(size) : hash.digest();
  }

  #zeroHash(size: number): Uint8Array {
    let digest = this.#zeroHashes.get(size);
    if (digest === undefined) {
      const hash = createHash("sha1");
      hashZeros(hash, size);
      digest = hash.digest();
      this.#zeroHashes.set(size, digest);
    }
    return digest;
  }
}

const zeroSlice = new Uint8Array(SLICE);

function isZero(bytes: Uint8Array): boolean {
  return bytes[0] === 0 && Buffer.compare(bytes, zeroSlice.subarray(0, bytes.length)) === 0;
}

function hashZeros(hash: ReturnType<typeof createHash>, count: number): void {
  for (let left = count; left > 0; left -= SLICE) hash.update(zeroSlice.subarray(0, Math.min(SLICE, left)));
}
