/** Moves bytes from files to an HTTP response: the path that all downloads over HTTP take. */
import { closeSync, read, readSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { DiskWatch } from "../platform/disk-watch.ts";
import { BlockPool } from "./blocks.ts";
import type { ByteRange } from "./core/range.ts";
import type { SharedFile } from "./model.ts";
import { isStill, openShared, openSharedNow } from "./open-file.ts";
import { Turns } from "./turns.ts";

/** A rate that many senders share. `take` returns true when granted at once; else `granted` is called later, once. */
export interface SendLimit {
  /** Bytes that should be taken at once at most. */
  readonly grain: number;
  take(bytes: number, granted: () => void): boolean;
  /** Takes back a waiting `take`. */
  forget(granted: () => void): void;
}

/** What all downloads share. */
export class Outlet {
  readonly pool = new BlockPool();
  readonly turns = new Turns();
  readonly limit: () => SendLimit | undefined;

  constructor(limit: () => SendLimit | undefined) {
    this.limit = limit;
  }
}

/** Some bytes of a shared file. */
interface FileRun {
  readonly file: SharedFile;
  /** From 0 to -1 for an empty file, which must still be as it was. */
  readonly range: ByteRange;
  /** Gets all of the run's bytes, in order; must not keep them. */
  readonly tap?: (bytes: Uint8Array) => void;
}

/** A piece of a body; one that is still being made is waited for, and cuts the connection when it fails. */
export type Part = Uint8Array | FileRun | Promise<Uint8Array>;

export interface PumpOptions {
  readonly response: ServerResponse;
  /** The body. Asked for a part when everything before it has been read, and the files were still the same. */
  readonly parts: Iterator<Part>;
  /** Bytes of all parts together. */
  readonly length: number;
  /** The first file of `parts` when it is open already; closed by the pump, whatever happens. */
  readonly opened?: OpenedFile;
  readonly outlet: Outlet;
  /** Told of what goes out, some bytes at a time. */
  readonly onSent?: ((bytes: number) => void) | undefined;
}

interface OpenedFile {
  readonly fd: number;
  readonly file: SharedFile;
}

/** A read that took longer, in ms, was held up, and everybody else with it. */
const BLOCKING_READ = 4;
/** After such a read so many go through the thread pool, and twice as many after the next. */
const FIRST_DETOUR = 16;
const LONGEST_DETOUR = 1_024;
/** A reader that takes longer over one block, in ms, gets small ones. */
const SLOW_WRITE = 500;
/** Between two looks at whether the file is still the same, in bytes. */
const CHECK_EVERY = 64 * 1024 * 1024;
/** Opening a file takes as long as sending so many bytes. */
const COST_OF_A_FILE = 32 * 1024;
/** Small files that go together in one block: half a millisecond's work. */
const FILES_IN_A_BLOCK = 16;

/**
 * Sends `parts` as the body of `response`, whose head must be written or set. One block is on its way at any time:
 * the next one is read when the system has taken the last. Reads are synchronous while the data are in memory, which
 * is measured. When a file changes or shrinks meanwhile, the connection is cut, for the length is promised already.
 */
export function pump(options: PumpOptions): void {
  new Pump(options).start();
}

class Pump {
  readonly #options: PumpOptions;
  readonly #limit: SendLimit | undefined;
  /** What is being sent, less what of it has been read. */
  #part: Uint8Array | FileRun | undefined;
  /** What must be waited for, after what is in the block has been sent. */
  #awaited: Promise<Uint8Array> | undefined;
  #opened: OpenedFile | undefined;
  #block: Uint8Array | undefined;
  /** Bytes in the block, and how many it is to have. */
  #filled = 0;
  #wanted = 0;
  #filesInBlock = 0;
  /** Bytes that the rate limit has granted and that are not sent yet. */
  #allowance = 0;
  /** Of the body, not written yet. */
  #remaining: number;
  /** The thread pool is opening or reading a file. */
  #isBusy = false;
  #isClosed = false;
  /**
   * Opens and reads still to go through the thread pool. The first ones do: a disk that sleeps, or a network that is
   * down, must not stop the whole process.
   */
  #detour: number;
  #nextDetour = FIRST_DETOUR;
  readonly #watch = new DiskWatch(() => performance.now(), BLOCKING_READ);
  #isSlow = false;
  #sinceCheck = 0;
  /** What waits for the rate limit; taken back when the reader goes. */
  #granted: (() => void) | undefined;

  constructor(options: PumpOptions) {
    this.#options = options;
    this.#limit = options.outlet.limit();
    this.#opened = options.opened;
    this.#remaining = options.length;
    this.#detour = options.opened === undefined ? 2 : 1;
  }

  start(): void {
    const { response, outlet } = this.#options;
    response.once("close", () => this.#close());
    if (response.destroyed) this.#close();
    else outlet.turns.run(this.#next);
  }

  /** Begins a block. */
  readonly #next = (): void => {
    if (this.#isClosed) return;
    const block = this.#options.outlet.pool.borrow(this.#isSlow);
    this.#block = block;
    const most = Math.min(block.length, this.#remaining);
    if (this.#limit === undefined) this.#allowance = most;
    if (this.#allowance > 0) {
      this.#wanted = Math.min(most, this.#allowance);
      this.#fill();
      return;
    }
    const bytes = Math.min(most, this.#limit?.grain ?? most);
    const granted = () => {
      this.#granted = undefined;
      this.#allowance = bytes;
      this.#wanted = bytes;
      this.#fill();
    };
    this.#granted = granted;
    if (this.#limit?.take(bytes, granted) !== false) granted();
  };

  /** Goes on filling the block, and sends it when it is full or something must be waited for. */
  #fill(): void {
    while (this.#filled < this.#wanted && this.#filesInBlock < FILES_IN_A_BLOCK) {
      const part = this.#part ?? this.#pull();
      if (part === undefined) {
        if (this.#awaited === undefined) return;
        if (this.#filled > 0) break;
        void this.#await(this.#awaited);
        return;
      }
      this.#part = part;
      if (part instanceof Uint8Array) this.#copy(part);
      else if (this.#opened?.file !== part.file) {
        if (!this.#open(part.file)) return;
      } else if (part.range.start > part.range.end) {
        if (!this.#endRun(part.file)) return;
      } else if (!this.#read(part)) return;
    }
    this.#write();
  }

  /** The next part; undefined when it has to be awaited, or the connection is cut, for there should be one. */
  #pull(): Uint8Array | FileRun | undefined {
    if (this.#awaited !== undefined) return undefined;
    const { done, value } = this.#options.parts.next();
    if (done === true) this.#cut();
    else if (value instanceof Promise) this.#awaited = value;
    else return value;
    return undefined;
  }

  async #await(part: Promise<Uint8Array>): Promise<void> {
    let bytes: Uint8Array;
    const { response } = this.#options;
    const { socket } = response;
    // It may have shut its own side only. But while nothing is sent, nothing shows that, and a lot is read for it meanwhile.
    const onEnd = () => this.#cut();
    if (socket?.readableEnded === true) return onEnd();
    socket?.once("end", onEnd);
    // The head must not wait as well: it says that something will come.
    response.flushHeaders();
    try {
      bytes = await part;
    } catch {
      this.#cut();
      return;
    } finally {
      socket?.off("end", onEnd);
    }
    if (this.#isClosed) return;
    this.#awaited = undefined;
    this.#part = bytes;
    this.#fill();
  }

  #copy(part: Uint8Array): void {
    const room = this.#wanted - this.#filled;
    this.#block?.set(part.subarray(0, room), this.#filled);
    this.#filled += Math.min(room, part.length);
    this.#part = part.length > room ? part.subarray(room) : undefined;
  }

  /** Whether the file is open now; if not, it is on the way or the connection is cut. */
  #open(file: SharedFile): boolean {
    this.#leave();
    this.#filesInBlock++;
    if (this.#detour > 0) {
      this.#detour--;
      void this.#openInPool(file);
      return false;
    }
    const fd = this.#watch.time(() => openSharedNow(file), this.#takeDetour);
    if (fd === undefined) this.#cut();
    else this.#opened = { fd, file };
    return fd !== undefined;
  }

  async #openInPool(file: SharedFile): Promise<void> {
    this.#isBusy = true;
    const fd = await openShared(file);
    this.#isBusy = false;
    if (typeof fd === "number") this.#opened = { fd, file };
    if (this.#isClosed) this.#release();
    else if (this.#opened === undefined) this.#cut();
    else this.#fill();
  }

  /** Whether bytes were read; if not, they are on the way or the connection is cut. */
  #read(run: FileRun): boolean {
    const { fd } = this.#opened ?? {};
    const block = this.#block;
    if (fd === undefined || block === undefined) return false;
    const { start, end } = run.range;
    const length = Math.min(end - start + 1, this.#wanted - this.#filled);
    if (this.#detour > 0) {
      this.#detour--;
      this.#isBusy = true;
      read(fd, block, this.#filled, length, start, (error, bytesRead) => {
        this.#isBusy = false;
        if (this.#isClosed) this.#release();
        else if (error !== null) this.#cut();
        else if (this.#took(run, bytesRead)) this.#fill();
      });
      return false;
    }
    let bytesRead: number;
    try {
      const now = () => readSync(fd, block, this.#filled, length, start);
      bytesRead = this.#watch.time(now, this.#takeDetour);
    } catch {
      this.#cut();
      return false;
    }
    return this.#took(run, bytesRead);
  }

  /** After a wait for a disk the thread pool waits in our place, and longer each time. */
  readonly #takeDetour = (): void => {
    this.#detour = this.#nextDetour;
    this.#nextDetour = Math.min(2 * this.#nextDetour, LONGEST_DETOUR);
  };

  /** Counts what was read; false when it can't go on, for the file isn't what it was. */
  #took(run: FileRun, bytesRead: number): boolean {
    const { file, range, tap } = run;
    tap?.(this.#block?.subarray(this.#filled, this.#filled + bytesRead) ?? new Uint8Array(0));
    this.#filled += bytesRead;
    this.#sinceCheck += bytesRead;
    if (bytesRead === 0) {
      this.#cut();
      return false;
    }
    const start = range.start + bytesRead;
    if (start > range.end) return this.#endRun(file);
    this.#part = { ...run, range: { start, end: range.end } };
    return this.#sinceCheck < CHECK_EVERY || this.#checked(file);
  }

  #endRun(file: SharedFile): boolean {
    this.#part = undefined;
    return this.#checked(file);
  }

  #checked(file: SharedFile): boolean {
    this.#sinceCheck = 0;
    if (this.#opened !== undefined && isStill(this.#opened.fd, file)) return true;
    this.#cut();
    return false;
  }

  #write(): void {
    const { response, outlet, onSent } = this.#options;
    const bytes = this.#block?.subarray(0, this.#filled) ?? new Uint8Array(0);
    outlet.turns.spend(bytes.length + this.#filesInBlock * COST_OF_A_FILE);
    onSent?.(bytes.length);
    this.#remaining -= bytes.length;
    this.#allowance -= bytes.length;
    this.#filled = 0;
    this.#filesInBlock = 0;
    if (this.#remaining === 0) {
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
      outlet.turns.run(this.#next);
    });
  }

  #cut(): void {
    this.#options.response.destroy();
    this.#close();
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#granted !== undefined) this.#limit?.forget(this.#granted);
    // The thread pool still writes into the block and reads the file.
    if (!this.#isBusy) this.#release();
  }

  #release(): void {
    this.#returnBlock();
    this.#leave();
  }

  #leave(): void {
    if (this.#opened !== undefined) closeSync(this.#opened.fd);
    this.#opened = undefined;
  }

  #returnBlock(): void {
    if (this.#block !== undefined) this.#options.outlet.pool.giveBack(this.#block);
    this.#block = undefined;
  }
}
