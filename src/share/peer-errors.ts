import { BoojumError } from "../protocol/errors.ts";

/** `--timeout` ran out. */
export class NobodyHasItError extends BoojumError {
  /** @param missing what was waited for */
  constructor(seconds: number, peers: number, missing: "piece" | "list of files" = "piece") {
    const who = peers === 0 ? "No peer answers" : "Nobody who answers has the missing data";
    super(
      "timeout",
      `${who}: no ${missing} came for ${seconds} seconds. Is the publisher still running? What is there is kept; the same command again continues.`,
    );
  }
}

/** The download was stopped before it was complete. */
export class InterruptedError extends BoojumError {
  constructor() {
    super("interrupted", "The download was stopped; what is there is kept.");
  }
}
