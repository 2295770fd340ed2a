/** Ends a command politely: the first signal asks, the second one insists. */

export interface StopRequest {
  readonly signal: AbortSignal;
  /** Signals have their usual effect again. */
  release(): void;
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * A second signal ends the process at once, with 128 + 2: what shells use for an interrupted program.
 * @param readerGone whoever read our output is gone, which asks us to stop, too.
 */
export function listenForStop(readerGone: AbortSignal): StopRequest {
  const controller = new AbortController();
  const onSignal = (name: NodeJS.Signals) => {
    if (controller.signal.aborted) process.exit(130);
    else controller.abort(new StopError(name));
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  const onReaderGone = () => controller.abort(new StopError("nobody reads the output"));
  readerGone.addEventListener("abort", onReaderGone, { once: true });
  if (readerGone.aborted) onReaderGone();
  return {
    signal: controller.signal,
    release: () => {
      for (const name of SIGNALS) process.off(name, onSignal);
      readerGone.removeEventListener("abort", onReaderGone);
    },
  };
}

/** The user, or whoever read our output, wants us to stop. */
class StopError extends Error {
  constructor(reason: string) {
    super(`stopped (${reason})`);
    this.name = "StopError";
  }
}
