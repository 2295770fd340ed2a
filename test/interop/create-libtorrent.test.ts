/** The torrents that we make are those that others make of the same files. */
import { chmodSync, copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTorrent } from "../../src/create/create-torrent.ts";
import { scan } from "../../src/create/scan.ts";
import type { Source } from "../../src/create/source.ts";
import { nodeHashes } from "../../src/platform/hashes.ts";
import { toHex } from "../../src/protocol/bytes.ts";
import { parseMetainfo } from "../../src/protocol/parse-metainfo.ts";
import { createTorrentFile } from "../../src/share.ts";
import { run } from "../support/child.ts";
import { makeFolder, noise, scratch } from "../support/data.ts";
import { seededRandom } from "../support/seeded-random.ts";

/** Prints the raw info dictionary that libtorrent makes of files in the order they are given, as hexadecimal. */
const libtorrentScript = `
import json, sys
import libtorrent as lt
job = json.load(open(sys.argv[1]))
storage = lt.file_storage()
for entry in job["files"]:
    storage.add_file(entry["path"], entry["length"], lt.file_storage.flag_executable if entry["executable"] else 0)
torrent = lt.create_torrent(storage, job["pieceLength"], lt.create_torrent.v1_only)
torrent.set_priv(job["private"])
lt.set_piece_hashes(torrent, job["parent"])
info = torrent.generate()[b"info"]
if job.get("source"): info[b"source"] = job["source"].encode()
print(lt.bencode(info).hex())
`;

const { signal } = new AbortController();
let place: ReturnType<typeof scratch>;

beforeAll(() => {
  place = scratch();
  makeFolder(join(place.dir, "folder"));
  writeFileSync(join(place.dir, "folder", "tool"), "#!/bin/sh\n");
  chmodSync(join(place.dir, "folder", "tool"), 0o755);
  writeFileSync(join(place.dir, "film.mkv"), noise(5_000_001, 3));
  mkdirSync(join(place.dir, "flat"));
  // No empty one: Transmission leaves those out.
  for (let i = 1; i < 9; i++) writeFileSync(join(place.dir, "flat", `file-${i}`), noise(i * 100_003, i));
});
afterAll(() => place.remove());

async function byLibtorrent(
  source: Source,
  pieceLength: number,
  isPrivate: boolean,
  word?: string,
): Promise<string> {
  const files = source.files.map((file) => ({
    path: (source.singleFile ? file.path : [source.name, ...file.path]).join("/"),
    length: file.length,
    executable: file.executable,
  }));
  const job = join(place.dir, "job.json");
  writeFileSync(
    job,
    JSON.stringify({ files, pieceLength, private: isPrivate, parent: place.dir, source: word }),
  );
  return (await run("/usr/bin/python3", ["-c", libtorrentScript, job])).trim();
}

test.each([
  ["folder", 16_384, false],
  ["folder", 65_536, true],
  ["film.mkv", 32_768, false],
])(
  "libtorrent makes the same info dictionary of %s with pieces of %i bytes",
  async (name, pieceLength, isPrivate) => {
    const source = await scan(join(place.dir, name), {}, signal);
    const created = await createTorrent(source, { pieceLength, private: isPrivate }, signal);
    expect(toHex(created.info)).toBe(await byLibtorrent(source, pieceLength, isPrivate));
  },
);

test("maketorrent: of any folder libtorrent makes the same bytes, and real clients read what we write", async () => {
  const random = seededRandom(6);
  const draw = (n: number) => Math.floor(random.next() * n);
  for (let i = 0; i < 25; i++) {
    const name = `random ${i} ${["x", "ü", "日本"][i % 3]}`;
    const root = join(place.dir, name);
    mkdirSync(root);
    writeFileSync(join(root, "0"), noise(1 + draw(70_000), i));
    for (let n = draw(30); n > 0; n--) {
      const folder = join(root, ...Array.from({ length: draw(4) }, () => `${"aB.é _-"[draw(7)]}${draw(3)}`));
      mkdirSync(folder, { recursive: true });
      const file = join(folder, `${"zY~ñ,'(#"[draw(8)]}${n}`);
      writeFileSync(file, noise([0, 1, 16_384, 16_385, draw(90_000)][draw(5)] ?? 0, n));
      if (draw(4) === 0) chmodSync(file, 0o755);
    }
    const pieceLength = 2 ** (14 + draw(4));
    const isPrivate = draw(2) === 0;
    const word = draw(3) === 0 ? "XY" : undefined;
    const path = draw(4) === 0 ? join(root, "0") : root;
    const out = join(place.dir, `${i}.torrent`);
    await createTorrentFile(
      path,
      {
        ...{ out, pieceLength, private: isPrivate, source: word, cacheDir: join(place.dir, "cache") },
        trackers: [
          "http://127.0.0.1:1/announce",
          ["udp://a.example:1/announce", "http://b.example/announce"],
        ],
        ...{ comment: "für alle", webSeeds: ["http://127.0.0.1:1/data/"] },
      },
      signal,
    );
    const { info, infoHash, name: written } = parseMetainfo(readFileSync(out), nodeHashes);
    const source = await scan(path, {}, signal);
    if (source.singleFile) copyFileSync(path, join(place.dir, source.name));
    const theirs = await byLibtorrent(source, pieceLength, isPrivate, word);
    expect(toHex(info), name).toBe(theirs);
    if (i % 5 !== 0) continue;
    const hash = toHex(infoHash ?? expect.fail("no info hash"));
    expect(await run("transmission-show", [out])).toContain(`Hash: ${hash}`);
    const shown = await run("aria2c", ["--show-files", out]);
    expect(shown).toContain(`Info Hash: ${hash}`);
    expect(shown).toContain(`Name: ${written}`);
  }
});

const makers: readonly [string, (from: string, to: string) => readonly string[]][] = [
  ["mktorrent", (from, to) => ["-d", "-l", "16", "-o", to, from]],
  ["transmission-create", (from, to) => ["-s", "64", "-o", to, from]],
];

test.each(makers)("%s finds the same piece hashes", async (maker, args) => {
  for (const name of ["film.mkv", "flat"]) {
    const torrent = join(place.dir, `${name}.${maker}.torrent`);
    await run(maker, args(join(place.dir, name), torrent));
    const theirs = parseMetainfo(readFileSync(torrent), nodeHashes);
    const source = await scan(join(place.dir, name), {}, signal);
    const created = await createTorrent(source, { pieceLength: 65_536 }, signal);
    expect(theirs.files.map((file) => file.path)).toEqual(source.files.map((file) => file.path));
    expect(toHex(created.pieceHashes)).toBe(toHex(theirs.pieceHashes));
    expect(theirs.length).toBe(source.files.reduce((sum, file) => sum + statSync(file.absolutePath).size, 0));
  }
});
