/** Making a torrent, side by side: process start to written file, the data in the page cache. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Child } from "../test/support/child.ts";
import { commandPath } from "../test/support/command.ts";
import { noise, scratch } from "../test/support/data.ts";
import { median, option, type Row, report } from "./support/measure.ts";

const place = scratch("/dev/shm");
const mib = option("mib", 1024);
const smallFiles = option("files", 20_000);
const rounds = option("rounds", 5);
const pieceLength = 1 << 20;

type Maker = (source: string, torrent: string) => readonly [string, readonly string[]];
const makers: Readonly<Record<string, Maker>> = {
  boojum: (source, torrent) => [
    process.execPath,
    [commandPath, "create", source, "-o", torrent, "--piece-size", String(pieceLength)],
  ],
  "mktorrent -t2": (source, torrent) => ["mktorrent", ["-t", "2", "-l", "20", "-o", torrent, source]],
  "transmission-create": (source, torrent) => [
    "transmission-create",
    ["-s", String(pieceLength / 1024), "-o", torrent, source],
  ],
  libtorrent: (source, torrent) => [
    "/usr/bin/python3",
    ["-c", libtorrentMaker, source, torrent, String(pieceLength)],
  ],
};
const libtorrentMaker = `
import libtorrent as lt, os, sys
files = lt.file_storage(); lt.add_files(files, sys.argv[1])
torrent = lt.create_torrent(files, int(sys.argv[3]), lt.create_torrent.v1_only)
lt.set_piece_hashes(torrent, os.path.dirname(sys.argv[1]))
open(sys.argv[2], "wb").write(lt.bencode(torrent.generate()))`;

async function compare(source: string, title: string, name: string): Promise<void> {
  const seconds = new Map(Object.keys(makers).map((maker) => [maker, [] as number[]]));
  for (let round = -1; round < rounds; round++) {
    for (const [maker, command] of Object.entries(makers)) {
      const torrent = path.join(place.dir, "made.torrent");
      rmSync(torrent, { force: true });
      const [program, args] = command(source, torrent);
      const start = performance.now();
      await new Child(program, args).succeed();
      // Round -1 warms the caches and does not count.
      if (round >= 0) seconds.get(maker)?.push((performance.now() - start) / 1000);
    }
  }
  const ours = median(seconds.get("boojum") ?? []);
  const rows: Row[] = [...seconds].map(([label, values]) => ({
    label,
    figures: {
      "median s": median(values),
      "min s": Math.min(...values),
      "boojum / this": ours / median(values),
    },
  }));
  report(name, title, rows);
}

try {
  const large = path.join(place.dir, "large.bin");
  writeFileSync(large, "");
  for (let i = 0; i < mib; i += 16)
    writeFileSync(large, noise(Math.min(16, mib - i) << 20, i), { flag: "a" });
  await compare(
    large,
    `Create a torrent of one file of ${mib} MiB, pieces of 1 MiB, ${rounds} rounds`,
    "create-large",
  );
  rmSync(large);

  const folder = path.join(place.dir, "small");
  for (let i = 0; i < smallFiles; i++) {
    const dir = path.join(folder, String(i % 200));
    if (i < 200) mkdirSync(dir, { recursive: true });
    writeFileSync(path.join(dir, `${i}.bin`), noise((i * 7919) % 65_536, i));
  }
  await compare(
    folder,
    `Create a torrent of ${smallFiles} small files, pieces of 1 MiB, ${rounds} rounds`,
    "create-small",
  );
} finally {
  place.remove();
}
