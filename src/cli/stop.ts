/** Ends a command politely: the first signal asks, the second one insists. */

export interface StopRequest {
  readonly signal: AbortSignal;
  /** Signals have their usual effect again. */
  release(): void;
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Signals are the process's, and so is what is known of them before a command is loaded that could stop. */
let early: CaughtSignals | undefined;

/** Signals that are caught, and the first one of those that came. */
export interface CaughtSignals {
  readonly asked: NodeJS.Signals | undefined;
  /** They have their usual effect again. */
  release(): void;
}

/**
 * To be called before anything is loaded: from here on a signal ends us in our own way, however slow the disk is that
 * the rest comes from. What came is for whoever has loaded it, by {@link takeSignals}.
 */
export function catchSignals(): CaughtSignals {
  const mine: { asked: NodeJS.Signals | undefined; release(): void } = {
    asked: undefined,
    release: listen((name) => {
      if (mine.asked !== undefined) process.exit(130);
      mine.asked = name;
    }),
  };
  return mine;
}

/** What was caught so far is for {@link listenForStop} now, or {@link endOnSignals}. */
export function takeSignals(caught: CaughtSignals): void {
  early = caught;
}

/** For commands that have nothing to put in order: signals have their usual effect, those that came already, too. */
export function endOnSignals(): void {
  const asked = takeOver();
  if (asked !== undefined) process.kill(process.pid, asked);
}

/**
 * Waits for what somebody else may never say, before there is anything to put in order: meanwhile signals have their
 * usual effect, one that came already, too.
 */
export async function endedBySignals<T>(wait: () => Promise<T>): Promise<T> {
  if (early === undefined) return await wait();
  endOnSignals();
  try {
    return await wait();
  } finally {
    takeSignals(catchSignals());
  }
}

/** What is said when a download was stopped. */
export const INTERRUPTED = "Interrupted; what is there is kept. The same command again continues.";

/**
 * A second signal ends the process at once, with 128 + 2: what shells use for an interrupted program.
 * @param readerGone whoever read our output is gone, which asks us to stop, too.
 */
export function listenForStop(readerGone: AbortSignal): StopRequest {
  const controller = new AbortController();
  const asked = takeOver();
  const release = listen((name) => {
    if (controller.signal.aborted) process.exit(130);
    else controller.abort(new StopError(name));
  });
  if (asked !== undefined) controller.abort(new StopError(asked));
  const onReaderGone = () => controller.abort(new StopError("nobody reads the output"));
  readerGone.addEventListener("abort", onReaderGone, { once: true });
  if (readerGone.aborted) onReaderGone();
  return {
    signal: controller.signal,
    release: () => {
      release();
      readerGone.removeEventListener("abort", onReaderGone);
    },
  };
}

/** @returns the signal that came before anybody could act on it. */
function takeOver(): NodeJS.Signals | undefined {
  const asked = early?.asked;
  early?.release();
  early = undefined;
  return asked;
}

function listen(onSignal: (name: NodeJS.Signals) => void): () => void {
  for (const name of SIGNALS) process.on(name, onSignal);
  return () => {
    for (const name of SIGNALS) process.off(name, onSignal);
  };
}

/** The user, or whoever read our output, wants us to stop. */
class StopError extends Error {
  constructor(reason: string) {
    super(`stopped (${reason})`);
    this.name = "StopError";
  }
}
