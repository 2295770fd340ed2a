import { expect, it } from "vitest";
import { nodeHashes } from "../../../src/platform/hashes.ts";
import { parseMetainfo } from "../../../src/protocol/parse-metainfo.ts";
import { encodeInfo, encodeTorrent, type TorrentOptions } from "../../../src/protocol/write-metainfo.ts";
import { warningsOf } from "../../../src/share/tools/torrent-warnings.ts";

const NOW = 1_800_000_000;

function codes(
  info: Partial<Parameters<typeof encodeInfo>[0]> = {},
  torrent: Partial<TorrentOptions> = {},
): string[] {
  const bytes = encodeTorrent({
    info: encodeInfo({
      name: "n",
      pieceLength: 16_384,
      pieceHashes: new Uint8Array(20),
      files: [{ path: ["a"], length: 5 }],
      ...info,
    }),
    trackers: [["http://t/announce"]],
    ...torrent,
  });
  return warningsOf(parseMetainfo(bytes, nodeHashes), NOW).map(({ code }) => code);
}

it("finds nothing odd about an ordinary torrent", () => {
  expect(codes()).toEqual([]);
  expect(codes({}, { trackers: [], webSeeds: ["http://w/"] })).toEqual([]);
  expect(codes({ private: true })).toEqual([]);
  expect(codes({}, { creationDate: NOW - 10 })).toEqual([]);
  expect(codes({}, { trackers: [["wss://t/announce"], ["udp://t:1"]] })).toEqual([]);
});

it.each<[string, ReturnType<typeof codes>]>([
  ["no-sources", codes({}, { trackers: [] })],
  ["private-without-tracker", codes({ private: true }, { trackers: [], webSeeds: ["http://w/"] })],
  ["no-sources", codes({}, { trackers: [["wss://t/announce"]] })],
  ["renamed", codes({ files: [{ path: ["a:b"], length: 5 }] })],
  ["renamed", codes({ name: "con" })],
  ["piece-length", codes({ pieceLength: 20_000 })],
  ["piece-length", codes({ pieceLength: 8192 })],
  [
    "many-pieces",
    codes({ pieceHashes: new Uint8Array(20 * 100_001), files: [{ path: ["a"], length: 100_001 * 16_384 }] }),
  ],
  ["future-date", codes({}, { creationDate: NOW + 200_000 })],
  ["token", codes({}, { token: "secret" })],
])("warns of %s", (code, found) => {
  expect(found).toEqual([code]);
});
