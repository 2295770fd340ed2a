/** Torrents that say more than others' do are the same to others: links, times and empty folders. */
import { mkdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { nodeHashes } from "../../src/platform/hashes.ts";
import { toHex } from "../../src/protocol/bytes.ts";
import { parseMetainfo } from "../../src/protocol/parse-metainfo.ts";
import { createTorrentFile } from "../../src/share.ts";
import { run } from "../support/child.ts";
import { ShareProcess } from "../support/command.ts";
import { noise, scratch } from "../support/data.ts";
import { aria2 } from "../support/peers/aria2.ts";
import { libtorrent } from "../support/peers/libtorrent.ts";
import { qbittorrent } from "../support/peers/qbittorrent.ts";
import { rtorrent } from "../support/peers/rtorrent.ts";
import { transmission } from "../support/peers/transmission.ts";
import { rewriteTorrent } from "../support/torrent-file.ts";

const place = scratch();
const torrent = path.join(place.dir, "tree.torrent");
const { signal } = new AbortController();
const at = (...parts: string[]) => path.join(place.dir, "data", "tree", ...parts);
const LONG_AGO = 1_234_567_890;

beforeAll(async () => {
  mkdirSync(at("sub", "empty"), { recursive: true });
  writeFileSync(at("a"), noise(100_000, 1));
  writeFileSync(at("sub", "b"), noise(70_000, 2));
  utimesSync(at("a"), LONG_AGO, LONG_AGO);
  utimesSync(at("sub", "b"), LONG_AGO, LONG_AGO + 1);
  symlinkSync("b", at("sub", "link"));
  const options = { symlinks: true, times: true, pieceLength: 16_384, cacheDir: path.join(place.dir, "c") };
  await createTorrentFile(at(), { ...options, out: torrent }, signal);
});
afterAll(() => place.remove());

/** libtorrent's torrent of the same list, with times; and what it reads in ours. */
const script = `
import json, sys
import libtorrent as lt
torrent, parent = sys.argv[1:3]
files = lt.file_storage()
files.add_file("tree/a", 100000, 0, ${LONG_AGO}, "")
files.add_file("tree/sub/b", 70000, 0, ${LONG_AGO + 1}, "")
files.add_file("tree/sub/link", 0, lt.file_storage.flag_symlink, 0, "sub/b")
made = lt.create_torrent(files, 16384, lt.create_torrent.v1_only | lt.create_torrent.modification_time | lt.create_torrent.symlinks)
lt.set_piece_hashes(made, parent)
theirs = made.generate()[b"info"]
ours = lt.bdecode(open(torrent, "rb").read())[b"info"]
read = lt.torrent_info(torrent).files()
print(json.dumps({
  "same": [key.decode() for key in theirs if theirs[key] == ours.get(key)],
  "hash": str(lt.torrent_info(torrent).info_hashes().v1),
  "read": [[read.file_path(i), read.file_size(i), read.symlink(i)] for i in range(read.num_files())],
}))`;

it("libtorrent writes the same times and links, and reads ours", async () => {
  const said = JSON.parse(
    await run("/usr/bin/python3", ["-c", script, torrent, path.join(place.dir, "data")]),
  ) as { same: string[]; hash: string; read: unknown[] };
  expect(said.same).toEqual(["files", "name", "piece length", "pieces"]);
  const { infoHash } = parseMetainfo(readFileSync(torrent), nodeHashes);
  expect(said.hash).toBe(toHex(infoHash ?? expect.fail("no info hash")));
  expect(said.read).toEqual([
    ["tree/a", 100_000, ""],
    ["tree/sub/b", 70_000, ""],
    ["tree/sub/link", 0, "tree/sub/b"],
  ]);
});

it.each([transmission, aria2, libtorrent, rtorrent, qbittorrent])("$name downloads it", async (client) => {
  const publisher = new ShareProcess([
    at(),
    "--symlinks",
    "--times",
    "--no-lan",
    "--cache-dir",
    state("cache"),
  ]);
  try {
    const ready = await publisher.event("ready");
    const { port } = await publisher.event("listening");
    const ours = "10.99.0.1";
    const answer = await fetch(`http://${ours}:${port}/s/${ready["share"]}.torrent`);
    const bytes = new Uint8Array(await answer.arrayBuffer());
    const [file, dir] = [state("its.torrent"), state("data")];
    mkdirSync(dir);
    rewriteTorrent(bytes, [`http://${ours}:${port}/announce`], file);
    const job = { torrent: file, dir, address: "10.99.0.2", port: 7_100 + jobs, state: state("own") };
    mkdirSync(job.state);
    const running = await client.get(job);
    // What is complete isn't on the disk yet, of those who write behind.
    await running.stop();
    for (const name of ["a", path.join("sub", "b")]) {
      expect(readFileSync(path.join(dir, "tree", name)).equals(readFileSync(at(name)))).toBe(true);
    }
  } finally {
    await publisher.stop();
  }
});

it.each([transmission, aria2, libtorrent, rtorrent, qbittorrent])(
  "maketorrent: $name loads what share create writes, and finds its data complete",
  async (client) => {
    const dir = state("complete");
    mkdirSync(path.join(dir, "made", "sub"), { recursive: true });
    writeFileSync(path.join(dir, "made", "ä"), noise(300_000, 3));
    writeFileSync(path.join(dir, "made", "sub", "b"), noise(70_001, 4));
    const file = state("made.torrent");
    // rtorrent loads none without a tracker; nobody answers at this one.
    const options = {
      trackers: ["http://10.99.0.2:9/announce"],
      cacheDir: state("cache"),
      comment: "für alle",
    };
    await createTorrentFile(path.join(dir, "made"), { ...options, out: file }, signal);
    const job = { torrent: file, dir, address: "10.99.0.2", port: 7_300 + jobs, state: state("own") };
    mkdirSync(job.state);
    const running = await client.seed(job);
    await running.stop("SIGKILL");
  },
);

let jobs = 0;
function state(name: string): string {
  return path.join(place.dir, `${++jobs}-${name}`);
}
