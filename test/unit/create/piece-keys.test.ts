import { expect, it } from "vitest";
import { KEY_BYTES } from "../../../src/create/core/hash-records.ts";
import { pieceKeys } from "../../../src/create/piece-keys.ts";
import type { SourceFile } from "../../../src/create/source-file.ts";
import { toHex } from "../../../src/protocol/bytes.ts";

const PIECE = 16_384;

function file(name: string, length: number, overrides: Partial<SourceFile> = {}): SourceFile {
  const path = ["folder", name];
  const times = { mtimeNs: 1_600_000_000_000_000_001n, ctimeNs: 1_600_000_000_000_000_002n };
  const absolutePath = `/share/${path.join("/")}`;
  return { path, absolutePath, length, ...times, inode: 42n, device: 1n, executable: false, ...overrides };
}

function keys(files: readonly SourceFile[], pieceLength = PIECE): string[] {
  const totalBytes = files.reduce((sum, { length }) => sum + length, 0);
  const all = pieceKeys({ files, singleFile: false, totalBytes }, pieceLength);
  return Array.from({ length: all.length / KEY_BYTES }, (_, i) =>
    toHex(all.subarray(i * KEY_BYTES, (i + 1) * KEY_BYTES)),
  );
}

/** Pieces 0 and 1 lie in `a`, 1 and 2 in `b`, 2 in `c`. */
const three = [file("a", 20_000), file("b", 20_000), file("c", 5_000)] as const;
const before = keys(three);

it("gives each piece a key of its own, the same each time", () => {
  expect(new Set(before).size).toBe(3);
  expect(keys(three)).toEqual(before);
});

it.each<[string, Partial<SourceFile>]>([
  ["mtime", { mtimeNs: 1_600_000_000_000_000_000n }],
  ["ctime", { ctimeNs: 1_600_000_000_000_000_003n }],
  ["inode", { inode: 43n }],
  ["name", { path: ["folder", "B"] }],
])("changes the keys of the pieces that a file touches, and no others, with its %s", (_what, change) => {
  const after = keys([three[0], file("b", 20_000, change), three[2]]);
  expect(after.map((key, piece) => key === before[piece])).toEqual([true, false, false]);
});

it("changes the keys of all pieces behind a file that grew, and of those with its end", () => {
  const after = keys([three[0], file("b", 20_001), three[2]]);
  expect(after.map((key, piece) => key === before[piece])).toEqual([true, false, false]);
});

it("keeps the keys of pieces before an added file, and those of a folder that was moved", () => {
  expect(keys([...three, file("d", 100_000)]).slice(0, 2)).toEqual(before.slice(0, 2));
  expect(
    keys(three.map((one) => ({ ...one, absolutePath: `/elsewhere/${one.absolutePath}`, device: 9n }))),
  ).toEqual(before);
});

it("doesn't take bytes at one place for those at another", () => {
  const [first, second] = keys([file("a", 2 * PIECE)]);
  expect(first).not.toBe(second);
  expect(keys([file("a", PIECE)])).not.toEqual(keys([file("a", PIECE)], 2 * PIECE).concat(""));
  // The same bytes, cut otherwise between two files.
  expect(keys([file("a", 10), file("b", 20)])).not.toEqual(keys([file("a", 20), file("b", 10)]));
});

it("ignores empty files: no piece holds a byte of them", () => {
  expect(keys([file("0", 0), ...three, file("e", 0)])).toEqual(before);
});
