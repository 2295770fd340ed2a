/** What pure code must be given instead of reaching for it: time and chance. `platform/` has the real ones. */

/** Milliseconds on a clock that never goes back; its zero means nothing. */
export type Millis = number;

export interface Timer {
  cancel(): void;
}

export interface Clock {
  now(): Millis;
  /** Calls `task` once, after `delay` milliseconds at the earliest. */
  after(delay: Millis, task: () => void): Timer;
}

/** A seed reproduces a run. Choices among peers and pieces use `next`; what must not be guessed uses `bytes`. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** `length` fresh bytes, owned by the caller. */
  bytes(length: number): Uint8Array;
}
