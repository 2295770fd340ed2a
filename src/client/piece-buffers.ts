/** How much idle memory is kept; the rest is left to the garbage collector. */
const KEEP_BYTES = 32 * 1024 * 1024;

export interface PieceBuffersOptions {
  /** Bytes. */
  readonly pieceLength: number;
  /** Other threads are to see it. Nothing tells the garbage collector how large such memory is, so all of it is kept. */
  readonly shared: boolean;
}

/** Memory for pieces under way: reused, because touching fresh memory costs more than copying a block into it. */
export class PieceBuffers {
  readonly #pieceLength: number;
  readonly #shared: boolean;
  readonly #keep: number;
  readonly #idle: Uint8Array[] = [];

  constructor({ pieceLength, shared }: PieceBuffersOptions) {
    this.#pieceLength = pieceLength;
    this.#shared = shared;
    this.#keep = shared ? Number.POSITIVE_INFINITY : Math.max(2, Math.floor(KEEP_BYTES / pieceLength));
  }

  /** A buffer of one piece's length, full of leftovers; the caller has it until `give`. */
  take(): Uint8Array {
    return this.#idle.pop() ?? this.#make();
  }

  give(buffer: Uint8Array): void {
    if (this.#idle.length < this.#keep) this.#idle.push(buffer);
  }

  #make(): Uint8Array {
    if (this.#shared) return new Uint8Array(new SharedArrayBuffer(this.#pieceLength));
    return new Uint8Array(this.#pieceLength);
  }

  clear(): void {
    this.#idle.length = 0;
  }
}
