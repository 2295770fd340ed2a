/**
 * Whether a later change of a file is sure to show in its times. Systems stamp changes with the time of their last
 * tick, so two changes within one tick leave the same times: what was changed just before it was looked at can change
 * once more without a trace. (The same reason for which git distrusts such entries of its index.)
 */

const SECOND_NS = 1_000_000_000n;
/** Ten ticks of the slowest Linux, six of Windows. */
const FINE_NS = 100_000_000n;
/** FAT counts in steps of two seconds. */
const COARSE_NS = 2n * SECOND_NS;

interface FileTimes {
  /** Nanoseconds since 1970. */
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

/** @param lookedAtNs when the times were read, or before; nanoseconds since 1970 by the wall clock. */
export function isSettled({ mtimeNs, ctimeNs }: FileTimes, lookedAtNs: bigint): boolean {
  // A whole second may be chance, but it may also be all that the file system can tell.
  const isCoarse = mtimeNs % SECOND_NS === 0n || ctimeNs % SECOND_NS === 0n;
  const last = mtimeNs > ctimeNs ? mtimeNs : ctimeNs;
  return last + (isCoarse ? COARSE_NS : FINE_NS) < lookedAtNs;
}
