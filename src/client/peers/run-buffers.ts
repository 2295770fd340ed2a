import { PIECE_HEADER } from "../core/messages.ts";

/** Block bytes in one run: as much as a core's cache holds while it goes from disk to socket. */
export const RUN_BYTES = 131_072;
const BLOCK = 16_384;
export const RUN_BLOCKS = RUN_BYTES / BLOCK;

/** Memory in which a run of blocks travels from disk to socket, each behind its message header. */
export interface RunBuffer {
  readonly bytes: Uint8Array;
  /** Where the blocks go when all of them have 16 KiB, which is nearly always. */
  readonly targets: readonly Uint8Array[];
  /** Gives the buffer back; made once, not for each run. */
  readonly release: () => void;
}

/** Gives buffers to the uploads of all peers, and keeps some of those that come back. */
export class RunBuffers {
  readonly #idle: RunBuffer[] = [];
  readonly #keep: number;
  #lent = 0;

  /** @param keep how many idle buffers are kept, of 128 KiB each. */
  constructor(keep = 32) {
    this.#keep = keep;
  }

  /** Buffers that were taken and not released. */
  get lent(): number {
    return this.#lent;
  }

  take(): RunBuffer {
    this.#lent++;
    return this.#idle.pop() ?? this.#make();
  }

  #make(): RunBuffer {
    const bytes = new Uint8Array(RUN_BYTES + RUN_BLOCKS * PIECE_HEADER);
    const targets: Uint8Array[] = [];
    for (let i = 0, at = PIECE_HEADER; i < RUN_BLOCKS; i++, at += PIECE_HEADER + BLOCK) {
      targets.push(bytes.subarray(at, at + BLOCK));
    }
    const buffer: RunBuffer = {
      bytes,
      targets,
      release: () => {
        this.#lent--;
        if (this.#idle.length < this.#keep) this.#idle.push(buffer);
      },
    };
    return buffer;
  }
}
