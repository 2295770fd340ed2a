import { expect, test } from "vitest";
import { choosePieceLength, isPieceLength } from "../../../src/create/core/piece-length.ts";

const KiB = 1024;
const MiB = 1024 * KiB;
const GiB = 1024 * MiB;

test("from 16 MB to 32 GB a share has 1,000 to 2,000 pieces", () => {
  for (let bytes = 1_000 * 16 * KiB; bytes < 2_000 * 16 * MiB; bytes = Math.floor(bytes * 1.37)) {
    const pieces = Math.ceil(bytes / choosePieceLength(bytes));
    expect(pieces).toBeGreaterThanOrEqual(1_000);
    expect(pieces).toBeLessThanOrEqual(2_000);
  }
});

test.each([
  [1, 16 * KiB],
  [2_000 * 16 * KiB, 16 * KiB],
  [2_000 * 16 * KiB + 1, 32 * KiB],
  [GiB, MiB],
  [4 * GiB, 4 * MiB],
  [100 * GiB, 16 * MiB],
  [10_000 * GiB, 16 * MiB],
])("a share of %i bytes gets pieces of %i bytes", (bytes, expected) => {
  expect(choosePieceLength(bytes)).toBe(expected);
});

test("a piece length that is asked for is a power of two from 16 KiB to 64 MiB", () => {
  expect([16 * KiB, MiB, 64 * MiB].filter(isPieceLength)).toHaveLength(3);
  const bad = [0, -16_384, 8 * KiB, 16_385, 48 * KiB, 128 * MiB, 2 ** 40, 16_384.5, Number.NaN];
  expect(bad.filter(isPieceLength)).toEqual([]);
});
