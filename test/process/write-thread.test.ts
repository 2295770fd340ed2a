/** Pieces that a line of their own checks and writes into real files: what the loop does when the line can't. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { Download } from "../../src/client/download.ts";
import { openDownload } from "../../src/client/open-download.ts";
import { doJob, type JobAnswer, type PieceJob } from "../../src/client/storage/piece-job.ts";
import { systemFiles } from "../../src/platform/file-system.ts";
import { pieceIndex } from "../../src/protocol/ids.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { type StoredTorrent, storedTorrent } from "../support/stored-torrent.ts";
import { useScratch } from "../support/use-scratch.ts";

const place = useScratch();

/** One piece, four files. */
const fourInOne = () =>
  storedTorrent(
    ["a", "b", "sub/c", "sub/d"].map((path) => ({ path, length: 16 })),
    64,
  );

function open(torrent: StoredTorrent, answer: (job: PieceJob) => JobAnswer): Promise<Download> {
  const line = { ask: async (job: PieceJob) => answer(job), close: async () => {} };
  const options = { metainfo: torrent.metainfo, directory: place.dir, overwrite: false };
  return openDownload({ ...options, random: seededRandom(1), line }, new AbortController().signal);
}

/** What the thread answers when opening the file of `part` fails: those before it are written. */
function failsAt(part: number, code: string): (job: PieceJob) => JobAnswer {
  return (job) => {
    doJob(systemFiles, { ...job, parts: job.parts.slice(0, part) });
    return { kind: "failed", part, isOpened: false, code, message: `${code}: made up` };
  };
}

async function store(download: Download, torrent: StoredTorrent): Promise<boolean | undefined> {
  const data = new Uint8Array(new SharedArrayBuffer(64));
  data.set(torrent.piece(0));
  const sha1 = torrent.metainfo.pieceHashes.subarray(0, 20);
  return download.storage.writeIfRight?.(pieceIndex(0), data, sha1);
}

it.each([0, 1, 2, 3])(
  "writes what is left when there are no descriptors for file %i of a piece",
  async (part) => {
    const torrent = fourInOne();
    const download = await open(torrent, failsAt(part, "EMFILE"));
    expect(await store(download, torrent)).toBe(true);
    await download.finish();
    await download.storage.close();
    for (const file of ["a", "b", "sub/c", "sub/d"])
      expect(readFileSync(join(place.dir, "share", file))).toEqual(Buffer.from(torrent.file(file)));
  },
);

it("names the file whose write failed", async () => {
  const torrent = fourInOne();
  const download = await open(torrent, failsAt(2, "ENOSPC"));
  await expect(store(download, torrent)).rejects.toMatchObject({ path: join(place.dir, "share", "sub/c") });
  await download.storage.close();
});

it("says that a piece isn't what it should be, and makes no file of it", async () => {
  const torrent = fourInOne();
  const download = await open(torrent, (job) => doJob(systemFiles, job));
  const wrong = new Uint8Array(new SharedArrayBuffer(64));
  const sha1 = torrent.metainfo.pieceHashes.subarray(0, 20);
  expect(await download.storage.writeIfRight?.(pieceIndex(0), wrong, sha1)).toBe(false);
  expect(() => readFileSync(join(place.dir, "share", "a"))).toThrow("ENOENT");
  await download.storage.close();
});
