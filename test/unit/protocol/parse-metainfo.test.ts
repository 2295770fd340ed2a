import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nodeHashes } from "../../../src/platform/hashes.ts";
import { concatBytes, fromLatin1, toHex, toLatin1 } from "../../../src/protocol/bytes.ts";
import { type Encodable, encodeBencode } from "../../../src/protocol/encode.ts";
import { MetainfoError } from "../../../src/protocol/errors.ts";
import { merkleRoot } from "../../../src/protocol/merkle.ts";
import type { Metainfo } from "../../../src/protocol/metainfo.ts";
import { type MetainfoLimits, parseMetainfo } from "../../../src/protocol/parse-metainfo.ts";
import { cpuMillis } from "../../support/cpu-time.ts";

type Dict = Record<string, Encodable | undefined>;

const K16 = 16_384;

/** A torrent of one file of 425 bytes; overrides replace keys, undefined removes them. */
const single = (info: Dict = {}, rest: Dict = {}): Dict => ({
  info: { length: 425, name: "temp", "piece length": K16, pieces: new Uint8Array(20).fill(7), ...info },
  ...rest,
});

/** A torrent of a folder; piece hashes are counted for the files. */
function folder(files: readonly Dict[], info: Dict = {}): Dict {
  const total = files.reduce((sum, file) => sum + Number(file["length"] ?? 0), 0);
  const pieces = info["pieces"] ?? new Uint8Array(20 * Math.ceil(total / K16));
  return { info: { files, name: "temp", "piece length": K16, ...info, pieces } };
}

const file = (path: readonly string[], length: number, rest: Dict = {}): Dict => ({ length, path, ...rest });

const parse = (torrent: Dict | string, limits?: MetainfoLimits): Metainfo =>
  parseMetainfo(
    typeof torrent === "string" ? fromLatin1(torrent) : encodeBencode(torrent),
    nodeHashes,
    limits,
  );

const paths = (torrent: Metainfo) => torrent.files.map(({ path }) => path.join("/"));

function expectRefused(torrent: Dict | string, problem: string | RegExp): void {
  expect(() => parse(torrent)).toThrow(MetainfoError);
  expect(() => parse(torrent)).toThrow(problem);
}

