import { describe, expect, it } from "vitest";
import { nodeHashes } from "../../../src/platform/hashes.ts";
import { fromLatin1, toLatin1 } from "../../../src/protocol/bytes.ts";
import { parseMetainfo } from "../../../src/protocol/parse-metainfo.ts";
import { encodeInfo, encodeTorrent } from "../../../src/protocol/write-metainfo.ts";

const hashes = fromLatin1("01234567890123456789");
const common = { name: "é", pieceLength: 16_384, pieceHashes: hashes };

describe("encodeInfo", () => {
  it("writes one file (BEP 3)", () => {
    expect(toLatin1(encodeInfo({ ...common, length: 5 }))).toBe(
      "d6:lengthi5e4:name2:\xc3\xa912:piece lengthi16384e6:pieces20:01234567890123456789e",
    );
  });

  it("writes a folder, the executable bit (BEP 47), private (BEP 27) and source", () => {
    const files = [
      { path: ["bin", "run"], length: 4, executable: true },
      { path: ["empty"], length: 0, executable: false },
    ];
    expect(toLatin1(encodeInfo({ ...common, files, private: true, source: "lan" }))).toBe(
      "d5:filesld4:attr1:x6:lengthi4e4:pathl3:bin3:runeed6:lengthi0e4:pathl5:emptyeee4:name2:\xc3\xa9" +
        "12:piece lengthi16384e6:pieces20:012345678901234567897:privatei1e6:source3:lane",
    );
  });

  it("writes the executable bit of a single file", () => {
    expect(toLatin1(encodeInfo({ ...common, length: 5, executable: true }))).toMatch(/^d4:attr1:x6:length/);
  });
});

describe("encodeTorrent", () => {
  const info = encodeInfo({ ...common, length: 5 });
  const raw = toLatin1(info);

  it("writes a lone tracker as announce only", () => {
    expect(toLatin1(encodeTorrent({ info, trackers: [["http://t/announce"]] }))).toBe(
      `d8:announce17:http://t/announce4:info${raw}e`,
    );
  });

  it("writes several trackers as announce-list too, in tiers (BEP 12)", () => {
    expect(toLatin1(encodeTorrent({ info, trackers: [["http://a", "http://b"], [], ["http://c"]] }))).toBe(
      `d8:announce8:http://a13:announce-listll8:http://a8:http://bel8:http://cee4:info${raw}e`,
    );
  });

  it("writes the rest in order, and nothing that is not there", () => {
    expect(toLatin1(encodeTorrent({ info }))).toBe(`d4:info${raw}e`);
    const torrent = encodeTorrent({
      info,
      webSeeds: ["http://w/"],
      comment: "c",
      createdBy: "boojum",
      creationDate: 7,
      unlisted: true,
    });
    expect(toLatin1(torrent)).toBe(
      "d6:boojumd8:unlistedi1ee7:comment1:c10:created by6:boojum13:creation datei7e" +
        `4:info${raw}8:url-listl9:http://w/ee`,
    );
  });

  it("keeps the info dictionary byte for byte, unsorted as it may be", () => {
    const unsorted = fromLatin1(
      "d4:name1:a6:lengthi5e12:piece lengthi16384e6:pieces20:01234567890123456789e",
    );
    const torrent = parseMetainfo(encodeTorrent({ info: unsorted }), nodeHashes);
    expect(torrent.info).toEqual(unsorted);
    expect(torrent.infoHash).toEqual(nodeHashes.sha1(unsorted));
  });

  it("writes links, times and empty folders only where there are any", () => {
    const files = [
      { path: ["a"], length: 4, mtime: 1_000_000_000, executable: true },
      { path: ["l"], length: 0, symlink: ["b", "c"] },
    ];
    const info = encodeInfo({ ...common, files, folders: [["e", "f"], ["g"]] });
    expect(toLatin1(info)).toMatch(
      /^d6:boojumd7:foldersll1:e1:fel1:geee5:filesld4:attr1:x6:lengthi4e5:mtimei1000000000e4:pathl1:aeed4:attr1:l6:lengthi0e4:pathl1:le12:symlink pathl1:b1:ceee4:name/,
    );
    const torrent = parseMetainfo(encodeTorrent({ info }), nodeHashes);
    expect(torrent.emptyFolders).toEqual([["e", "f"], ["g"]]);
    expect(torrent.files.map(({ mtime, symlink }) => [mtime, symlink])).toEqual([
      [1_000_000_000, undefined],
      [undefined, ["b", "c"]],
    ]);
    const plain = encodeInfo({ ...common, files: [{ path: ["a"], length: 4 }], folders: [] });
    expect(toLatin1(plain)).not.toMatch(/boojum|mtime|symlink/);
    const one = encodeInfo({ ...common, length: 4, mtime: 7 });
    expect(toLatin1(one)).toMatch(/^d6:lengthi4e5:mtimei7e4:name/);
    expect(parseMetainfo(encodeTorrent({ info: one }), nodeHashes).files[0]?.mtime).toBe(7);
  });

  it("writes what the parser reads back", () => {
    const files = [
      { path: ["a", "b.txt"], length: 4, executable: true },
      { path: ["ü", "日本"], length: 3 },
    ];
    const torrent = parseMetainfo(
      encodeTorrent({
        info: encodeInfo({ ...common, files, private: true, source: "lan" }),
        trackers: [["http://a/announce"], ["udp://b:1"]],
        webSeeds: ["http://w/"],
        comment: "c",
        createdBy: "me",
        creationDate: 7,
        unlisted: true,
        token: "c0ffee",
      }),
      nodeHashes,
    );
    expect(torrent).toMatchObject({
      name: "é",
      private: true,
      source: "lan",
      trackers: [["http://a/announce"], ["udp://b:1"]],
      webSeeds: ["http://w/"],
      comment: "c",
      createdBy: "me",
      creationDate: 7,
      unlisted: true,
      token: "c0ffee",
    });
    expect(torrent.files.map(({ path, length, executable }) => [path, length, executable])).toEqual([
      [["a", "b.txt"], 4, true],
      [["ü", "日本"], 3, false],
    ]);
  });
});
