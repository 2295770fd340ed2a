/** Standard output may end before we do: whoever reads it leaves, or the disk that it goes to is full. */
export class StandardOutput {
  /** Aborted when nothing more can be written: a command that goes on would be one that nobody hears. */
  readonly ended: AbortSignal;
  /** Why, when it wasn't the reader who left. */
  error: Error | undefined;

  constructor() {
    const controller = new AbortController();
    this.ended = controller.signal;
    process.stdout.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") this.error ??= error;
      controller.abort();
    });
  }
}