describe("parseMetainfo, v1", () => {
  it("reads a torrent of one file from literal bytes", () => {
    const info = "d6:lengthi5e4:name5:a.txt12:piece lengthi16384e6:pieces20:01234567890123456789e";
    const torrent = parse(`d8:announce16:http://t/announce4:info${info}e`.replace("16:http", "17:http"));
    expect(torrent).toEqual({
      version: "v1",
      infoHash: nodeHashes.sha1(fromLatin1(info)),
      infoHashV2: undefined,
      info: fromLatin1(info),
      name: "a.txt",
      rawName: "a.txt",
      singleFile: true,
      emptyFolders: [],
      files: [{ path: ["a.txt"], rawPath: ["a.txt"], length: 5, offset: 0, pad: false, executable: false }],
      length: 5,
      pieceLength: 16_384,
      pieceCount: 1,
      pieceHashes: fromLatin1("01234567890123456789"),
      private: false,
      trackers: [["http://t/announce"]],
      webSeeds: [],
      unlisted: false,
    });
  });

  it("hashes the raw bytes of info, whatever their order", () => {
    const info = "d4:name1:a6:lengthi5e12:piece lengthi16384e6:pieces20:01234567890123456789e";
    const torrent = parse(`d4:info${info}e`);
    expect(toHex(torrent.infoHash ?? new Uint8Array())).toBe(toHex(nodeHashes.sha1(fromLatin1(info))));
    expect(toLatin1(torrent.info)).toBe(info);
  });

  it("lays the files of a folder end to end", () => {
    const torrent = parse(folder([file(["b"], 10), file(["e", "empty"], 0), file(["e", "x"], K16)]));
    expect(torrent.singleFile).toBe(false);
    expect(torrent.files.map(({ path, offset, length }) => [path.join("/"), offset, length])).toEqual([
      ["b", 0, 10],
      ["e/empty", 10, 0],
      ["e/x", 10, K16],
    ]);
    expect([torrent.length, torrent.pieceCount]).toEqual([K16 + 10, 2]);
  });

  it("understands the attributes of BEP 47", () => {
    const torrent = parse(
      folder([
        file(["run"], 10, { attr: "hx" }),
        { attr: "p", length: 100 },
        file([".pad", "7"], 7, { attr: "p" }),
        { attr: "l", path: ["link"], "symlink path": ["a", "run"] },
        file(["odd"], 1, { attr: 5 }),
      ]),
    );
    expect(torrent.files.map(({ executable, pad, symlink }) => [executable, pad, symlink])).toEqual([
      [true, false, undefined],
      [false, true, undefined],
      [false, true, undefined],
      [false, false, ["a", "run"]],
      [false, false, undefined],
    ]);
    expect(paths(torrent)).toEqual(["run", ".pad/100", ".pad/7", "link", "odd"]);
    expect(parse(single({ attr: "x" })).files[0]?.executable).toBe(true);
  });

  it("reads times and empty folders as far as they make sense, and files choose their names first", () => {
    const times = [1_700_000_000, 0, -5, 2 ** 40, "soon"];
    const files = times.map((mtime, i) => file([`f${i}`], 1, { mtime }));
    const folders = [["f0"], ["..", "x"], ["con", "a:b"], [], "no", [1], ["F1"], ["x"]];
    const torrent = parse(folder(files, { boojum: { folders } }));
    expect(torrent.files.map(({ mtime }) => mtime)).toEqual([1_700_000_000, ...Array(4).fill(undefined)]);
    expect(paths(torrent)).toEqual(["f0", "f1", "f2", "f3", "f4"]);
    expect(torrent.emptyFolders.map((path) => path.join("/"))).toEqual([
      "f0 (2)",
      "x",
      "_con/a_b",
      "F1 (2)",
      "x (2)",
    ]);
    const many = Array.from({ length: 100_001 }, (_, i) => [`${i}`]);
    expect(parse(folder(files, { boojum: { folders: many } })).emptyFolders).toHaveLength(100_000);
    expect(parse(folder(files, { boojum: "other" })).emptyFolders).toEqual([]);
    expectRefused(folder(files, { boojum: { folders: [Array(4_000).fill("x")] } }), "path");
  });

  it("keeps the names of the torrent beside safe and unique ones", () => {
    const torrent = parse(folder([file(["..", "A:"], 5), file(["a_"], 5)], { name: "../x" }));
    expect(torrent.name).toBe(".._x");
    expect(paths(torrent)).toEqual(["A_ (2)", "a_"]);
    expect(torrent.files[0]?.rawPath).toEqual(["..", "A:"]);
  });

  it("lets no pad file rename a real one", () => {
    const torrent = parse(folder([{ attr: "p", length: 7, path: [".pad", "7"] }, file([".pad", "7"], 5)]));
    expect(paths(torrent)).toEqual([".pad/7 (2)", ".pad/7"]);
  });

  it("prefers names that are declared as UTF-8, and replaces what is not UTF-8", () => {
    const torrent = parse(
      folder([{ length: 5, path: [fromLatin1("\xe9")], "path.utf-8": ["é"] }, file(["x"], 1)], {
        name: fromLatin1("\xff."),
        "name.utf-8": undefined,
      }),
    );
    expect(torrent.name).toBe("\ufffd_");
    expect(paths(torrent)).toEqual(["é", "x"]);
  });

  it("accepts white space after the torrent, and nothing else", () => {
    const text = toLatin1(encodeBencode(single()));
    expect(parse(`${text}\r\n`).name).toBe("temp");
    expectRefused(`${text}e`, /something follows the end/);
  });

  it.each<[problem: string, torrent: Dict | string]>([
    ["it is not a torrent or damaged", ""],
    ["it is not a torrent or damaged", "<html>not a torrent</html>"],
    ["it is not a torrent or damaged: expected a dictionary", "le"],
    ["info is missing", {}],
    ["info is not a dictionary", { info: "x" }],
    ["info.name is missing", single({ name: undefined })],
    ["info.name is not a string", single({ name: 1 })],
    ["info.piece length is missing", single({ "piece length": undefined })],
    ["info.piece length is not a number", single({ "piece length": "16384" })],
    ["info.piece length is 0", single({ "piece length": 0 })],
    ["info.piece length is -16384", single({ "piece length": -16_384 })],
    ["info.piece length is 536870913", single({ "piece length": 2 ** 29 + 1 })],
    ["info.pieces is missing", single({ pieces: undefined })],
    ["info.pieces is not a string", single({ pieces: ["x"] })],
    ["info.pieces has 40 bytes; the files make 1 pieces", single({ pieces: new Uint8Array(40) })],
    ["info.pieces has 19 bytes", single({ pieces: new Uint8Array(19) })],
    ["info.pieces has 20 bytes; the files make 2 pieces", single({ length: K16 + 1 })],
    ["info.length is missing", single({ length: undefined })],
    ["info.length is not a number", single({ length: -1 })],
    ["info.length is not a number", single({ length: 2n ** 62n })],
    ["info has no data: all files are empty", single({ length: 0, pieces: "" })],
    ["info.files is empty", folder([])],
    ["info.files is not a list", single({ files: {} })],
    ["info.files[0] is not a dictionary", single({ files: ["x"] })],
    ["info.files[1].length is missing", folder([file(["a"], 1), { path: ["b"] }])],
    ["info.files[0].path is missing", folder([{ length: 5 }])],
    ["info.files[0].path is not a list of names", folder([{ length: 5, path: "x" }])],
    ["info.files[0].path is not a list of names", folder([{ length: 5, path: [] }])],
    ["info.files[0].path is not a list of names", folder([{ length: 5, path: ["x", 1] }])],
    ["info has no data", folder([file(["a"], 0)])],
    [
      "info has files of more bytes than can be counted",
      folder([file(["a"], Number.MAX_SAFE_INTEGER), file(["b"], 1)], { pieces: "" }),
    ],
    ["symlink path is missing", folder([file(["a"], 1), { attr: "l", path: ["l"] }])],
    [
      "symlink path leads out",
      folder([file(["a"], 1), { attr: "l", path: ["l"], "symlink path": ["..", "x"] }]),
    ],
    [
      "symlink path leads out",
      folder([file(["a"], 1), { attr: "l", path: ["l"], "symlink path": ["/etc"] }]),
    ],
    [
      "symlink path leads out",
      folder([file(["a"], 1), { attr: "l", path: ["l"], "symlink path": ["a\\b"] }]),
    ],
    ["length of a symlink", folder([{ attr: "l", length: 5, path: ["l"], "symlink path": ["x"] }])],
    ["info.meta version is not one", single({ "meta version": 3 })],
    ["longer than 3072 bytes", folder([file(Array(20).fill("x".repeat(200)), 1)])],
  ])("refuses: %s", (problem, torrent) => {
    expectRefused(torrent, problem);
  });

  it("refuses what is larger than its limits before it looks at it", () => {
    expect(() => parseMetainfo(new Uint8Array(10_000_001), nodeHashes)).toThrow(
      /10000001 bytes, more than the limit/,
    );
    expect(() => parse(single(), { maxBytes: 10 })).toThrow(/more than the limit of 10/);
    const two = single({ length: K16 + 1, pieces: new Uint8Array(40) });
    expect(parse(two, { maxPieces: 2 }).pieceCount).toBe(2);
    expect(() => parse(two, { maxPieces: 1 })).toThrow(/info.pieces are 2, more than the limit of 1/);
  });

  it("allocates nothing for a length that is not true", () => {
    expectRefused(single({ length: 2 ** 52, "piece length": 1 }), /more than the limit of 2097152/);
  });
});

