/** Several ways to one end, tried one after the other before the last has failed: whoever gets there first wins. */
import type { Clock, Millis, Timer } from "../protocol/ambient.ts";

/** One way; it frees what it holds when `signal` aborts, and rejects then. */
export type Attempt<T> = (signal: AbortSignal) => Promise<T>;

export interface StaggeredOptions<T> {
  readonly clock: Clock;
  /** Milliseconds after which the next one begins, too; it begins at once when one fails. */
  readonly delay?: Millis;
  /** Go on at once at the most; default: all. A further one begins when one fails. */
  readonly most?: number;
  /** Two may arrive in the same moment: the later one's result goes here. */
  readonly discard: (late: T) => void;
  /** Nothing that others could do would be better than this failure. */
  readonly isFinal?: (error: unknown) => boolean;
}

/** The "connection attempt delay" of RFC 8305 (section 5). */
const ATTEMPT_DELAY: Millis = 250;

/**
 * The result of the first attempt that succeeds. An attempt that has begun goes on until another one wins, so a slow way
 * is as good as a fast one when it is the only one.
 * @param attempts the best one first, at least one
 * @throws {AggregateError} all failed, in the order of `attempts`; a final error as it is; the reason of `signal`.
 */
export function staggered<T>(
  attempts: readonly Attempt<T>[],
  options: StaggeredOptions<T>,
  signal: AbortSignal,
): Promise<T> {
  const { clock, delay = ATTEMPT_DELAY, most = attempts.length, discard, isFinal } = options;
  return new Promise((resolve, reject) => {
    const over = new AbortController();
    const errors: unknown[] = [];
    let begun = 0;
    let failed = 0;
    let timer: Timer | undefined;
    const settle = (act: () => void) => {
      timer?.cancel();
      signal.removeEventListener("abort", onAbort);
      act();
      over.abort();
    };
    const onAbort = () => settle(() => reject(signal.reason));
    const begin = () => {
      timer?.cancel();
      const index = begun++;
      const attempt = attempts[index];
      if (attempt === undefined) return;
      if (begun < attempts.length && begun - failed < most) timer = clock.after(delay, begin);
      attempt(over.signal).then(
        (value) => (over.signal.aborted ? discard(value) : settle(() => resolve(value))),
        (error: unknown) => {
          if (over.signal.aborted) return;
          errors[index] = error;
          if (isFinal?.(error)) settle(() => reject(error));
          else if (++failed === attempts.length) settle(() => reject(new AggregateError(errors)));
          else if (begun < attempts.length) begin();
        },
      );
    };
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    begin();
  });
}

/** Families in turn, beginning with that of the first; the order within each stays (RFC 8305, section 4). */
export function interleaveFamilies<T>(found: readonly T[], isSix: (one: T) => boolean): readonly T[] {
  const [first] = found;
  if (first === undefined) return [];
  const beginsWithSix = isSix(first);
  const same = found.filter((one) => isSix(one) === beginsWithSix);
  const other = found.filter((one) => isSix(one) !== beginsWithSix);
  return same.flatMap((one, i) => [one, ...other.slice(i, i + 1)]).concat(other.slice(same.length));
}
