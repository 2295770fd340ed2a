import { expect, test } from "vitest";
import {
  claimPieces,
  doneUpTo,
  piecesDone,
  planHashing,
  planPaths,
  putHash,
} from "../../../src/create/plan.ts";
import type { SourceFile } from "../../../src/create/source.ts";

const MiB = 1024 * 1024;

function file(absolutePath: string, length: number): SourceFile {
  return {
    path: [absolutePath],
    absolutePath,
    length,
    mtimeNs: 1_700_000_000_123_456_789n,
    ctimeNs: 0n,
    inode: 2n ** 63n + 1n,
    device: 1n,
    executable: false,
  };
}

test("paths, times and inodes survive being packed", () => {
  const paths = ["/a", "/日本語/ü", "/🎁"];
  const plan = planHashing(
    paths.map((path) => file(path, 5)),
    15,
    16_384,
  );
  expect(planPaths(plan)).toEqual(paths);
  expect(plan.mtimes[2]).toBe(1_700_000_000_123_456_789n);
  expect(plan.inodes[2]).toBe(2n ** 63n + 1n);
});

test.each([
  [16_384, 256],
  [MiB, 4],
  [16 * MiB, 1],
])("pieces of %i bytes are claimed once each, %i at a time", (pieceLength, batch) => {
  const total = 1_000 * MiB + 7;
  const plan = planHashing([file("/a", total)], total, pieceLength);
  let next = 0;
  for (let claim = claimPieces(plan); claim !== undefined; claim = claimPieces(plan)) {
    expect(claim).toEqual({ from: next, to: Math.min(next + batch, plan.pieceCount) });
    next = claim.to;
  }
  expect(next).toBe(plan.pieceCount);
  expect(claimPieces(plan)).toBeUndefined();
});

test("pieces count as known up to the first gap", () => {
  const plan = planHashing([file("/a", 5 * 16_384)], 5 * 16_384, 16_384);
  const hash = new Uint8Array(20).fill(7);
  putHash(plan, 0, hash);
  putHash(plan, 2, hash);
  expect(doneUpTo(plan, 0)).toBe(1);
  expect(piecesDone(plan)).toBe(2);
  putHash(plan, 1, hash);
  expect(doneUpTo(plan, 1)).toBe(3);
  expect(plan.hashes.slice(20, 40)).toEqual(hash);
  expect(plan.hashes.slice(60, 80)).toEqual(new Uint8Array(20));
});
