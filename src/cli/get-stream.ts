/** `share get SOURCE --stream`: what is got, for players on this machine. */
import { escapeForTerminal } from "../protocol/escape.ts";
import type { StreamingEvent } from "../share/events.ts";
import type { Download } from "../share/get/get-types.ts";
import type { Surroundings } from "./options.ts";
import type { Output } from "./output.ts";
import { countOf } from "./units.ts";

export interface Player {
  /** Serves it, and says where. */
  readonly onRunning: (download: Download) => Promise<void>;
  close(): Promise<void>;
}

/** @param opens also opens it, with whatever the system plays it by */
export function player(output: Output, { openUrl }: Surroundings, opens: boolean): Player {
  let stop = () => Promise.resolve();
  return {
    onRunning: async (download) => {
      const { stream } = await import("../share.ts");
      const { url, files, close } = await stream(download);
      stop = close;
      output.event({ event: "streaming", url, files } satisfies StreamingEvent);
      output.result(url);
      if (files.length > 1) {
        const all = new URL("/", url).href;
        output.note(`${countOf(files.length, "file")}; all of them are listed at ${escapeForTerminal(all)}`);
      }
      if (!opens) return;
      openUrl(url).catch((error: unknown) => {
        output.warn(`Nothing here opens it: ${error instanceof Error ? error.message : String(error)}`);
      });
    },
    close: () => stop(),
  };
}
