/** Moves bytes from a file to an HTTP response: the path that all downloads over HTTP take. */
import { closeSync, fstatSync, read, readSync } from "node:fs";
import type { ServerResponse } from "node:http";
import type { BlockPool } from "./blocks.ts";
import type { FileVersion } from "./core/conditions.ts";
import type { ByteRange } from "./core/range.ts";
import type { Turns } from "./turns.ts";

/** A rate that many senders share. `take` returns true when granted at once; else `granted` is called later, once. */
export interface SendLimit {
  /** Bytes that should be taken at once at most. */
  readonly grain: number;
  take(bytes: number, granted: () => void): boolean;
  /** Takes back a waiting `take`. */
  forget(granted: () => void): void;
}

export interface PumpOptions {
  readonly response: ServerResponse;
  /** Open for reading; closed by the pump, whatever happens. */
  readonly fd: number;
  /** What the file was when it was shared. */
  readonly version: FileVersion;
  /** What to send, in order: bytes of our own and ranges of the file. */
  readonly parts: readonly (Uint8Array | ByteRange)[];
  readonly pool: BlockPool;
  readonly turns: Turns;
  readonly limit: SendLimit | undefined;
}

/** A read that took longer, in ms, waited for a disk, and everybody else waited with it. */
const BLOCKING_READ = 4;
/** After such a read so many go through the thread pool, and twice as many after the next. */
const FIRST_DETOUR = 16;
const LONGEST_DETOUR = 1_024;
/** A reader that takes longer over one block, in ms, gets small ones. */
const SLOW_WRITE = 500;
/** Between two looks at whether the file is still the same, in bytes. */
const CHECK_EVERY = 64 * 1024 * 1024;

/**
 * Sends `parts` as the body of `response`, whose head must be written or set. One block is on its way at any time:
 * the next one is read when the system has taken the last. Reads are synchronous while the data are in memory, which
 * is measured. When the file changes or shrinks meanwhile, the connection is cut, for the length is promised already.
 */
export function pump(options: PumpOptions): void {
  new Pump(options).start();
}

class Pump {
  readonly #options: PumpOptions;
  readonly #parts: (Uint8Array | ByteRange)[];
  #block: Uint8Array | undefined;
  #isReading = false;
  #isClosed = false;
  /**
   * Reads still to go through the thread pool. The first one does: a disk that sleeps, or a network that is down,
   * must not stop the whole process.
   */
  #detour = 1;
  #nextDetour = FIRST_DETOUR;
  #isSlow = false;
  #sinceCheck = 0;
  /** What waits for the rate limit; taken back when the reader goes. */
  #granted: (() => void) | undefined;

  constructor(options: PumpOptions) {
    this.#options = options;
    this.#parts = [...options.parts];
  }

  start(): void {
    const { response } = this.#options;
    response.once("close", () => this.#close());
    if (response.destroyed) this.#close();
    else this.#options.turns.run(this.#next);
  }

  readonly #next = (): void => {
    if (this.#isClosed) return;
    const part = this.#parts[0];
    if (part === undefined) this.#options.response.end();
    else if (part instanceof Uint8Array) {
      this.#parts.shift();
      this.#write(part);
    } else this.#readPart(part);
  };

  #readPart(part: ByteRange): void {
    const { limit, pool } = this.#options;
    const block = pool.borrow(this.#isSlow);
    this.#block = block;
    const length = Math.min(part.end - part.start + 1, block.length, limit?.grain ?? block.length);
    const read = () => {
      this.#granted = undefined;
      if (this.#detour === 0) this.#readNow(block, part, length);
      else this.#readInPool(block, part, length);
    };
    this.#granted = read;
    if (limit === undefined || limit.take(length, read)) read();
  }

  #readNow(block: Uint8Array, part: ByteRange, length: number): void {
    const start = performance.now();
    let bytesRead: number;
    try {
      bytesRead = readSync(this.#options.fd, block, 0, length, part.start);
    } catch {
      this.#cut();
      return;
    }
    if (performance.now() - start > BLOCKING_READ) {
      this.#detour = this.#nextDetour;
      this.#nextDetour = Math.min(2 * this.#nextDetour, LONGEST_DETOUR);
    }
    this.#send(block, part, bytesRead);
  }

  #readInPool(block: Uint8Array, part: ByteRange, length: number): void {
    this.#detour--;
    this.#isReading = true;
    read(this.#options.fd, block, 0, length, part.start, (error, bytesRead) => {
      this.#isReading = false;
      if (this.#isClosed) this.#release();
      else if (error !== null) this.#cut();
      else this.#send(block, part, bytesRead);
    });
  }

  #send(block: Uint8Array, part: ByteRange, bytesRead: number): void {
    const start = part.start + bytesRead;
    if (start <= part.end) this.#parts[0] = { start, end: part.end };
    else this.#parts.shift();
    this.#sinceCheck += bytesRead;
    const isLast = this.#parts.length === 0;
    if (bytesRead === 0 || ((isLast || this.#sinceCheck >= CHECK_EVERY) && this.#hasChanged())) this.#cut();
    else this.#write(block.subarray(0, bytesRead));
  }

  #write(bytes: Uint8Array): void {
    const { response, turns } = this.#options;
    turns.spend(bytes.length);
    if (this.#parts.length === 0) {
      // Together with the head, when all of it fits. The block is given back on "close".
      response.end(bytes);
      return;
    }
    const start = performance.now();
    response.write(bytes, () => {
      // After an error the connection closes, and "close" tidies up.
      if (this.#isClosed || response.destroyed) return;
      this.#isSlow = performance.now() - start > SLOW_WRITE;
      this.#returnBlock();
      turns.run(this.#next);
    });
  }

  #hasChanged(): boolean {
    this.#sinceCheck = 0;
    const { fd, version } = this.#options;
    try {
      return !isVersion(fstatSync(fd, { bigint: true }), version);
    } catch {
      return true;
    }
  }

  #cut(): void {
    this.#options.response.destroy();
    this.#close();
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#granted !== undefined) this.#options.limit?.forget(this.#granted);
    // The thread pool still writes into the block and reads the file.
    if (!this.#isReading) this.#release();
  }

  #release(): void {
    this.#returnBlock();
    closeSync(this.#options.fd);
  }

  #returnBlock(): void {
    if (this.#block !== undefined) this.#options.pool.giveBack(this.#block);
    this.#block = undefined;
  }
}

/** Whether `fstat`'s answer, in bigints, is about the very file that was shared. */
export function isVersion(
  stats: { readonly size: bigint; readonly mtimeNs: bigint; readonly ino: bigint },
  version: FileVersion,
): boolean {
  return (
    stats.size === BigInt(version.length) && stats.mtimeNs === version.mtimeNs && stats.ino === version.inode
  );
}
