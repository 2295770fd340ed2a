import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { StorageError } from "../../../src/client/errors.ts";
import { checkData } from "../../../src/client/storage/check-data.ts";
import { PieceLayout } from "../../../src/protocol/layout.ts";

const PIECE = 300 * 1024;

/** Four pieces, the last one short: zeros, zeros that end in data, data that end in zeros, data. */
function pieces(): Uint8Array {
  const stream = new Uint8Array(3 * PIECE + 1000);
  stream.fill(7, 2 * PIECE - 10, 2 * PIECE + 10);
  stream.fill(9, 3 * PIECE);
  return stream;
}

async function check(stored: Uint8Array, signal = new AbortController().signal): Promise<string[]> {
  const stream = pieces();
  const layout = new PieceLayout([stream.length], PIECE);
  const pieceHashes = new Uint8Array(20 * layout.pieceCount);
  for (let i = 0; i < layout.pieceCount; i++) {
    pieceHashes.set(
      createHash("sha1")
        .update(stream.subarray(i * PIECE, (i + 1) * PIECE))
        .digest(),
      20 * i,
    );
  }
  const verdicts: string[] = [];
  await checkData(
    {
      layout,
      pieceHashes,
      pieces: [0, 1, 2, 3],
      storage: {
        read(piece, begin, targets) {
          let at = piece * PIECE + begin;
          for (const target of targets) {
            if (at + target.length > stored.length) {
              return Promise.reject(new StorageError("x", "changed", "x is too short"));
            }
            target.set(stored.subarray(at, at + target.length));
            at += target.length;
          }
          return undefined;
        },
      },
      onPiece: (piece, verdict) => verdicts.push(`${piece} ${verdict}`),
    },
    signal,
  );
  return verdicts;
}

describe("checking data", () => {
  it("finds right pieces right, those of zeros included", async () => {
    expect(await check(pieces())).toEqual(["0 good", "1 good", "2 good", "3 good"]);
  });

  it("takes a hole for data only where zeros belong", async () => {
    expect(await check(new Uint8Array(pieces().length))).toEqual(["0 good", "1 bad", "2 bad", "3 bad"]);
  });

  it.each([0, PIECE - 1, PIECE, 2 * PIECE - 1, 2 * PIECE, 3 * PIECE - 1, 3 * PIECE, 3 * PIECE + 999])(
    "sees one wrong byte at %i",
    async (at) => {
      const stored = pieces();
      stored[at] = (stored[at] ?? 0) ^ 1;
      const bad = Math.floor(at / PIECE);
      expect(await check(stored)).toEqual(
        [0, 1, 2, 3].map((piece) => `${piece} ${piece === bad ? "bad" : "good"}`),
      );
    },
  );

  it("calls missing what can't be read, and goes on", async () => {
    expect(await check(pieces().subarray(0, 2 * PIECE))).toEqual([
      "0 good",
      "1 good",
      "2 missing",
      "3 missing",
    ]);
  });

  it("stops when it is told to", async () => {
    const stop = new AbortController();
    stop.abort();
    await expect(check(pieces(), stop.signal)).rejects.toMatchObject({ name: "AbortError" });
  });
});
