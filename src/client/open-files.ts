import { type FileSystem, systemErrorCode, systemFiles } from "../platform/file-system.ts";

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
 * few descriptors. One cache may serve many storages. When the system runs out of descriptors sooner than the limit
 * says, the limit shrinks to what there is.
 */
export class OpenFiles {
  readonly #files: FileSystem;
  /** In order of use, the latest last. */
  readonly #entries = new Map<Openable, Entry>();
  readonly #opening = new Map<Openable, Promise<Entry>>();
  #limit: number;

  /** `limit`: descriptors kept at once, at least 1. More are open only while more are in use at the same time. */
  constructor(limit: number, files: FileSystem = systemFiles) {
    this.#limit = Math.max(1, limit);
    this.#files = files;
  }

  /** Descriptors in the cache now. */
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

  borrowSync(owner: Openable): Loan {
    const open = this.borrowOpen(owner);
    if (open !== undefined) return open;
    for (;;) {
      try {
        return this.#lend(this.#keep(owner, owner.openSync()));
      } catch (error) {
        if (!this.#shrinkAfter(error)) throw error;
      }
    }
  }

  async borrow(owner: Openable): Promise<Loan> {
    const open = this.borrowOpen(owner);
    if (open !== undefined) return open;
    let opening = this.#opening.get(owner);
    if (opening === undefined) {
      opening = this.#open(owner).finally(() => this.#opening.delete(owner));
      this.#opening.set(owner, opening);
    }
    return this.#lend(await opening);
  }

  /** Closes the file when nobody uses it any more; the next loan opens it again. */
  drop(owner: Openable): void {
    const entry = this.#entries.get(owner);
    if (entry !== undefined) this.#drop(entry);
  }

  async #open(owner: Openable): Promise<Entry> {
    for (;;) {
      try {
        const descriptor = await owner.open();
        // A synchronous loan may have opened it meanwhile.
        const known = this.#entries.get(owner);
        if (known === undefined) return this.#keep(owner, descriptor);
        this.#files.closeSync(descriptor);
        return known;
      } catch (error) {
        if (!this.#shrinkAfter(error)) throw error;
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
    entry.users++;
    if (!entry.dropped) {
      this.#entries.delete(entry.owner);
      this.#entries.set(entry.owner, entry);
    }
    let lent = true;
    return {
      descriptor: entry.descriptor,
      release: () => {
        if (!lent) return;
        lent = false;
        entry.users--;
        if (entry.dropped && entry.users === 0) this.#close(entry);
      },
    };
  }

  #evict(keep: number, spared?: Entry): void {
    for (const entry of this.#entries.values()) {
      if (this.#entries.size <= keep) return;
      if (entry !== spared && entry.users === 0) this.#drop(entry);
    }
  }

  #drop(entry: Entry): void {
    entry.dropped = true;
    this.#entries.delete(entry.owner);
    if (entry.users === 0) this.#close(entry);
  }

  #close(entry: Entry): void {
    try {
      this.#files.closeSync(entry.descriptor);
    } catch {
      // What close could report (a late write error on a network file system) fsync reports as well.
    }
  }

  /** After "too many open files": gives back what it can. @returns whether trying again makes sense. */
  #shrinkAfter(error: unknown): boolean {
    const code = systemErrorCode(error);
    if (code !== "EMFILE" && code !== "ENFILE") return false;
    const before = this.#entries.size;
    this.#evict(Math.floor(before / 2));
    if (this.#entries.size === before) return false;
    this.#limit = Math.max(1, this.#entries.size);
    return true;
  }
}
