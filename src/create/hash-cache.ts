/** Remembers the hashes of pieces between runs, so that nothing unchanged is read again. */
import { randomBytes } from "node:crypto";
import { mkdir, readdir, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { nodeHashes } from "../platform/hashes.ts";
import { readRegular } from "../platform/regular-file.ts";
import {
  decodeRecords,
  encodeRecords,
  findRecords,
  HASH_BYTES,
  type HashRecords,
  KEY_BYTES,
  mergeRecords,
  NO_RECORDS,
} from "./core/hash-records.ts";
import { isSettled } from "./core/settled.ts";
import { errorCode, fsReason } from "./fs-reason.ts";
import { pieceKeys } from "./piece-keys.ts";
import { type HashPlan, isDone, putHash } from "./plan.ts";
import type { Hashable } from "./source.ts";

/** All shares together. A share of 100 GB takes 230 KB; what wasn't used for longest goes first. */
const MOST_BYTES = 64 * 1024 * 1024;
const MOST_SHARES = 1_000;
/** Once that part of either was added, or of the shares that were there, it's time to look again. */
const LOOK_AFTER = 1 / 8;
/** Records beyond those of a share as it is now. */
const SPARE_RECORDS = 2_000;
/** What another process writes takes moments; what is older was left by one that died. */
const UNFINISHED_MS = 3_600_000;

export interface HashCacheOptions {
  /** Made when missing. */
  readonly dir: string;
  readonly source: Hashable;
  readonly pieceLength: number;
  /** Told why nothing can be recalled or remembered, for people; it never makes hashing fail. */
  readonly onTrouble?: ((message: string) => void) | undefined;
}

/**
 * One file a share, named after the inode of its folder or file, which stays when it is renamed. Files are replaced as
 * a whole, so several processes may use it at once. A hash is found only when all files under its piece are the same to
 * the nanosecond and were at rest before they were hashed; nothing that is read from here can make a wrong torrent
 * unless its own check sum is right.
 */
export class HashCache {
  readonly #options: HashCacheOptions;
  readonly #dir: string;
  #keys: Uint8Array | undefined;
  #file = "";
  #records: HashRecords = NO_RECORDS;
  #missing = 0;

  private constructor(options: HashCacheOptions) {
    this.#options = options;
    this.#dir = join(options.dir, "hashes");
  }

  /** Hands in the hashes that are known; the rest is to be computed. */
  static async recall(options: HashCacheOptions, plan: HashPlan): Promise<HashCache> {
    const cache = new HashCache(options);
    try {
      await cache.#load();
    } catch (error) {
      const trouble = `Hashes of earlier runs can't be read: ${fsReason(error)}. Everything is hashed anew.`;
      if (errorCode(error) !== "ENOENT") options.onTrouble?.(trouble);
    }
    cache.#missing = plan.pieceCount;
    if (cache.#records !== NO_RECORDS) {
      findRecords(cache.#records, cache.prepare(), (piece, hash) => {
        putHash(plan, piece, hash);
        cache.#missing--;
      });
    }
    return cache;
  }

  /** Works out what remembering will take, unless that was done before: for when there is time. */
  prepare(): Uint8Array {
    this.#keys ??= pieceKeys(this.#options.source, this.#options.pieceLength);
    return this.#keys;
  }

  async #load(): Promise<void> {
    const { source, onTrouble } = this.#options;
    const { ino } = await stat(source.root, { bigint: true });
    this.#file = join(this.#dir, ino.toString(16));
    const bytes = await readRegular(this.#file, { most: MOST_BYTES, own: true });
    const records = decodeRecords(bytes, nodeHashes.sha256);
    if (records !== undefined) this.#records = records;
    else onTrouble?.("Hashes of earlier runs are damaged, or of another version. Everything is hashed anew.");
  }

  /** Keeps what `plan` holds, be it all or only the pieces that were done when hashing was stopped. */
  async remember(plan: HashPlan): Promise<void> {
    if (this.#file === "") return;
    try {
      if (this.#missing === 0) await this.#touch();
      else await this.#save(plan);
    } catch (error) {
      const why = `${fsReason(error)}. Choose another folder with --cache-dir.`;
      this.#options.onTrouble?.(`Hashes can't be remembered for the next time: ${why}`);
    }
  }

  /** It was of use. */
  async #touch(): Promise<void> {
    const now = new Date();
    await utimes(this.#file, now, now);
  }

  async #save(plan: HashPlan): Promise<void> {
    const fresh = this.#freshRecords(plan);
    const count = fresh.keys.length / KEY_BYTES;
    if (count === 0) return;
    const records = mergeRecords(fresh, this.#records, count + Math.max(count, SPARE_RECORDS));
    const bytes = encodeRecords(records, nodeHashes.sha256);
    if (bytes.length > MOST_BYTES / 2) return;
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
    const unfinished = `${this.#file}.${randomBytes(6).toString("hex")}.tmp`;
    try {
      await writeFile(unfinished, bytes, { flag: "wx", mode: 0o600 });
      await rename(unfinished, this.#file);
    } catch (error) {
      await rm(unfinished, { force: true });
      throw error;
    }
    await evictIfDue(this.#dir, bytes.length);
  }

  /** Of the pieces that are done and lie in no file that may change without a trace. */
  #freshRecords(plan: HashPlan): HashRecords {
    const known = this.prepare();
    const settled = settledPieces(this.#options.source, this.#options.pieceLength);
    const pieces: number[] = [];
    for (let piece = 0; piece < plan.pieceCount; piece++) {
      if (settled[piece] === 1 && isDone(plan, piece)) pieces.push(piece);
    }
    const keys = new Uint8Array(pieces.length * KEY_BYTES);
    const hashes = new Uint8Array(pieces.length * HASH_BYTES);
    for (const [i, piece] of pieces.entries()) {
      keys.set(known.subarray(piece * KEY_BYTES, (piece + 1) * KEY_BYTES), i * KEY_BYTES);
      hashes.set(plan.hashes.subarray(piece * HASH_BYTES, (piece + 1) * HASH_BYTES), i * HASH_BYTES);
    }
    return { keys, hashes };
  }
}

/** 1 for each piece whose files were all at rest when the folder was read. */
function settledPieces({ files, totalBytes, lookedAt }: Hashable, pieceLength: number): Uint8Array {
  const settled = new Uint8Array(Math.ceil(totalBytes / pieceLength)).fill(1);
  const lookedAtNs = BigInt(lookedAt) * 1_000_000n;
  let offset = 0;
  for (const file of files) {
    const end = offset + file.length;
    if (file.length > 0 && !("pad" in file) && !isSettled(file, lookedAtNs)) {
      settled.fill(0, Math.floor(offset / pieceLength), Math.ceil(end / pieceLength));
    }
    offset = end;
  }
  return settled;
}

/** What this process has added to a folder since it looked at all of it, and how many shares it saw then. */
interface Added {
  shares: number;
  bytes: number;
  readonly seen: number;
}

/** By folder: a process has one, tests some. */
const addedTo = new Map<string, Added>();

/** Looks at a folder now and then: each time would make a thousand shares cost a million looks at files. */
async function evictIfDue(dir: string, bytes: number): Promise<void> {
  const added = addedTo.get(dir);
  if (added !== undefined) {
    added.shares++;
    added.bytes += bytes;
    const isDue = added.shares > LOOK_AFTER * added.seen || added.bytes > LOOK_AFTER * MOST_BYTES;
    if (!isDue) return;
  }
  const seen = await evict(dir);
  addedTo.set(dir, { shares: 0, bytes: 0, seen });
}

/**
 * Removes what was not used for longest until the rest fits, and what was never finished.
 * @returns how many files there were.
 */
async function evict(dir: string): Promise<number> {
  const names = await readdir(dir);
  const found = await Promise.all(
    names.map(async (name) => {
      const path = join(dir, name);
      // Another process may have removed it meanwhile.
      const stats = await stat(path).catch(() => undefined);
      return stats === undefined ? [] : [{ path, name, bytes: stats.size, usedAt: stats.mtimeMs }];
    }),
  );
  const shares = found.flat().sort((a, b) => b.usedAt - a.usedAt);
  let bytes = 0;
  let count = 0;
  for (const share of shares) {
    const isUnfinished = share.name.endsWith(".tmp");
    if (!isUnfinished) {
      bytes += share.bytes;
      count++;
    }
    const isDue = isUnfinished
      ? Date.now() - share.usedAt > UNFINISHED_MS
      : bytes > MOST_BYTES || count > MOST_SHARES;
    if (isDue) await rm(share.path, { force: true });
  }
  return names.length;
}
