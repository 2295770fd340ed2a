/** What publishing and seeding share: a publication that is shown, and runs until somebody or its own terms end it. */
import type { PublishEvent } from "../share/events.ts";
import type { Publication } from "../share/publish/publish-types.ts";
import type { Surroundings } from "./options.ts";
import type { Output } from "./output.ts";
import { listenForStop } from "./stop.ts";
import type { PublishViewOptions } from "./ui/publish-view.ts";

export interface RunOptions {
  readonly output: Output;
  readonly surroundings: Surroundings;
  readonly view: PublishViewOptions;
  /** What tells `onEvent` of everything, and stops when `signal` says so. */
  readonly open: (onEvent: (event: PublishEvent) => void, signal: AbortSignal) => Promise<Publication>;
}

/** Settles with the exit code when all is over: 1 when a share failed, although others went on. */
export async function runPublication({ output, surroundings, view, open }: RunOptions): Promise<number> {
  const stop = listenForStop(surroundings.readerGone);
  // Loaded here, so that help and mistakes are answered without all this.
  const { PublishView } = await import("./ui/publish-view.ts");
  const { openDisplay } = await import("./ui/display.ts");
  const display = await openDisplay(output, surroundings, "up");
  const shown = new PublishView(output, view, display.show);
  let hasStopped = false;
  let hasFailed = false;
  try {
    const onEvent = (event: PublishEvent) => {
      output.event(event);
      shown.show(event);
      hasStopped ||= event.event === "stopped";
      hasFailed ||= event.event === "failed";
    };
    const publication = await open(onEvent, stop.signal);
    display.attach(publication);
    try {
      await publication.ready;
      await publication.closed;
    } finally {
      await publication.close();
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    // Asked to before there was anything to stop.
    if (!hasStopped) output.event({ event: "stopped" } satisfies PublishEvent);
  } finally {
    shown.close();
    display.close();
    stop.release();
  }
  return hasFailed ? 1 : 0;
}
