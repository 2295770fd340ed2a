/** Every real client gets what we publish, and we get what every real client seeds; by the wire protocol alone. */
import { mkdirSync, renameSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run } from "../support/child.ts";
import { ShareProcess } from "../support/command.ts";
import { digestTree, makeFolder, noise, scratch } from "../support/data.ts";
import { aria2 } from "../support/peers/aria2.ts";
import { libtorrent } from "../support/peers/libtorrent.ts";
import { patience } from "../support/peers/peer.ts";
import { qbittorrent } from "../support/peers/qbittorrent.ts";
import { rtorrent } from "../support/peers/rtorrent.ts";
import { transmission } from "../support/peers/transmission.ts";
import { rewriteTorrent } from "../support/torrent-file.ts";

const clients = [transmission, aria2, libtorrent, rtorrent, qbittorrent];
const ours = "10.99.0.1";
const theirs = "10.99.0.2";
const place = scratch();
const cache = ["--cache-dir", path.join(place.dir, "cache")];
let jobs = 0;
/** Transmission's and mktorrent's creators leave out dotfiles or empty files; libtorrent's takes everything. */
const libtorrentMaker = `
import libtorrent as lt, os, sys
files = lt.file_storage(); lt.add_files(files, sys.argv[1])
torrent = lt.create_torrent(files, 0, lt.create_torrent.v1_only)
lt.set_piece_hashes(torrent, os.path.dirname(sys.argv[1]))
open(sys.argv[2], "wb").write(lt.bencode(torrent.generate()))`;
/** SHA-256 of nothing. */
const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/** An empty folder for one job. */
function fresh(name: string): string {
  const dir = path.join(place.dir, `${++jobs}-${name}`);
  mkdirSync(dir);
  return dir;
}

beforeAll(() => {
  const folder = path.join(place.dir, "a folder");
  mkdirSync(folder);
  makeFolder(folder, 300);
  mkdirSync(path.join(place.dir, "one"));
  writeFileSync(path.join(place.dir, "one/file.bin"), noise(200_000_000, 7));
});
afterAll(() => place.remove());

describe.each([
  ["a folder of 300 awkward files", "a folder"],
  ["one file of 200 MB", "one/file.bin"],
])("%s", (_, source) => {
  const root = path.join(place.dir, source);
  const name = path.basename(source);

  /** What the copy below `dir` has, to be compared with what the original has. */
  async function contents(dir: string): Promise<ReadonlyMap<string, string>> {
    const copy = path.join(dir, name);
    if (statSync(copy).isDirectory()) return await digestTree(copy);
    // Alone in a folder, so that other files beside it don't count.
    const alone = fresh("alone");
    renameSync(copy, path.join(alone, name));
    return await digestTree(alone);
  }
  async function original(): Promise<ReadonlyMap<string, string>> {
    return await digestTree(statSync(root).isDirectory() ? root : path.dirname(root));
  }

  describe("published by us", () => {
    let publisher: ShareProcess;
    let torrent: string;

    beforeAll(async () => {
      publisher = new ShareProcess([root, "--no-lan", ...cache]);
      const ready = await publisher.event("ready");
      const { port } = await publisher.event("listening");
      const response = await fetch(`http://${ours}:${port}/s/${ready["share"]}.torrent`);
      expect(response.headers.get("content-type")).toBe("application/x-bittorrent");
      torrent = rewriteTorrent(
        new Uint8Array(await response.arrayBuffer()),
        [`http://${ours}:${port}/announce`],
        path.join(fresh("torrent"), "published.torrent"),
      );
      // Receivers on the publisher's machine that left without a word: rtorrent keeps one peer an address, any of these.
      const infoHash = String(ready["infoHash"]).replace(/../g, "%$&");
      for (const gone of [11, 12, 13, 14]) {
        const who = `peer_id=-XX0000-0000000000${gone}&port=${gone}&left=1`;
        await fetch(`http://${ours}:${port}/announce?info_hash=${infoHash}&${who}`);
      }
    });
    afterAll(() => publisher.stop());

    it.each(clients)("is downloaded by $name", async (client) => {
      const dir = fresh(client.name);
      const peer = await client.get({
        torrent,
        dir,
        address: theirs,
        port: 7000 + jobs,
        state: fresh("state"),
      });
      await peer.stop();
      // Transmission 3 does not create files that have no bytes to download.
      const expected = [...(await original())].filter(
        ([, digest]) => client !== transmission || digest !== empty,
      );
      expect(await contents(dir)).toEqual(new Map(expected));
    });
  });

  describe("seeded by others", () => {
    let torrent: string;

    beforeAll(async () => {
      const made = path.join(fresh("torrent"), "made.torrent");
      await run("/usr/bin/python3", ["-c", libtorrentMaker, root, made]);
      // rtorrent loads no torrent without a tracker; nobody answers at this one.
      torrent = rewriteTorrent(
        made,
        [`http://${theirs}:9/announce`],
        path.join(fresh("torrent"), "seeded.torrent"),
      );
    });

    it.each(clients)("by $name is downloaded by us", async (client) => {
      const port = 7000 + jobs;
      const seeder = await client.seed({
        torrent,
        dir: path.dirname(root),
        address: theirs,
        port,
        state: fresh("state"),
      });
      try {
        const out = fresh("ours");
        const getter = new ShareProcess([
          "get",
          torrent,
          "-o",
          out,
          "--peer",
          `${theirs}:${port}`,
          "--timeout",
          "60s",
          "--no-lan",
        ]);
        await getter.succeed(patience);
        expect(await contents(out)).toEqual(await original());
      } finally {
        await seeder.stop();
      }
    });
  });
});
