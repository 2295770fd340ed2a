/**
 * Where everything in an archive lies, so that any part of it can be made without making the rest: literals (headers
 * and the like) and runs of the files' own bytes take turns. Pure; formats: `zip-layout.ts` and `tar-layout.ts`.
 */
import type { ByteRange } from "./range.ts";

/** A file as an archive describes it. */
export interface ArchiveFile {
  /** Components of the name in the archive; the first is the folder that it unpacks to, or the file's own. */
  readonly path: readonly string[];
  /** Bytes. */
  readonly length: number;
  readonly executable: boolean;
  /** Nanoseconds since 1970. */
  readonly mtimeNs: bigint;
}

/** Files `from` to `to`, `to` excluded. */
export interface FileSpan {
  readonly from: number;
  readonly to: number;
}

/** What a format knows: literal `i` stands before file `i`; those that follow the last file have none behind them. */
export interface ArchivePlan {
  readonly fileLengths: Float64Array;
  /** Of each literal in bytes; at least one more than there are files. */
  readonly literalLengths: Float64Array;
  /**
   * Makes a literal.
   * @param crcs CRC-32 of each file; only those of {@link crcsIn} need be known.
   */
  readonly literal: (item: number, crcs: Uint32Array) => Uint8Array;
  /** The files whose CRC-32 is in a literal; absent in formats without any. */
  readonly crcsIn?: (item: number) => FileSpan;
}

export type Segment =
  /** Bytes `from` to `to`, `to` excluded, of a literal. */
  | { readonly kind: "literal"; readonly item: number; readonly from: number; readonly to: number }
  /** Bytes of a file; an empty file has one run, from 0 to -1. */
  | { readonly kind: "run"; readonly file: number; readonly range: ByteRange };

const NONE: FileSpan = { from: 0, to: 0 };

export class ArchiveLayout {
  /** Of the whole archive, bytes. */
  readonly size: number;
  /** Whether the format has CRC-32s of the files at all. */
  readonly hasCrcs: boolean;
  readonly #plan: ArchivePlan;
  /** Where each literal begins. */
  readonly #starts: Float64Array;

  constructor(plan: ArchivePlan) {
    this.#plan = plan;
    this.hasCrcs = plan.crcsIn !== undefined;
    const { literalLengths, fileLengths } = plan;
    this.#starts = new Float64Array(literalLengths.length);
    let at = 0;
    for (let item = 0; item < literalLengths.length; item++) {
      this.#starts[item] = at;
      at += (literalLengths[item] ?? 0) + (fileLengths[item] ?? 0);
    }
    this.size = at;
  }

  /** What bytes `start` to `end` of the archive are made of, in order. */
  *segments({ start, end }: ByteRange): Generator<Segment, void, undefined> {
    const { literalLengths, fileLengths } = this.#plan;
    for (let item = this.#itemAt(start); item < literalLengths.length; item++) {
      const begin = this.#starts[item] ?? 0;
      if (begin > end) return;
      const literalLength = literalLengths[item] ?? 0;
      const from = Math.max(0, start - begin);
      const to = Math.min(literalLength, end + 1 - begin);
      if (from < to) yield { kind: "literal", item, from, to };
      const data = begin + literalLength;
      if (item >= fileLengths.length || data > end) continue;
      const length = fileLengths[item] ?? 0;
      const range = { start: Math.max(0, start - data), end: Math.min(length - 1, end - data) };
      if (range.start <= range.end || (length === 0 && start <= data))
        yield { kind: "run", file: item, range };
    }
  }

  literal(item: number, crcs: Uint32Array): Uint8Array {
    return this.#plan.literal(item, crcs);
  }

  /** The files whose CRC-32 is needed for a literal. */
  crcsIn(item: number): FileSpan {
    return this.#plan.crcsIn?.(item) ?? NONE;
  }

  /** The item that byte `position` belongs to. */
  #itemAt(position: number): number {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#starts[middle] ?? 0) <= position) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
