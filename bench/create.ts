/** Making a torrent, side by side: process start to written file, the data in the page cache. */
import { rmSync } from "node:fs";
import path from "node:path";
import { commandPath } from "../test/support/command.ts";
import { scratch } from "../test/support/data.ts";
import { option, report } from "./support/measure.ts";
import { smallFiles } from "./support/small-files.ts";
import { inTurn, noiseFile } from "./support/stage.ts";
import { timed, timedRows } from "./support/timed.ts";

const place = scratch("/dev/shm");
const mib = option("mib", 1024);
const fileCount = option("files", 20_000);
const rounds = option("rounds", 5);
const pieceLength = 1 << 20;
/** Kept for "again", empty for the others. */
const caches = { fresh: path.join(place.dir, "fresh"), kept: path.join(place.dir, "kept") };

type Maker = (source: string, torrent: string) => readonly [string, readonly string[]];
const makers: Readonly<Record<string, Maker>> = {
  boojum: (source, torrent) => boojum(source, torrent, caches.fresh),
  "boojum, again": (source, torrent) => boojum(source, torrent, caches.kept),
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
function boojum(source: string, torrent: string, cache: string): readonly [string, readonly string[]] {
  const pieces = ["--piece-size", String(pieceLength)];
  return [process.execPath, [commandPath, "create", source, "-o", torrent, ...pieces, "--cache-dir", cache]];
}

const libtorrentMaker = `
import libtorrent as lt, os, sys
files = lt.file_storage(); lt.add_files(files, sys.argv[1])
torrent = lt.create_torrent(files, int(sys.argv[3]), lt.create_torrent.v1_only)
lt.set_piece_hashes(torrent, os.path.dirname(sys.argv[1]))
open(sys.argv[2], "wb").write(lt.bencode(torrent.generate()))`;

async function compare(source: string, title: string, name: string): Promise<void> {
  const runs = await inTurn(Object.keys(makers), { rounds, warmUp: true }, (maker) => {
    const torrent = path.join(place.dir, "made.torrent");
    rmSync(torrent, { force: true });
    rmSync(caches.fresh, { recursive: true, force: true });
    const [program, args] = makers[maker]?.(source, torrent) ?? ["false", []];
    return timed(program, args);
  });
  report(name, title, timedRows(runs));
}

try {
  const large = noiseFile(path.join(place.dir, "large.bin"), mib);
  await compare(
    large,
    `Create a torrent of one file of ${mib} MiB, pieces of 1 MiB, ${rounds} rounds`,
    "create-large",
  );
  rmSync(large);

  const folder = smallFiles(path.join(place.dir, "small"), fileCount);
  await compare(
    folder,
    `Create a torrent of ${fileCount} small files, pieces of 1 MiB, ${rounds} rounds`,
    "create-small",
  );
} finally {
  place.remove();
}
