/** CRC-32s of a share's files, as ZIP archives need them: noted while files are sent, or read for on their own. */
import { read } from "node:fs";
import { crc32 } from "node:zlib";
import type { FileSpan } from "./core/archive-layout.ts";
import type { SharedFile } from "./model.ts";
import { closeQuietly, isStill, openShared } from "./open-file.ts";

/** Read and summed at once; a turn of a tenth of a millisecond. */
const READ_BYTES = 256 * 1024;

interface Waiter {
  /** The files whose CRC-32 isn't known yet begin here, or later. */
  next: number;
  readonly to: number;
  readonly settle: (error?: Error) => void;
}

/**
 * Summing costs half as much as hashing pieces, and few shares are ever fetched as ZIP. So nothing is summed before
 * somebody needs it: who gets a whole archive has it summed on the way, and who continues one waits for {@link wait}.
 */
export class Checksums {
  /** By position in the share; valid where {@link has} says so. */
  readonly values: Uint32Array;
  readonly #files: readonly SharedFile[];
  readonly #known: Uint8Array;
  readonly #waiters = new Set<Waiter>();
  #isReading = false;
  /** Those of all files, of which these are some, and where these are among them. */
  readonly #whole: { readonly sums: Checksums; readonly positions: readonly number[] } | undefined;

  constructor(
    files: readonly SharedFile[],
    whole?: { readonly sums: Checksums; readonly positions: readonly number[] },
  ) {
    this.#files = files;
    this.#whole = whole;
    this.values = new Uint32Array(files.length);
    // That of nothing is 0.
    this.#known = Uint8Array.from(files, (file) => (file.length === 0 ? 1 : 0));
    for (const [file, position] of (whole?.positions ?? []).entries()) {
      if (whole?.sums.has({ from: position, to: position + 1 }))
        this.put(file, whole.sums.values[position] ?? 0);
    }
  }

  /** Of the files at these positions only; what is found out for them is known of the whole, too. */
  of(positions: readonly number[]): Checksums {
    const files = positions.flatMap((position) => this.#files[position] ?? []);
    return new Checksums(files, { sums: this, positions });
  }

  has({ from, to }: FileSpan): boolean {
    return this.#unknown(from, to) === to;
  }

  /** Notes the CRC-32 of a file that was read as it was shared, from beginning to end. */
  put(file: number, crc: number): void {
    this.values[file] = crc;
    this.#known[file] = 1;
    const position = this.#whole?.positions[file];
    if (position !== undefined) this.#whole?.sums.put(position, crc);
  }

  /**
   * Resolves when those of `span` are known: files are read for it, one at a time whoever waits, and only while
   * somebody does. Rejects when a file isn't what was shared, and when `signal` aborts.
   */
  wait({ from, to }: FileSpan, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const leave = () => {
        this.#waiters.delete(waiter);
        reject(signal.reason);
      };
      const settle = (error?: Error) => {
        signal.removeEventListener("abort", leave);
        if (error === undefined) resolve();
        else reject(error);
      };
      const waiter: Waiter = { next: from, to, settle };
      signal.addEventListener("abort", leave, { once: true });
      this.#waiters.add(waiter);
      if (!this.#isReading) void this.#readAll();
    });
  }

  async #readAll(): Promise<void> {
    this.#isReading = true;
    for (const waiter of this.#waiters) {
      // New ones come to the end of the set, so the loop sees them, too.
      while (this.#waiters.has(waiter)) {
        waiter.next = this.#unknown(waiter.next, waiter.to);
        const file = this.#files[waiter.next];
        if (waiter.next === waiter.to || file === undefined) {
          this.#waiters.delete(waiter);
          waiter.settle();
          break;
        }
        const crc = await this.#sum(file);
        if (crc !== undefined) this.put(waiter.next, crc);
        else if (this.#waiters.delete(waiter)) {
          waiter.settle(new Error(`${file.absolutePath} can't be read, or has changed since it was shared`));
        }
      }
    }
    this.#isReading = false;
  }

  /** @returns undefined when the file isn't what was shared, or nobody waits any more. */
  async #sum(file: SharedFile): Promise<number | undefined> {
    const fd = await openShared(file);
    if (typeof fd !== "number") return undefined;
    const block = Buffer.allocUnsafe(Math.min(READ_BYTES, file.length));
    let crc = 0;
    let at = 0;
    while (at < file.length && this.#waiters.size > 0) {
      const bytesRead = await readAt(fd, block, at);
      if (bytesRead <= 0) break;
      crc = crc32(block.subarray(0, bytesRead), crc);
      at += bytesRead;
    }
    const isWhole = at === file.length && isStill(fd, file);
    closeQuietly(fd);
    return isWhole ? crc : undefined;
  }

  /** The first from `from` on that isn't known; `to` when all are. */
  #unknown(from: number, to: number): number {
    let file = from;
    while (file < to && this.#known[file] === 1) file++;
    return file;
  }
}

/** Fewer bytes than asked for at the end of a file; -1 when it can't be read. */
function readAt(fd: number, block: Uint8Array, position: number): Promise<number> {
  return new Promise((resolve) => {
    read(fd, block, 0, block.length, position, (error, bytesRead) =>
      resolve(error === null ? bytesRead : -1),
    );
  });
}
