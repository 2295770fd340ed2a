import { type FileSystem, systemErrorCode, systemFiles } from "../../platform/file-system.ts";

/** A file that can be opened again whenever it is needed. Whoever makes one keeps it: it is the key in the cache. */
export interface Openable {
  /** Opens and checks the file. Every descriptor it does not return, it closes. */
  open(): Promise<number>;
  /** The same without waiting. */
  openSync(): number;
}

interface Entry {
  readonly owner: Openable;
  readonly descriptor: number;
  /** Operations that use the descriptor now; it is not closed before they end. */
  users: number;
  /** Taken out of the cache; closed when the last user is done. */
  dropped: boolean;
}

/** A descriptor on loan: valid until `release`, which must be called once. */
export interface Loan {
  readonly descriptor: number;
  release(): void;
}

/**
 * Keeps the descriptors that were used last and closes the others, so that torrents of any number of files live with
 * few descriptors. Those in use don't count: a hundred writes that wait for a slow disk must not close the folders that
 * the next files are opened through. One cache may serve many storages. When the system runs out of descriptors sooner than the limit
 * says, the limit shrinks to what there is.
 */
export class OpenFiles {
  readonly #files: FileSystem;
  /** In order of use, the latest last. */
  readonly #entries = new Map<Openable, Entry>();
  readonly #opening = new Map<Openable, { waiters: number; readonly entry: Promise<Entry> }>();
  #limit: number;
  /** Of the entries: those in use. */
  #busy = 0;
  /** Loans that come back by themselves. */
  #lent = 0;
  /** Whoever found no descriptor left, and nothing to close. */
  #waiting: (() => void)[] = [];

  /** `limit`: descriptors kept at once that nobody uses, at least 1. */
  constructor(limit: number, files: FileSystem = systemFiles) {
    this.#limit = Math.max(1, limit);
    this.#files = files;
  }

  /** Descriptors in the cache now, those in use among them. */
  get size(): number {
    return this.#entries.size;
  }

  /** How many are kept now. */
  get limit(): number {
    return this.#limit;
  }

  /** @returns undefined when the file is not open. */
  borrowOpen(owner: Openable): Loan | undefined {
    const entry = this.#entries.get(owner);
    return entry === undefined ? undefined : this.#lend(entry);
  }

  /** To be looked at, within this turn of the loop; undefined when the file is not open. */
  descriptorOf(owner: Openable): number | undefined {
    return this.#entries.get(owner)?.descriptor;
  }

  /** @throws also when there are no descriptors left: see {@link isOutOfDescriptors}. */
  borrowSync(owner: Openable): Loan {
    const open = this.borrowOpen(owner);
    if (open !== undefined) return open;
    const shrink = this.#shrinking();
    for (;;) {
      try {
        return this.#lend(this.#keep(owner, owner.openSync()));
      } catch (error) {
        if (!isOutOfDescriptors(error) || !shrink()) throw error;
      }
    }
  }

  /** A loan for long: nobody waits for it to come back. */
  async borrowForLong(owner: Openable): Promise<Loan> {
    const { descriptor, release } = await this.borrow(owner);
    this.#lent--;
    let lent = true;
    return {
      descriptor,
      release: () => {
        if (!lent) return;
        lent = false;
        this.#lent++;
        release();
      },
    };
  }

  /** Waits for what others have in use when there are no descriptors left. */
  async borrow(owner: Openable): Promise<Loan> {
    const open = this.borrowOpen(owner);
    if (open !== undefined) return open;
    let opening = this.#opening.get(owner);
    if (opening === undefined) {
      opening = { waiters: 0, entry: this.#open(owner) };
      this.#opening.set(owner, opening);
    }
    opening.waiters++;
    return this.#loan(await opening.entry);
  }

  /** Closes the file when nobody uses it any more; the next loan opens it again. */
  drop(owner: Openable): void {
    const entry = this.#entries.get(owner);
    if (entry !== undefined) this.#drop(entry);
  }

  /** The entry it gives is already counted as used by everybody who waits for it. */
  async #open(owner: Openable): Promise<Entry> {
    try {
      const descriptor = await this.#openLater(owner);
      // A synchronous loan may have opened it meanwhile.
      let entry = this.#entries.get(owner);
      if (entry === undefined) entry = this.#keep(owner, descriptor);
      else this.#files.closeSync(descriptor);
      this.#addUsers(entry, this.#opening.get(owner)?.waiters ?? 0);
      return entry;
    } finally {
      this.#opening.delete(owner);
    }
  }

  async #openLater(owner: Openable): Promise<number> {
    let shrink = this.#shrinking();
    for (;;) {
      try {
        return await owner.open();
      } catch (error) {
        if (!isOutOfDescriptors(error)) throw error;
        if (shrink()) continue;
        if (this.#lent === 0) throw error;
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
        shrink = this.#shrinking();
      }
    }
  }

  #keep(owner: Openable, descriptor: number): Entry {
    const entry: Entry = { owner, descriptor, users: 0, dropped: false };
    this.#entries.set(owner, entry);
    this.#evict(this.#limit, entry);
    return entry;
  }

  #lend(entry: Entry): Loan {
    this.#addUsers(entry, 1);
    if (!entry.dropped) {
      this.#entries.delete(entry.owner);
      this.#entries.set(entry.owner, entry);
    }
    return this.#loan(entry);
  }

  #loan(entry: Entry): Loan {
    let lent = true;
    this.#lent++;
    return {
      descriptor: entry.descriptor,
      release: () => {
        if (!lent) return;
        lent = false;
        this.#lent--;
        this.#giveBack(entry);
        for (const retry of this.#waiting.splice(0)) retry();
      },
    };
  }

  #giveBack(entry: Entry): void {
    entry.users--;
    if (entry.users > 0) return;
    if (entry.dropped) this.#close(entry);
    else {
      this.#busy--;
      this.#evict(this.#limit);
    }
  }

  /** Of an entry in the cache. */
  #addUsers(entry: Entry, count: number): void {
    if (entry.users === 0 && count > 0) this.#busy++;
    entry.users += count;
  }

  get #idle(): number {
    return this.#entries.size - this.#busy;
  }

  #evict(keep: number, spared?: Entry): void {
    for (const entry of this.#entries.values()) {
      if (this.#idle <= keep) return;
      if (entry !== spared && entry.users === 0) this.#drop(entry);
    }
  }

  #drop(entry: Entry): void {
    entry.dropped = true;
    this.#entries.delete(entry.owner);
    if (entry.users === 0) this.#close(entry);
    else this.#busy--;
  }

  #close(entry: Entry): void {
    try {
      this.#files.closeSync(entry.descriptor);
    } catch {
      // What close could report (a late write error on a network file system) fsync reports as well.
    }
  }

  /**
   * For one attempt to open something: gives back half of what is idle, each time it's called.
   * @returns a function that returns whether trying again makes sense.
   */
  #shrinking(): () => boolean {
    let least = Number.POSITIVE_INFINITY;
    return () => {
      const before = this.#idle;
      // Folders that are closed here are opened again by the next try: it must have had less to begin with than the last one.
      if (before === 0 || before >= least) return false;
      least = before;
      this.#evict(Math.floor(before / 2));
      this.#limit = Math.max(1, this.#idle);
      return true;
    };
  }
}

/** Of this process, or of the whole system. */
export function isOutOfDescriptors(error: unknown): boolean {
  const code = systemErrorCode(error);
  return code === "EMFILE" || code === "ENFILE";
}
