/** A download of 60 pieces on a disk that fails: what the tests of power cuts and of disk errors share. */
import { expect } from "vitest";
import type { Download, DownloadOptions } from "../../src/client/download.ts";
import { openDownload } from "../../src/client/open-download.ts";
import { doJob } from "../../src/client/storage/piece-job.ts";
import type { JobLine } from "../../src/client/storage/piece-writer.ts";
import { FakeClock } from "./fake-clock.ts";
import { LossyFiles, type LossyOptions } from "./lossy-files.ts";
import { seededRandom } from "./seeded-random.ts";
import { put, readPiece, storedTorrent } from "./stored-torrent.ts";

/** 60 pieces; the files begin and end within pieces and sectors, and two lie whole in one piece. */
export const torrent = storedTorrent(
  [
    { path: "first", length: 17 * 2048 + 700 },
    { path: "deep/down/second", length: 20 * 2048 + 11 },
    { path: "small/in the middle", length: 100 },
    { path: "small/of a piece", length: 150 },
    { path: "third", length: 22 * 2048 + 900 },
  ],
  2048,
);
export const everyPiece: readonly number[] = Array.from(
  { length: torrent.layout.pieceCount },
  (_, piece) => piece,
);
/** Where the download goes; only `/disk` is there. */
export const out = "/disk/new/out";
export const statePath = `${out}/.share.boojum`;

/** A disk with an empty folder `/disk`, which is durable. */
export function emptyDisk(options: LossyOptions): LossyFiles {
  const disk = new LossyFiles();
  disk.mkdirSync("/disk");
  return disk.after(disk.steps.length, { kind: "synced" }, options);
}

/** Checks and writes pieces as the thread of a download does, on a disk of ours. */
export function lineOn(disk: LossyFiles): JobLine {
  return {
    ask: async (job) => {
      await new Promise(setImmediate);
      return doJob(disk, job);
    },
    close: () => Promise.resolve(),
  };
}

export function openOn(
  disk: LossyFiles,
  seed: number,
  options: Partial<DownloadOptions> = {},
): Promise<Download> {
  return openDownload(
    {
      metainfo: torrent.metainfo,
      directory: out,
      overwrite: false,
      random: seededRandom(seed),
      files: disk,
      clock: new FakeClock(),
      ...options,
    },
    new AbortController().signal,
  );
}

/** Writes so many missing pieces, in random order, with checkpoints beside it. */
export async function writeSome(
  place: Download,
  clock: FakeClock,
  seed: number,
  count: number,
): Promise<void> {
  const random = seededRandom(seed);
  const missing = [...place.wanted].filter((piece) => !place.have.has(piece));
  const order = missing.map((piece) => ({ piece, key: random.next() })).sort((a, b) => a.key - b.key);
  for (const { piece } of order.slice(0, count)) {
    await put(place, torrent, piece);
    place.have.add(piece);
    await clock.advance(700);
  }
}

/** Every lock names this process; after a power cut that is one of another boot. */
export function reboot(disk: LossyFiles): void {
  for (const path of disk.paths()) {
    if (!path.includes(".lock")) continue;
    const text = new TextDecoder().decode(disk.bytes(path));
    disk.put(path, new TextEncoder().encode(text.replace(/"boot":"[^"]*"/, '"boot":"before"')));
  }
}

/** A piece that is claimed and isn't there. */
export async function falseHave(place: Download): Promise<number | undefined> {
  for (const piece of place.have) {
    const found = await readPiece(place.storage, torrent.layout, piece);
    if (Buffer.compare(found, torrent.piece(piece)) !== 0) return piece;
  }
  return undefined;
}

export function expectWhole(disk: LossyFiles): void {
  for (const { path } of torrent.metainfo.files) {
    const found = disk.bytes(`${out}/share/${path.join("/")}`) ?? new Uint8Array(0);
    expect(Buffer.compare(found, torrent.file(path.join("/"))), path.join("/")).toBe(0);
  }
}
