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

  /** Why these bytes are refused. */
  function refusal(...parts: readonly Uint8Array[]): string {
    const { made } = reader();
    try {
      for (const part of parts) made.push(part);
    } catch (error) {
      if (!(error instanceof HashLinesError)) throw error;
      expect(error.code).toBe("hashes");
      return error.message.replace("What the publisher tells of its hashes can't be read: ", "");
    }
    return "none";
  }
  const text = (line: string) => new TextEncoder().encode(line);

  it.each<[string, Uint8Array, string]>([
    ["no JSON", text("{]\n"), "a line is no JSON."],
    ["a number", lines(1), "a line is no object."],
    ["null", lines(null), "a line is no object."],
    ["a list", lines([1]), "a line is no object."],
    ["no UTF-8", Uint8Array.of(0xff, 0x0a), "it is no text."],
    ["another version", lines({ ...OPENING, hashes: 2 }), "it is of another version."],
    ["no name", lines({ ...OPENING, name: 1 }), "its first line lacks something."],
    ["no web seed", lines({ ...OPENING, webSeed: undefined }), "its first line lacks something."],
    ["a torrent of files or of one?", lines({ ...OPENING, oneFile: 1 }), "its first line lacks something."],
    ["pieces without length", lines({ ...OPENING, pieceLength: 0 }), "its pieces have no length."],
    ["pieces of half a byte", lines({ ...OPENING, pieceLength: 0.5 }), "its pieces have no length."],
    ["pieces of less than nothing", lines({ ...OPENING, pieceLength: -1 }), "its pieces have no length."],
    ["a length in words", lines({ ...OPENING, pieceLength: "16384" }), "its pieces have no length."],
    ["no files", lines({ ...OPENING, files: 0 }), "it has too many files, or none."],
    ["half a file", lines({ ...OPENING, files: 0.5 }), "it has too many files, or none."],
    [
      "more files than any torrent has",
      lines({ ...OPENING, files: 500_001 }),
      "it has too many files, or none.",
    ],
    ["a file of no path", lines(OPENING, { path: [], bytes: 1 }), "a file has no path."],
    ["a path of numbers", lines(OPENING, { path: ["a", 1], bytes: 1 }), "a file has no path."],
    ["a path that is no list", lines(OPENING, { path: "a", bytes: 1 }), "a file has no path."],
    ["a file without a size", lines(OPENING, { path: ["a"] }), "a file has no size."],
    ["a file of less than nothing", lines(OPENING, { path: ["a"], bytes: -1 }), "a file has no size."],
    [
      "a gap between hashes",
      lines(OPENING, ...FILES, { from: 1, sha1: hashes(1) }),
      "its hashes are out of order.",
    ],
    ["half a hash", lines(OPENING, ...FILES, { from: 0, sha1: "AAAA" }), "a hash is cut off."],
    ["no hash", lines(OPENING, ...FILES, { from: 0, sha1: "" }), "a hash is cut off."],
    ["no base64", lines(OPENING, ...FILES, { from: 0, sha1: "%" }), "a hash is cut off."],
  ])("refuses %s", (_, bytes, problem) => {
    expect(refusal(bytes)).toBe(problem);
  });

  it("reads lines of 256 KiB, and refuses a longer one before it ends, however it comes", () => {
    const half = new Uint8Array(128 * 1024).fill(0x20);
    expect(refusal(half, half)).toBe("none");
    expect(refusal(half, half, half.subarray(0, 1))).toBe("a line is too long.");
  });

  it("refuses names of more than 32 MiB in all", () => {
    const file = { path: ["x".repeat(255_000)], bytes: 0 };
    const line = lines(file);
    const most = Math.floor((32 * 1024 * 1024) / (line.length - 1));
    const { made } = reader();
    made.push(lines({ ...OPENING, files: 500_000 }));
    for (let i = 0; i < most; i++) made.push(line);
    expect(() => made.push(line)).toThrow("it has too many files.");
  });

  /** What is told of a torrent that begins so. */
  function head(opening: object, ...files: readonly object[]): unknown {
    const { made, told } = reader();
    made.push(lines({ ...OPENING, files: files.length, ...opening }, ...files));
    expect(told).toHaveLength(1);
    return told[0];
  }

  it("tells of a torrent that is private, unlisted or has a token, and only what it says so", () => {
    const [file] = FILES;
    const said = { private: true, unlisted: true, token: "secret" };
    expect(head(said, { ...file })).toMatchObject(said);
    expect(head({ private: 1, unlisted: "true", token: 5 }, { ...file })).toMatchObject({
      private: false,
      unlisted: false,
      token: undefined,
    });
  });

  it("tells all that is known of each file, and leaves out what makes no sense", () => {
    const all = { path: ["l"], bytes: 0, executable: false, mtime: 5, symlink: ["..", "x"], folder: true };
    const odd = { path: ["o"], bytes: 0, executable: 1, mtime: -5, symlink: [], folder: "yes" };
    expect(head({}, all, odd)).toMatchObject({
      files: [all, { path: ["o"], bytes: 0, executable: false }],
    });
    expect(Object.keys((head({}, odd) as { files: readonly object[] }).files[0] ?? {})).toEqual([
      "path",
      "bytes",
      "executable",
    ]);
  });

  it("says nothing before all files are known", () => {
    const { made, told } = reader();
    made.push(lines(OPENING, FILES[0]));
    expect(told).toEqual([]);
    made.push(lines(FILES[1]));
    expect(told).toHaveLength(1);
  });
});
