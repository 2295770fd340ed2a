import { describe, expect, it } from "vitest";
import { HashLines, HashLinesError } from "../../../../src/client/core/hash-lines.ts";

const OPENING = {
  hashes: 1,
  name: "f",
  oneFile: false,
  pieceLength: 16_384,
  bytes: 3,
  files: 2,
  webSeed: "seed/",
};
const FILES = [
  { path: ["a"], bytes: 1 },
  { path: ["b", "ü"], bytes: 2, executable: true },
];
const hashes = (...numbers: readonly number[]) =>
  Buffer.concat(numbers.map((n) => Buffer.alloc(20, n))).toString("base64");

function lines(...records: readonly unknown[]): Uint8Array {
  return new TextEncoder().encode(records.map((record) => `${JSON.stringify(record)}\n`).join(""));
}

function reader() {
  const told: unknown[] = [];
  const made = new HashLines({
    head: (head) => told.push(head),
    hashes: (from, sha1) => told.push([from, [...sha1].filter((_, i) => i % 20 === 0)]),
    done: (infoHash) => told.push(infoHash),
    failed: (message) => told.push(new Error(message)),
  });
  return { made, told };
}

describe("HashLines", () => {
  const whole = lines(
    OPENING,
    ...FILES,
    { from: 0, sha1: hashes(1, 2) },
    { later: "versions may say more" },
    { from: 2, sha1: hashes(3) },
    { infoHash: "ab" },
  );
  const expected = [
    {
      name: "f",
      oneFile: false,
      pieceLength: 16_384,
      private: false,
      unlisted: false,
      token: undefined,
      webSeed: "seed/",
      files: [
        { path: ["a"], bytes: 1, executable: false },
        { path: ["b", "ü"], bytes: 2, executable: true },
      ],
    },
    [0, [1, 2]],
    [2, [3]],
    "ab",
  ];

  it("tells what a publisher says", () => {
    const { made, told } = reader();
    made.push(whole);
    expect(told).toEqual(expected);
  });

  it("reads the same however it is cut, and past empty lines", () => {
    const { made, told } = reader();
    const spaced = new TextEncoder().encode(new TextDecoder().decode(whole).replaceAll("\n", "\n\n"));
    for (let i = 0; i < spaced.length; i++) made.push(spaced.subarray(i, i + 1));
    expect(told).toEqual(expected);
  });

  it("tells that the publisher gave up", () => {
    const { made, told } = reader();
    made.push(lines(OPENING, ...FILES, { error: "changed" }));
    expect(told.at(-1)).toEqual(new Error("changed"));
  });

  it.each<[string, Uint8Array]>([
    ["no JSON", new TextEncoder().encode("{]\n")],
    ["no object", lines([1])],
    ["no UTF-8", Uint8Array.of(0xff, 0x0a)],
    ["another version", lines({ ...OPENING, hashes: 2 })],
    ["no name", lines({ ...OPENING, name: 1 })],
    ["pieces without length", lines({ ...OPENING, pieceLength: 0 })],
    ["no files", lines({ ...OPENING, files: 0 })],
    ["more files than any torrent has", lines({ ...OPENING, files: 1e9 })],
    ["a file without a path", lines(OPENING, { path: [], bytes: 1 })],
    ["a file of no size", lines(OPENING, { path: ["a"], bytes: -1 })],
    ["a gap between hashes", lines(OPENING, ...FILES, { from: 1, sha1: hashes(1) })],
    ["half a hash", lines(OPENING, ...FILES, { from: 0, sha1: "AAAA" })],
    ["no base64", lines(OPENING, ...FILES, { from: 0, sha1: "%" })],
    ["a line without end", new Uint8Array(300_000).fill(0x20)],
  ])("refuses %s", (_, bytes) => {
    expect(() => reader().made.push(bytes)).toThrow(HashLinesError);
  });
});