describe("parseMetainfo, beside the files", () => {
  it("reads trackers in tiers, drops what can't be used and repetitions", () => {
    const list = [
      ["http://a/announce", "udp://b:80"],
      [],
      ["wss://c", "http://a/announce"],
      ["https://d/x "],
      [7],
    ];
    const torrent = parse(single({}, { announce: "http://other/announce", "announce-list": list }));
    expect(torrent.trackers).toEqual([["http://a/announce", "udp://b:80"], ["https://d/x"]]);
  });

  it("falls back to announce when announce-list has nothing to use", () => {
    const parsed = (rest: Dict) => parse(single({}, rest)).trackers;
    expect(parsed({ announce: "http://a/announce", "announce-list": [["x"]] })).toEqual([
      ["http://a/announce"],
    ]);
    expect(parsed({ announce: "http://a/announce", "announce-list": 5 })).toEqual([["http://a/announce"]]);
    expect(parsed({ "announce-list": ["http://a/1", "http://a/2"] })).toEqual([
      ["http://a/1"],
      ["http://a/2"],
    ]);
    expect(parsed({ announce: 5 })).toEqual([]);
    expect(parsed({ announce: `http://a/${"x".repeat(3000)}` })).toEqual([]);
    expect(parsed({ announce: "http://a/\nX-Header: 1" })).toEqual([]);
  });

  it("keeps 200 trackers at most", () => {
    const list = Array.from({ length: 300 }, (_, i) => [`http://t/${i}`]);
    expect(parse(single({}, { "announce-list": list })).trackers).toHaveLength(200);
  });

  it("reads web seeds as one string or a list, without repetitions", () => {
    const parsed = (seeds: Encodable) => parse(single({}, { "url-list": seeds })).webSeeds;
    expect(parsed("http://a/file")).toEqual(["http://a/file"]);
    expect(
      parsed(["http://a/x", "https://b/", "http://a/x", "", -20, "ftp://c/", "file:///etc/passwd"]),
    ).toEqual(["http://a/x", "https://b/"]);
    expect(parsed(-20)).toEqual([]);
  });

  it("reads who made it, when and why, and leaves out what has the wrong type", () => {
    const torrent = parse(
      single(
        { source: "LAN", private: 1 },
        { comment: "hé", "created by": "me", "creation date": 1_700_000_000 },
      ),
    );
    expect(torrent).toMatchObject({
      comment: "hé",
      createdBy: "me",
      creationDate: 1_700_000_000,
      source: "LAN",
      private: true,
    });
    const odd = parse(
      single({ source: 1, private: 0 }, { comment: 5, "created by": [], "creation date": "now" }),
    );
    expect(odd.private).toBe(false);
    for (const key of ["comment", "createdBy", "creationDate", "source"]) expect(odd).not.toHaveProperty(key);
  });

  it("reads the token of a share with a password, when it can be one", () => {
    expect(parse(single({}, { boojum: { token: "c0ffee" } })).token).toBe("c0ffee");
    for (const token of ["", "x".repeat(65), 5])
      expect(parse(single({}, { boojum: { token } }))).not.toHaveProperty("token");
  });

  it("knows an unlisted share by our key outside info", () => {
    expect(parse(single({}, { boojum: { unlisted: 1 } })).unlisted).toBe(true);
    expect(parse(single({}, { boojum: { unlisted: 0 } })).unlisted).toBe(false);
    expect(parse(single({}, { boojum: 1 })).unlisted).toBe(false);
    expect(parse(single({ boojum: { unlisted: 1 } })).unlisted).toBe(false);
  });
});

