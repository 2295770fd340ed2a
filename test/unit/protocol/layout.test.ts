import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PieceLayout } from "../../../src/protocol/layout.ts";

describe("PieceLayout", () => {
  // Stream: a 0-9, b empty, c 10-14, d 15-39, e empty; pieces 0-15, 16-31, 32-39.
  const layout = new PieceLayout([10, 0, 5, 25, 0], 16);

  it("counts pieces, the last one shorter", () => {
    expect([layout.totalLength, layout.pieceCount]).toEqual([40, 3]);
    expect([0, 1, 2].map((piece) => layout.pieceSize(piece))).toEqual([16, 16, 8]);
    expect(new PieceLayout([32], 16).pieceSize(1)).toBe(16);
  });

  it("maps bytes of a piece to the files that hold them, empty files left out", () => {
    expect(layout.spans(0, 0, 16)).toEqual([
      { file: 0, offset: 0, length: 10 },
      { file: 2, offset: 0, length: 5 },
      { file: 3, offset: 0, length: 1 },
    ]);
    expect(layout.spans(1, 4, 8)).toEqual([{ file: 3, offset: 5, length: 8 }]);
    expect(layout.spans(0, 10, 5)).toEqual([{ file: 2, offset: 0, length: 5 }]);
    expect(layout.spans(2, 0, 8)).toEqual([{ file: 3, offset: 17, length: 8 }]);
  });

  it("ends at the end of the stream, and gives nothing for nothing", () => {
    expect(layout.spans(2, 4, 100)).toEqual([{ file: 3, offset: 21, length: 4 }]);
    expect(layout.spans(3, 0, 16)).toEqual([]);
    expect(layout.spans(0, 3, 0)).toEqual([]);
  });

  it("finds the file of a byte, never an empty one", () => {
    expect([0, 9, 10, 14, 15, 39].map((offset) => layout.fileAt(offset))).toEqual([0, 0, 2, 2, 3, 3]);
    expect(new PieceLayout([0, 0, 3], 16).fileAt(0)).toBe(2);
  });

  it("tells the pieces of a file, none for an empty one", () => {
    expect([0, 1, 2, 3, 4].map((file) => layout.piecesOf(file))).toEqual([
      { first: 0, last: 0 },
      undefined,
      { first: 0, last: 0 },
      { first: 0, last: 2 },
      undefined,
    ]);
    // A file that ends with its piece is not in the next one.
    expect(new PieceLayout([16, 16], 16).piecesOf(0)).toEqual({ first: 0, last: 0 });
  });

  it("is exact beyond 32 bits", () => {
    const big = new PieceLayout([5 * 2 ** 40, 7], 2 ** 24);
    expect(big.pieceCount).toBe(5 * 2 ** 16 + 1);
    expect(big.spans(5 * 2 ** 16 - 1, 2 ** 24 - 1, 3)).toEqual([
      { file: 0, offset: 5 * 2 ** 40 - 1, length: 1 },
      { file: 1, offset: 0, length: 2 },
    ]);
  });

  it("covers every byte of every file exactly once, in order", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 1, max: 30 }),
        (lengths, pieceLength) => {
          const layout = new PieceLayout(lengths, pieceLength);
          const seen = lengths.map(() => 0);
          for (let piece = 0; piece < layout.pieceCount; piece++) {
            const size = layout.pieceSize(piece);
            let covered = 0;
            for (const { file, offset, length } of layout.spans(piece, 0, size)) {
              expect(offset).toBe(seen[file]);
              expect(length).toBeGreaterThan(0);
              seen[file] = offset + length;
              covered += length;
              const pieces = layout.piecesOf(file);
              expect(pieces && pieces.first <= piece && piece <= pieces.last).toBe(true);
            }
            expect(covered).toBe(size);
          }
          expect(seen).toEqual(lengths);
        },
      ),
    );
  });
});
