/** What a download has written, while it is seeded and others write to it: real files, and a minute of the clock is a second. */
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import type { Download, DownloadOptions } from "../../src/client/download.ts";
import { openDownload } from "../../src/client/open-download.ts";
import type { Clock } from "../../src/protocol/ambient.ts";
import { pieceIndex } from "../../src/protocol/ids.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { readPiece, type StoredTorrent, storedTorrent } from "../support/stored-torrent.ts";
import { useScratch } from "../support/use-scratch.ts";

const place = useScratch();

const hastyClock: Clock = {
  now: () => performance.now() * 60,
  after(delay, task) {
    const timer = setTimeout(task, delay / 60);
    return { cancel: () => clearTimeout(timer) };
  },
};

const at = (...path: string[]) => join(place.dir, ...path);

/** Pieces: 0 a; 1 a and b; 2 to 4 b; 5 b, a pad file; 6 c. */
const torrentOfThree = () =>
  storedTorrent(
    [
      { path: "a", length: 100 },
      { path: "sub/b", length: 250 },
      { path: ".pad/34", length: 34, pad: true },
      { path: "sub/c", length: 64 },
    ],
    64,
  );

interface Seeded {
  readonly download: Download;
  readonly lost: Set<number>;
  readonly told: string[];
}

async function seeded(
  torrent: StoredTorrent,
  options: Partial<DownloadOptions> = {},
  beforeWatched: (download: Download) => Promise<void> = async () => {},
): Promise<Seeded> {
  const download = await openDownload(
    {
      metainfo: torrent.metainfo,
      directory: place.dir,
      overwrite: false,
      random: seededRandom(1),
      clock: hastyClock,
      ...options,
    },
    new AbortController().signal,
  );
  for (const piece of download.wanted)
    await download.storage.write(pieceIndex(piece), torrent.piece(piece).slice());
  await beforeWatched(download);
  await download.finish();
  const lost = new Set<number>();
  const told: string[] = [];
  await download.watch({
    lost: (piece) => lost.add(piece),
    regained: (piece) => lost.delete(piece),
    changed: (path, message) => told.push(`changed ${path}: ${message}`),
    restored: (path) => told.push(`restored ${path}`),
    renewed: () => {},
  });
  return { download, lost, told };
}

/** What can't be read now. */
async function refused({ download }: Seeded, torrent: StoredTorrent): Promise<number[]> {
  const pieces: number[] = [];
  for (const piece of download.wanted) {
    try {
      expect(await readPiece(download.storage, torrent.layout, piece)).toEqual(torrent.piece(piece));
    } catch (error) {
      if (!(error instanceof Error && error.name === "StorageError")) throw error;
      pieces.push(piece);
    }
  }
  return pieces;
}

describe("a download that is seeded", () => {
  const target = () => at("share", "sub", "b");
  it("gives nothing of what was written to a file between the last look and the first one", async () => {
    const torrent = torrentOfThree();
    const all = await seeded(torrent, {}, async (download) => {
      expect(await download.lookAgain(new AbortController().signal)).toBeUndefined();
      // A clock tick later, so that the times of the file tell.
      await new Promise((resolve) => setTimeout(resolve, 30));
      writeFileSync(target(), "x", { flag: "r+" });
    });
    expect(await refused(all, torrent)).toEqual([1]);
    await all.download.close();
  });

  it.each<[string, () => void, number[]]>([
    ["written to", () => writeFileSync(target(), "x", { flag: "r+" }), [1]],
    ["truncated", () => truncateSync(target(), 200), [4, 5]],
    ["deleted", () => unlinkSync(target()), [1, 2, 3, 4, 5]],
    [
      "replaced by another, its times as before",
      () => {
        const then = new Date(1_000_000_000_000);
        utimesSync(target(), then, then);
        writeFileSync(at("other"), new Uint8Array(250).fill(7));
        utimesSync(at("other"), then, then);
        renameSync(at("other"), target());
      },
      [1, 2, 3, 4, 5],
    ],
    [
      "replaced by a link to its like",
      () => {
        renameSync(target(), at("elsewhere"));
        symlinkSync(at("elsewhere"), target());
      },
      [1, 2, 3, 4, 5],
    ],
    [
      "below a folder that is a link now",
      () => {
        renameSync(at("share", "sub"), at("elsewhere"));
        // What was opened before is what was verified; it's found anew when that is gone.
        rmSync(at("elsewhere", "b"));
        writeFileSync(at("elsewhere", "b"), new Uint8Array(250).fill(7));
        symlinkSync(at("elsewhere"), at("share", "sub"));
      },
      [1, 2, 3, 4, 5],
    ],
  ])("gives nothing that differs of a file that is %s, and says so once", async (_, change, expected) => {
    const torrent = torrentOfThree();
    const all = await seeded(torrent);
    expect(await refused(all, torrent)).toEqual([]);
    change();
    const before = readdirSync(at("share"));
    expect(await refused(all, torrent)).toEqual(expected);
    expect([...all.lost].sort()).toEqual(expected);
    expect(all.told).toHaveLength(1);
    expect(all.told[0]).toContain(`changed ${target()}`);
    // It's the user's now: nothing is put in its place.
    expect(readdirSync(at("share"))).toEqual(before);
    await all.download.close();
  });

  it("gives it again when it is put back, its folder made anew", async () => {
    const torrent = torrentOfThree();
    const all = await seeded(torrent);
    const data = readFileSync(target());
    rmSync(at("share", "sub"), { recursive: true });
    expect(await refused(all, torrent)).toEqual([1, 2, 3, 4, 5, 6]);
    // Looking for it doesn't make it.
    mkdirSync(at("share", "sub"));
    writeFileSync(target(), data);
    writeFileSync(at("share", "sub", "c"), torrent.file("sub/c"));
    await vi.waitFor(() => expect(all.lost.size).toBe(0), 5_000);
    await vi.waitFor(() => expect(all.told).toContain(`restored ${target()}`), 5_000);
    expect(await refused(all, torrent)).toEqual([]);
    await all.download.close();
  });

  it("takes a touched file for what it holds, and tells nobody", async () => {
    const torrent = torrentOfThree();
    const all = await seeded(torrent);
    utimesSync(target(), 1, 1);
    expect(await refused(all, torrent)).toEqual([]);
    expect(all.told).toEqual([]);
    await all.download.close();
  });

  it("compares pieces that lie in files nobody wanted, too", async () => {
    const torrent = torrentOfThree();
    // Pieces 1 to 5; that of piece 1 which belongs to `a` has no name any more.
    const all = await seeded(torrent, { select: (path) => path.at(-1) === "b" });
    utimesSync(target(), 1, 1);
    expect(await refused(all, torrent)).toEqual([]);
    writeFileSync(target(), "x", { flag: "r+" });
    expect(await refused(all, torrent)).toEqual([1]);
    expect(readdirSync(at("share"))).toEqual(["sub"]);
    await all.download.close();
  });

  it("leaves no descriptor behind", async () => {
    const before = readdirSync("/proc/self/fd").length;
    const torrent = torrentOfThree();
    const all = await seeded(torrent);
    writeFileSync(target(), "x", { flag: "r+" });
    await refused(all, torrent);
    await all.download.close();
    expect(readdirSync("/proc/self/fd")).toHaveLength(before);
  });
});
