/** Where the bytes of a piece lie in the files of a torrent (BEP 3, "info dictionary"). */

/** A run of bytes inside one file. */
export interface FileSpan {
  /** Index into the torrent's file list. */
  readonly file: number;
  /** Bytes from the start of that file. */
  readonly offset: number;
  readonly length: number;
}

/** Maps pieces to files and back. Sizes and offsets are bytes; the files lie end to end in one stream. */
export class PieceLayout {
  readonly totalLength: number;
  readonly pieceLength: number;
  readonly pieceCount: number;
  /** Offset of each file in the stream, then the total length. */
  readonly #starts: Float64Array;

  constructor(fileLengths: readonly number[], pieceLength: number) {
    this.#starts = new Float64Array(fileLengths.length + 1);
    let at = 0;
    for (const [i, length] of fileLengths.entries()) {
      this.#starts[i] = at;
      at += length;
    }
    this.#starts[fileLengths.length] = at;
    this.totalLength = at;
    this.pieceLength = pieceLength;
    this.pieceCount = Math.ceil(at / pieceLength);
  }

  /** The size of one piece: all are equal but the last, which may be shorter. */
  pieceSize(piece: number): number {
    return Math.min(this.pieceLength, this.totalLength - piece * this.pieceLength);
  }

  /** The file that holds byte `offset` of the stream; never an empty one. */
  fileAt(offset: number): number {
    let low = 0;
    let high = this.#starts.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if ((this.#starts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return low;
  }

  /** The file spans of `length` bytes from `begin` in `piece`, in stream order; empty files have none. */
  spans(piece: number, begin: number, length: number): FileSpan[] {
    const spans: FileSpan[] = [];
    let at = piece * this.pieceLength + begin;
    const end = Math.min(at + length, this.totalLength);
    for (let file = this.fileAt(at); at < end; file++) {
      const start = this.#starts[file] ?? 0;
      const stop = Math.min(this.#starts[file + 1] ?? end, end);
      if (stop > at) spans.push({ file, offset: at - start, length: stop - at });
      at = Math.max(at, stop);
    }
    return spans;
  }

  /** First and last piece that hold bytes of `file`; undefined for an empty file. */
  piecesOf(file: number): { readonly first: number; readonly last: number } | undefined {
    const start = this.#starts[file] ?? 0;
    const end = this.#starts[file + 1] ?? start;
    if (end === start) return undefined;
    return { first: Math.floor(start / this.pieceLength), last: Math.floor((end - 1) / this.pieceLength) };
  }
}