/** SHA-256 of 16 KiB of `fill`, and trees of such leaves. */
const leaf = (fill: number) => nodeHashes.sha256(new Uint8Array(K16).fill(fill));
const layerOf = (...fills: number[]) => concatBytes(fills.map(leaf));
const rootOf = (...fills: number[]) => merkleRoot(layerOf(...fills), K16, nodeHashes);

/** Files: `a` of one leaf, `big` of three; pieces of 16 KiB. */
function v2(info: Dict = {}, rest: Dict = {}): Dict {
  const big = rootOf(1, 2, 3);
  return {
    info: {
      "file tree": {
        a: { "": { length: 100, "pieces root": leaf(9) } },
        dir: { big: { "": { length: 3 * K16, "pieces root": big } }, empty: { "": { length: 0 } } },
      },
      "meta version": 2,
      name: "temp",
      "piece length": K16,
      ...info,
    },
    "piece layers": new Map([[toLatin1(big), layerOf(1, 2, 3)]]),
    ...rest,
  };
}

const hybridFiles = [
  file(["a"], 100),
  file([".pad", "16284"], K16 - 100, { attr: "p" }),
  file(["dir", "big"], 3 * K16),
  file(["dir", "empty"], 0),
];
const hybrid = (info: Dict = {}) => v2({ files: hybridFiles, pieces: new Uint8Array(80), ...info });

