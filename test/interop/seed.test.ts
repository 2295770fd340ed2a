/** Torrents that libtorrent made, with pad files and a v2 part, seeded by us for real clients. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, afterEach, expect, it } from "vitest";
import { type Child, run } from "../support/child.ts";
import { ShareProcess } from "../support/command.ts";
import { digestTree, noise, scratch } from "../support/data.ts";
import { aria2 } from "../support/peers/aria2.ts";
import { libtorrent } from "../support/peers/libtorrent.ts";

const place = scratch();
const running: Child[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((child) => child.stop()));
});
afterAll(() => place.remove());

/** Of version 1 it makes pad files, too, when asked for the canonical order. */
const makeTorrent = `
import sys
import libtorrent as lt
storage = lt.file_storage()
lt.add_files(storage, sys.argv[1])
flags = lt.create_torrent.v1_only | lt.create_torrent.canonical_files if sys.argv[4] == "v1" else 0
torrent = lt.create_torrent(storage, 32768, flags)
lt.set_piece_hashes(torrent, sys.argv[2])
open(sys.argv[3], "wb").write(lt.bencode(torrent.generate()))
`;

it.each([
  ["hybrid", libtorrent],
  // It takes the keys of a v2 part apart, and hashes something else.
  ["v1", aria2],
])("btlaunchmany: real clients get what we seed of a %s torrent with pad files", async (kind, client) => {
  const data = path.join(place.dir, "data");
  const [torrents, folder] = [path.join(place.dir, `torrents-${kind}`), path.join(data, kind)];
  mkdirSync(torrents);
  mkdirSync(path.join(folder, "sub"), { recursive: true });
  for (const [i, name] of ["a", "b ü", "sub/c"].entries()) {
    writeFileSync(path.join(folder, name), noise(100_001 + 7_777 * i, i));
  }
  await run("/usr/bin/python3", ["-c", makeTorrent, folder, data, path.join(torrents, "made.torrent"), kind]);
  const seed = new ShareProcess([
    ...["seed", torrents, data, "--bind", "10.99.0.1", "--port", "7501"],
    ...["--cache-dir", path.join(place.dir, "cache")],
  ]);
  running.push(seed);
  const ready = await seed.event("ready");
  expect(ready).toMatchObject({ name: kind, files: 3 });
  const torrent = path.join(place.dir, "from-page.torrent");
  writeFileSync(torrent, new Uint8Array(await (await fetch(String(ready["torrentUrl"]))).arrayBuffer()));
  const [dir, state] = [path.join(place.dir, `copy-${kind}`), path.join(place.dir, `state-${kind}`)];
  mkdirSync(dir);
  mkdirSync(state);
  const peer = await client.get({ torrent, dir, state, address: "10.99.0.2", port: 7510 });
  await peer.stop();
  const copy = await digestTree(path.join(dir, kind));
  // aria2 knows no pad files, and writes them.
  for (const [name, digest] of await digestTree(folder)) expect(copy.get(name)).toBe(digest);
});
