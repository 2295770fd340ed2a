/** Chooses how a transfer is shown: live in a terminal, else in lines or not at all. */

import type { Transferring } from "../../share/transfer-types.ts";
import type { Surroundings } from "../options.ts";
import type { Output } from "../output.ts";
import { isForeground } from "./live/foreground.ts";
import { type ShowProgress, showProgress } from "./progress.ts";

export interface Display {
  readonly show: ShowProgress;
  /** What there is to watch and to change from now on. */
  attach(handle: Transferring): void;
  /** The terminal is as it was; may be called again. */
  close(): void;
}

/** @param chosen which limit keys change at first */
export async function openDisplay(
  output: Output,
  { keys, now }: Surroundings,
  chosen: "up" | "down",
): Promise<Display> {
  if (!output.terminal || output.json || output.quiet) {
    return { show: (title) => showProgress(output, title, now), attach() {}, close() {} };
  }
  // Only where it is seen: drawing needs more code than all the rest that a command loads at first.
  const { LiveView } = await import("./live/live-view.ts");
  const view = new LiveView({ output, keys, now, isForeground, chosen });
  return {
    show: (title) => view.progress(title),
    attach: (handle) => view.attach(handle),
    close: view.close,
  };
}