describe("parseMetainfo, v2 and hybrid", () => {
  it("reads a v2 torrent, each file beginning at a piece", () => {
    const torrent = parse(v2());
    expect([torrent.version, torrent.infoHash, torrent.infoHashV2?.length]).toEqual(["v2", undefined, 32]);
    expect(torrent.files.map(({ path, offset, pad }) => [path.join("/"), offset, pad])).toEqual([
      ["a", 0, false],
      [".pad/16284", 100, true],
      ["dir/big", K16, false],
      ["dir/empty", 4 * K16, false],
    ]);
    expect([torrent.length, torrent.pieceCount, torrent.pieceHashes.length]).toEqual([4 * K16, 4, 0]);
    expect(torrent.files[2]?.piecesRoot).toEqual(rootOf(1, 2, 3));
  });

  it("calls it one file when the tree is the name alone", () => {
    const tree = { temp: { "": { length: 5, "pieces root": leaf(1) } } };
    expect(parse(v2({ "file tree": tree }, { "piece layers": undefined })).singleFile).toBe(true);
    expect(parse(v2({ "file tree": tree, name: "other" }, { "piece layers": {} })).singleFile).toBe(false);
    expect(parse(v2()).singleFile).toBe(false);
  });

  it("reads a hybrid by its v1 part, with both hashes and the roots", () => {
    const torrent = parse(hybrid());
    expect(torrent.version).toBe("hybrid");
    expect(torrent.infoHash).toEqual(nodeHashes.sha1(torrent.info));
    expect(torrent.infoHashV2).toEqual(nodeHashes.sha256(torrent.info));
    expect(torrent.files.map(({ piecesRoot }) => piecesRoot?.length)).toEqual([32, undefined, 32, undefined]);
    expect(torrent.pieceHashes.length).toBe(80);
  });

  it("accepts piece layers that are missing, and none that are wrong", () => {
    const key = toLatin1(rootOf(1, 2, 3));
    expect(parse(v2({}, { "piece layers": undefined })).version).toBe("v2");
    expectRefused(v2({}, { "piece layers": [] }), "piece layers is not a dictionary");
    expectRefused(
      v2({}, { "piece layers": new Map([[key, layerOf(1, 2, 4)]]) }),
      "does not match its pieces root",
    );
    expectRefused(v2({}, { "piece layers": new Map([[key, layerOf(1, 2)]]) }), "has 64 bytes instead of 96");
    expectRefused(v2({}, { "piece layers": new Map([[key, 5]]) }), "is not a string");
    expectRefused(v2({}, { "piece layers": new Map([["x".repeat(32), layerOf(1)]]) }), "belongs to no file");
  });

  const tree = (node: Encodable): Dict => v2({ "file tree": node }, { "piece layers": {} });
  const good = { length: 5, "pieces root": leaf(1) };

  it.each<[problem: string, torrent: Dict]>([
    ["info.file tree is missing", v2({ "file tree": undefined })],
    ["info.file tree is not a dictionary", tree([])],
    ["has a file without a name", tree({ "": good })],
    ["info.file tree/a is not a dictionary", tree({ a: 5 })],
    ["info.file tree/a is not a dictionary", tree({ a: { "": 5 } })],
    ["info.file tree/a is a file and a folder", tree({ a: { "": good, b: { "": good } } })],
    ["info.file tree/a.length is missing", tree({ a: { "": {} } })],
    ["info.file tree/a: pieces root is missing", tree({ a: { "": { length: 5 } } })],
    ["pieces root is not a hash", tree({ a: { "": { length: 5, "pieces root": new Uint8Array(31) } } })],
    ["pieces root is not a hash", tree({ a: { "": { length: 5, "pieces root": new Uint8Array(32) } } })],
    ["is a pad file", tree({ a: { "": { ...good, attr: "p" } } })],
    ["symlink path is missing", tree({ a: { "": { length: 0, attr: "l" } } })],
    ["info has no data", tree({ a: { "": { length: 0 } } })],
    ["info has no data", tree({})],
    ["has 4194304 pieces, more than", tree({ a: { "": { ...good, length: 2 ** 36 } } })],
    [
      "one pieces root for files of different sizes",
      tree({ a: { "": { ...good, length: 2 * K16 } }, b: { "": { ...good, length: 3 * K16 } } }),
    ],
    ["not a power of two", v2({ "piece length": 3 * K16 })],
    ["not a power of two of at least 16384", v2({ "piece length": 8192 })],
    ["info.files[0] is not the same", hybrid({ files: [file(["b"], 100), ...hybridFiles.slice(1)] })],
    [
      "info.files[2] is not the same",
      hybrid({ files: hybridFiles.with(2, file(["dir", "big"], 3 * K16 - 1)) }),
    ],
    ["info.file tree has files that", hybrid({ files: hybridFiles.slice(0, 3) })],
    ["info.files[4] is not the same", hybrid({ files: [...hybridFiles, file(["more"], 0)] })],
    ["info.files[1] does not begin at a piece", hybrid({ files: hybridFiles.toSpliced(1, 1) })],
    [
      "info.files[1] is another symlink",
      v2(
        {
          "file tree": { a: { "": good }, b: { "": { attr: "l", length: 0, "symlink path": ["a"] } } },
          files: [file(["a"], 5), { attr: "l", path: ["b"], "symlink path": ["c"] }],
          pieces: new Uint8Array(20),
        },
        { "piece layers": {} },
      ),
    ],
  ])("refuses: %s", (problem, torrent) => {
    expectRefused(torrent, problem);
  });

  it("refuses a file tree that is out of order", () => {
    const text = toLatin1(encodeBencode(tree({ aa: { "": good }, ab: { "": good } })));
    expectRefused(text.replace("2:aa", "2:ac"), "info.file tree/ab is out of order");
  });

  it("refuses names that are out of order as bytes, not as text", () => {
    // U+10000 comes after U+FFFD in UTF-8 and before it in UTF-16.
    const order = tree(
      new Map([
        ["\xef\xbf\xbd", { "": good }],
        ["\xf0\x90\x80\x80", { "": good }],
      ]),
    );
    expect(paths(parse(order))[0]).toBe("\ufffd");
  });
});

