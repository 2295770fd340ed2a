/** Knows how a download's files look after its own writes, and so which of them somebody else has changed. */
import type { FileStat } from "../../platform/file-system.ts";
import { Pace } from "../../platform/pace.ts";
import type { Clock } from "../../protocol/ambient.ts";
import type { Target } from "./folders.ts";
import { type FileVersion, isSameVersion } from "./seed-source.ts";
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
  /** As our last write left it, or as it was seen since, and right. Whatever is done to a file changes its `ctimeNs`. */
  readonly #left = new Map<Target, FileVersion>();
  /** Of files that one write made whole: what changed them later than this was somebody else. Milliseconds since 1970. */
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
  found(target: Target, stat: FileStat): void {
    this.gone(target);
    this.#left.set(target, versionOf(stat));
  }

  /** It isn't there, or nobody knows how it looks. */
  gone(target: Target): void {
    this.#left.delete(target);
    this.#madeBy.delete(target);
    this.#changed.delete(target);
  }

  /**
   * These were made just now, from their first byte to their last: of many small files that costs no look at each.
   * @param versions of those that whoever made them has looked at before closing them: some file systems change the
   * times once more when a file is closed, which is no change of somebody else's
   */
  made(targets: Iterable<Target>, versions?: ReadonlyMap<Target, FileVersion>): void {
    // By the clock of files: the one that timers go by tells no time of day.
    const latest = Date.now() + CLOCK_TICK;
    for (const target of targets) {
      this.#madeBy.set(target, latest);
      const version = versions?.get(target);
      if (version !== undefined) this.#left.set(target, version);
    }
  }

  /** Before bytes are written to `targets`; {@link wrote} must follow. */
  writing(targets: Iterable<Target>): void {
    for (const target of targets) {
      const under = this.#writing.get(target) ?? 0;
      this.#writing.set(target, under + 1);
      if (under > 0 || !this.#isKnown(target)) continue;
      const now = this.#look(target);
      if (now !== undefined && !this.#isOurs(target, now.ctimeNs)) this.#changed.add(target);
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
      if (now === undefined) this.#left.delete(target);
      else this.#left.set(target, versionOf(now));
    }
  }

  /** Somebody else wrote to it, as far as is known by now. */
  isChanged(target: Target): boolean {
    return this.#changed.has(target);
  }

  /**
   * How its data, as far as they are known, were left: spares those a look who would trust what they see. What differs
   * from it by now has been changed by somebody. Undefined: not known, or a write of ours is under way.
   */
  versionOf(target: Target): FileVersion | undefined {
    return this.#writing.has(target) || this.#changed.has(target) ? undefined : this.#left.get(target);
  }

  /** Whether what lies there, `length` bytes long in the end, is what we left; if so, that is how it looks. */
  isAsLeft(target: Target, stat: FileStat, length: number): boolean {
    if (stat.kind !== "file" || stat.size !== length || this.#changed.has(target)) return false;
    if (this.#isKnown(target) && !this.#isOurs(target, stat.ctimeNs)) return false;
    const left = this.#left.get(target);
    if (left === undefined || !isSameVersion(left, stat)) this.#left.set(target, versionOf(stat));
    return true;
  }

  #isKnown(target: Target): boolean {
    return this.#left.has(target) || this.#madeBy.has(target);
  }

  #isOurs(target: Target, ctimeNs: bigint): boolean {
    if (this.#left.get(target)?.ctimeNs === ctimeNs) return true;
    const latest = this.#madeBy.get(target);
    return latest !== undefined && ctimeNs <= BigInt(latest) * 1_000_000n;
  }

  /** Of the file that we have open or, when it was closed since, of what has its name. */
  #look(target: Target): FileStat | undefined {
    if (!this.#pace.isFast) return undefined;
    const { fs, openFiles } = this.#io;
    const descriptor = openFiles.descriptorOf(target);
    try {
      return this.#pace.time(() => (descriptor === undefined ? target.lookUp() : fs.fstatSync(descriptor)));
    } catch {
      // Gone, or in the way: whoever writes to it, or has the last look, finds that out.
      return undefined;
    }
  }
}

function versionOf({ size, mtimeNs, ctimeNs, inode }: FileStat): FileVersion {
  return { size, mtimeNs, ctimeNs, inode };
}
