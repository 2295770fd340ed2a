import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { nodeHashes } from "../../src/platform/hashes.ts";
import { toHex } from "../../src/protocol/bytes.ts";
import { MetainfoError } from "../../src/protocol/errors.ts";
import { parseMetainfo } from "../../src/protocol/parse-metainfo.ts";
import { foldName, portableName } from "../../src/protocol/portable-path.ts";

/** Torrents of strangers with verdicts, kept outside the project: a folder with `expect.tsv` and `torrents/`. */
const folder = process.env["TORRENT_CORPUS"];
if (folder === undefined || folder === "") {
  throw new Error("TORRENT_CORPUS is not set: it names the folder with expect.tsv and torrents/");
}

const [header = "", ...lines] = readFileSync(join(folder, "expect.tsv"), "utf8").trimEnd().split("\n");
const columns = header.split("\t");
const rows = lines.map((line) => new Map(line.split("\t").map((value, i) => [columns[i] ?? "", value])));
const names = readdirSync(join(folder, "torrents"))
  .filter((name) => name.endsWith(".torrent"))
  .sort();

describe("the corpus", () => {
  it("has a verdict for every torrent and a torrent for every verdict", () => {
    expect(names.length).toBeGreaterThan(0);
    expect(rows.map((row) => row.get("file")).sort()).toEqual(names);
  });

  for (const row of rows) {
    const file = row.get("file") ?? "";
    const verdict = row.get("verdict");
    it(`${verdict} ${file}`, () => {
      const bytes = new Uint8Array(readFileSync(join(folder, "torrents", file)));
      if (verdict === "REJECT") {
        expect(() => parseMetainfo(bytes, nodeHashes)).toThrow(MetainfoError);
        return;
      }
      expect(verdict).toBe("ACCEPT");
      const torrent = parseMetainfo(bytes, nodeHashes);
      expect({
        info_hash_v1: torrent.infoHash ? toHex(torrent.infoHash) : "-",
        info_hash_v2: torrent.infoHashV2 ? toHex(torrent.infoHashV2) : "-",
        files: String(torrent.files.length),
        total_bytes: String(torrent.length),
        piece_length: String(torrent.pieceLength),
      }).toEqual(
        Object.fromEntries([...row].filter(([column]) => column !== "file" && column !== "verdict")),
      );
      expect(portableName(torrent.name)).toBe(torrent.name);
      const destinations = new Set<string>();
      for (const { path } of torrent.files) {
        expect(path.length).toBeGreaterThan(0);
        for (const component of path) expect(portableName(component)).toBe(component);
        destinations.add(foldName(path.join("/")));
      }
      expect(destinations.size).toBe(torrent.files.length);
    });
  }
});