describe("parseMetainfo, damaged torrents", () => {
  it("throws a MetainfoError or nothing, whatever bytes change", () => {
    const originals = [single({}, { announce: "http://a/x", "url-list": "http://w/" }), v2(), hybrid()].map(
      (torrent) => encodeBencode(torrent),
    );
    const change = fc.tuple(
      fc.nat(),
      fc.oneof(fc.constantFrom(...fromLatin1("dlie0123456789:-")), fc.nat(255)),
    );
    fc.assert(
      fc.property(fc.nat(2), fc.array(change, { minLength: 1, maxLength: 4 }), (which, changes) => {
        const bytes = Uint8Array.from(originals[which] ?? []);
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        try {
          const torrent = parseMetainfo(bytes, nodeHashes);
          expect(torrent.files.reduce((sum, { length }) => sum + length, 0)).toBe(torrent.length);
        } catch (error) {
          if (!(error instanceof MetainfoError)) throw error;
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("parseMetainfo, size and time", { timeout: 30_000 }, () => {
  it("parses 100,000 files in about half a second", () => {
    const files = Array.from({ length: 100_000 }, (_, i) =>
      file([`folder ${i % 300}`, "sub", `file ${i}.txt`], 3),
    );
    const bytes = encodeBencode(folder(files));
    let last: unknown;
    const time = cpuMillis(() => {
      last = parseMetainfo(bytes, nodeHashes).files[99_999]?.path;
    }, 3);
    expect(last).toEqual(["folder 99", "sub", "file 99999.txt"]);
    expect(time).toBeLessThan(1500);
  });

  it("parses 2,097,152 pieces at once, and copies none", () => {
    const bytes = encodeBencode(single({ length: 2_097_152 * K16, pieces: new Uint8Array(2_097_152 * 20) }));
    let torrent: Metainfo | undefined;
    const time = cpuMillis(() => {
      torrent = parseMetainfo(bytes, nodeHashes, { maxBytes: 50_000_000 });
    }, 3);
    expect(torrent?.pieceCount).toBe(2_097_152);
    expect(torrent?.pieceHashes.buffer).toBe(bytes.buffer);
    expect(time).toBeLessThan(500);
  });

  it("refuses a small file tree that would make millions of names", () => {
    let tree: Dict = Object.fromEntries(
      Array.from({ length: 60_000 }, (_, i) => [`f${i}`, { "": { length: 0 } }]),
    );
    for (let depth = 0; depth < 80; depth++) tree = { ["x".repeat(20)]: tree };
    const bytes = encodeBencode(v2({ "file tree": tree }, { "piece layers": {} }));
    const time = cpuMillis(() => {
      expect(() => parseMetainfo(bytes, nodeHashes)).toThrow(/too many files in too deep folders/);
    }, 3);
    expect(time).toBeLessThan(2000);
  });
});
