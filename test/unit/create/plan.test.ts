import { expect, test } from "vitest";
import { filesOf, packFiles, tablePaths } from "../../../src/create/file-table.ts";
import { claimPieces, doneUpTo, piecesDone, planHashing, putHash } from "../../../src/create/plan.ts";
import type { SourceFile } from "../../../src/create/source-file.ts";

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

test("files survive being packed", () => {
  const files = ["/a", "/日本語/ü", "/🎁"].map((path, i) => ({ ...file(path, i), executable: i === 1 }));
  const table = packFiles(files);
  expect(tablePaths(table)).toEqual(files.map(({ absolutePath }) => absolutePath));
  expect(
    filesOf(
      table,
      files.map((one) => ({ ...one, followed: false })),
    ),
  ).toEqual(files);
});

test("a file that nobody found is left out", () => {
  const files = [file("/a", 1), file("/b", 2), file("/c", 3)];
  const table = packFiles(files);
  table.isFile[1] = 0;
  const found = filesOf(
    table,
    files.map((one) => ({ ...one, followed: false })),
  );
  expect(found).toEqual([files[0], files[2]]);
});

test.each([
  [16_384, 256],
  [MiB, 4],
  [16 * MiB, 1],
])("pieces of %i bytes are claimed once each, %i at a time", (pieceLength, batch) => {
  const total = 1_000 * MiB + 7;
  const plan = planHashing(packFiles([file("/a", total)]), total, pieceLength);
  let next = 0;
  for (let claim = claimPieces(plan); claim !== undefined; claim = claimPieces(plan)) {
    expect(claim).toEqual({ from: next, to: Math.min(next + batch, plan.pieceCount) });
    next = claim.to;
  }
  expect(next).toBe(plan.pieceCount);
  expect(claimPieces(plan)).toBeUndefined();
});

test("pieces count as known up to the first gap", () => {
  const plan = planHashing(packFiles([file("/a", 5 * 16_384)]), 5 * 16_384, 16_384);
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
