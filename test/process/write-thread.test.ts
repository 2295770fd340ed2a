/** Pieces that a line of their own checks and writes into real files: what the loop does when the line can't, and when there is a thread. */
import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Download } from "../../src/client/download.ts";
import { openDownload } from "../../src/client/open-download.ts";
import { doJob, type JobAnswer, type PieceJob, versionAt } from "../../src/client/storage/piece-job.ts";
import type { SourceWatcher } from "../../src/client/storage/source-checks.ts";
import { type FileSystem, systemFiles } from "../../src/platform/file-system.ts";
import { pieceIndex } from "../../src/protocol/ids.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { readPiece, type StoredTorrent, storedTorrent } from "../support/stored-torrent.ts";
import { useScratch } from "../support/use-scratch.ts";

const place = useScratch();

/** One piece, four files. */
const fourInOne = () =>
  storedTorrent(
    ["a", "b", "sub/c", "sub/d"].map((path) => ({ path, length: 16 })),
    64,
  );

function open(
  torrent: StoredTorrent,
  answer: (job: PieceJob) => JobAnswer,
  files: FileSystem = systemFiles,
): Promise<Download> {
  const line = { ask: async (job: PieceJob) => answer(job), close: async () => {} };
  const options = { metainfo: torrent.metainfo, directory: place.dir, overwrite: false, files };
  return openDownload({ ...options, random: seededRandom(1), line }, new AbortController().signal);
}

/** What the thread answers when opening the file of `part` fails: those before it are written. */
function failsAt(part: number, code: string): (job: PieceJob) => JobAnswer {
  return (job) => {
    doJob(systemFiles, { ...job, parts: job.parts.slice(0, part) });
    return { kind: "failed", part, isOpened: false, code, message: `${code}: made up` };
  };
}

const nobody: SourceWatcher = {
  lost: () => {},
  regained: () => {},
  changed: () => {},
  restored: () => {},
  renewed: () => {},
};

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

describe("while the loop has no descriptors to lend", () => {
  /** A file that no piece holds whole, and pieces of 64 bytes. */
  const inTwo = () => storedTorrent([{ path: "a", length: 100 }], 64);

  it.each<[string, () => StoredTorrent]>([
    ["a file", inTwo],
    ["a folder", fourInOne],
  ])("compares the piece, and writes it when there is one for %s again", async (_, make) => {
    const torrent = make();
    let isOut = false;
    let jobs = 0;
    const none = () => {
      if (isOut) throw Object.assign(new Error("EMFILE: made up"), { code: "EMFILE" });
    };
    const files: FileSystem = {
      ...systemFiles,
      openSync: (...args) => (none(), systemFiles.openSync(...args)),
    };
    const answer = (job: PieceJob) => {
      // Nothing is lent: what is read and what is hashed must not wait for it.
      expect(job.parts).toEqual([]);
      jobs++;
      isOut = false;
      return doJob(systemFiles, job);
    };
    const download = await open(torrent, answer, files);
    isOut = true;
    const wrong = new Uint8Array(new SharedArrayBuffer(64));
    const sha1 = torrent.metainfo.pieceHashes.subarray(0, 20);
    expect(await download.storage.writeIfRight?.(pieceIndex(0), wrong, sha1)).toBe(false);
    isOut = true;
    expect(await store(download, torrent)).toBe(true);
    expect(jobs).toBe(2);
    expect(await readPiece(download.storage, torrent.layout, pieceIndex(0))).toEqual(torrent.piece(0));
    await download.storage.close();
  });
});

it("looks at each file that was made in one go once more, when all are there", async () => {
  const torrent = fourInOne();
  const looks: string[] = [];
  const files: FileSystem = {
    ...systemFiles,
    isVolatile: async () => true,
    lstatSync: (path) => {
      looks.push(path);
      return systemFiles.lstatSync(path);
    },
  };
  const download = await open(torrent, (job) => doJob(systemFiles, job), files);
  looks.length = 0;
  await store(download, torrent);
  const never = new AbortController().signal;
  expect(await download.lookAgain(never)).toBeUndefined();
  await download.finish();
  await download.watch(nobody);
  expect(looks.filter((path) => /\/[a-d]$/.test(path))).toEqual(
    ["a", "b", "sub/c", "sub/d"].map((path) => join(place.dir, "share", path)),
  );
  expect(await readPiece(download.storage, torrent.layout, pieceIndex(0))).toEqual(torrent.piece(0));
  await download.storage.close();
});

it("knows each file as the thread has left it", async () => {
  const torrent = fourInOne();
  let left: JobAnswer | undefined;
  const download = await open(torrent, (job) => (left = doJob(systemFiles, job)));
  await store(download, torrent);
  if (left?.kind !== "stored") throw new Error("not stored");
  for (const [i, file] of ["a", "b", "sub/c", "sub/d"].entries()) {
    const { size, mtimeNs, ctimeNs, ino } = statSync(join(place.dir, "share", file), { bigint: true });
    expect(versionAt(left.left, i)).toEqual({ size: Number(size), mtimeNs, ctimeNs, inode: ino });
  }
  await download.storage.close();
});

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

/** 128 MiB in sixteen pieces that are all alike. */
function alike() {
  const pieceLength = 8 * 1024 * 1024;
  const data = new Uint8Array(new SharedArrayBuffer(pieceLength)).fill(7);
  const sha1 = new Uint8Array(createHash("sha1").update(data).digest());
  const { metainfo } = storedTorrent([{ path: "share", length: 1 }], 64);
  const length = 16 * pieceLength;
  const pieceHashes = new Uint8Array(16 * 20);
  for (let piece = 0; piece < 16; piece++) pieceHashes.set(sha1, 20 * piece);
  const files = metainfo.files.map((file) => ({ ...file, length }));
  const large = { ...metainfo, files, length, pieceLength, pieceCount: 16, pieceHashes };
  return { metainfo: large, data, sha1 };
}

it.each([
  { every: 250, elsewhere: [false, false, true, true] },
  { every: 251, elsewhere: [false, false, false, false] },
])(
  "has a thread write pieces once they come fast enough: 8 MiB every $every ms",
  async ({ every, elsewhere }) => {
    const { metainfo, data, sha1 } = alike();
    const clock = new FakeClock();
    const options = { metainfo, directory: place.dir, overwrite: false, random: seededRandom(1), clock };
    const { storage } = await openDownload(options, new AbortController().signal);
    const seen: boolean[] = [];
    for (let piece = 0; piece < 4; piece++) {
      const written = storage.writeIfRight?.(pieceIndex(piece), data, sha1);
      seen.push(written !== undefined);
      if (written === undefined) await storage.write(pieceIndex(piece), data);
      else expect(await written).toBe(true);
      await clock.advance(every);
    }
    await storage.close();
    expect(seen).toEqual(elsewhere);
    expect(readFileSync(join(place.dir, "share")).equals(Buffer.concat([data, data, data, data]))).toBe(true);
  },
);
