/** Knows how a download's files look after its own writes, and so which of them somebody else has changed. */
import type { FileStat } from "../../platform/file-system.ts";
import { Pace } from "../../platform/pace.ts";
import type { Clock } from "../../protocol/ambient.ts";
import type { Target } from "./folders.ts";
import type { SpanIo } from "./span-io.ts";

/** How far the clock of files may be from the other one; of a write in that time nothing shows. Milliseconds. */
const CLOCK_TICK = 10;

/**
 * Each file is looked at before and after we write to it: what changed in between was somebody else. What changes while
 * a write of ours is under way can't be told from it, nor what a program writes through a memory map. On file systems
 * where looking takes a while, since a server must be asked, only the end of the download shows what is missing.
 */
export class OwnWrites {
  readonly #io: SpanIo;
  /** When the inode changed last, as our last write left it: whatever is done to a file changes that. Nanoseconds. */
  readonly #changedAt = new Map<Target, bigint>();
  /** Of files that one write made whole: what changed them later than this was somebody else. Milliseconds. */
  readonly #madeBy = new Map<Target, number>();
  /** How many writes of ours are under way. */
  readonly #writing = new Map<Target, number>();
  readonly #changed = new Set<Target>();
  /** Looking, unlike writing, waits for no disk that is in this machine. */
  readonly #pace: Pace;

  constructor(io: SpanIo, clock: Clock) {
    this.#io = io;
    this.#pace = new Pace(clock);
  }

  /** That is how it looks, and its data are known. */
  found(target: Target, { ctimeNs }: Pick<FileStat, "ctimeNs">): void {
    this.gone(target);
    this.#changedAt.set(target, ctimeNs);
  }

  /** It isn't there. */
  gone(target: Target): void {
    this.#changedAt.delete(target);
    this.#madeBy.delete(target);
    this.#changed.delete(target);
  }

  /** These were made just now, from their first byte to their last: of many small files that costs no look at each. */
  made(targets: Iterable<Target>): void {
    const latest = Date.now() + CLOCK_TICK;
    for (const target of targets) this.#madeBy.set(target, latest);
  }

  /** Before bytes are written to `targets`; {@link wrote} must follow. */
  writing(targets: Iterable<Target>): void {
    for (const target of targets) {
      const under = this.#writing.get(target) ?? 0;
      this.#writing.set(target, under + 1);
      if (under > 0 || !this.#isKnown(target)) continue;
      const now = this.#look(target);
      if (now !== undefined && !this.#isOurs(target, now)) this.#changed.add(target);
      this.#madeBy.delete(target);
    }
  }

  wrote(targets: Iterable<Target>): void {
    for (const target of targets) {
      const left = (this.#writing.get(target) ?? 1) - 1;
      if (left > 0) {
        this.#writing.set(target, left);
        continue;
      }
      this.#writing.delete(target);
      const now = this.#look(target);
      if (now === undefined) this.#changedAt.delete(target);
      else this.#changedAt.set(target, now);
    }
  }

  /** Somebody else wrote to it, as far as is known by now. */
  isChanged(target: Target): boolean {
    return this.#changed.has(target);
  }

  /** Whether what lies there, `length` bytes long in the end, is what we left. */
  isAsLeft(target: Target, stat: FileStat, length: number): boolean {
    if (stat.kind !== "file" || stat.size !== length || this.#changed.has(target)) return false;
    return !this.#isKnown(target) || this.#isOurs(target, stat.ctimeNs);
  }

  #isKnown(target: Target): boolean {
    return this.#changedAt.has(target) || this.#madeBy.has(target);
  }

  #isOurs(target: Target, ctimeNs: bigint): boolean {
    const latest = this.#madeBy.get(target);
    return latest === undefined
      ? this.#changedAt.get(target) === ctimeNs
      : ctimeNs <= BigInt(latest) * 1_000_000n;
  }

  /** Of the file that we have open or, when it was closed since, of what has its name. */
  #look(target: Target): bigint | undefined {
    if (!this.#pace.isFast) return undefined;
    const { fs, openFiles } = this.#io;
    const descriptor = openFiles.descriptorOf(target);
    try {
      return this.#pace.time(() => (descriptor === undefined ? target.lookUp() : fs.fstatSync(descriptor)))
        ?.ctimeNs;
    } catch {
      // Gone, or in the way: whoever writes to it, or has the last look, finds that out.
      return undefined;
    }
  }
}
