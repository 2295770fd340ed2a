import { escapeForTerminal } from "../protocol/escape.ts";

/**
 * Standard output may end before we do: whoever reads it leaves, or the disk that it goes to is full. In the latter case
 * what was asked for is nowhere, which is said at the end and makes the exit code 1, whatever was done.
 */
export class StandardOutput {
  /** Aborted when nothing more can be written: a command that goes on would be one that nobody hears. */
  readonly ended: AbortSignal;
  /** Why, when it wasn't the reader who left. */
  #error: Error | undefined;

  constructor() {
    const controller = new AbortController();
    this.ended = controller.signal;
    process.stdout.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") this.#error ??= error;
      controller.abort();
    });
    // Later than this nothing can fail to be written.
    process.once("exit", () => {
      if (this.#error === undefined) return;
      process.exitCode = 1;
      const why = escapeForTerminal(this.#error.message);
      process.stderr.write(`error: Standard output can't be written: ${why}\n`);
    });
  }
}
