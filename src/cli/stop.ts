/** Ends a command politely: the first signal asks, the second one insists. */

export interface StopRequest {
  readonly signal: AbortSignal;
  /** Asks to stop, as a signal from outside would. */
  stop(reason: string): void;
  /** Signals have their usual effect again. */
  release(): void;
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** @param exitNow called on a second signal, with 128 + 2, what shells use for an interrupted program. */
export function listenForStop(exitNow: (code: number) => void = (code) => process.exit(code)): StopRequest {
  const controller = new AbortController();
  const onSignal = (name: NodeJS.Signals) => {
    if (controller.signal.aborted) exitNow(130);
    else controller.abort(new StopError(name));
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  return {
    signal: controller.signal,
    stop: (reason) => controller.abort(new StopError(reason)),
    release: () => {
      for (const name of SIGNALS) process.off(name, onSignal);
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
