/** `share get SOURCE --stdout`: the bytes of one file on standard output, as they are verified. */
import type { StartedEvent } from "../share/events.ts";
import type { Download } from "../share/get/get-types.ts";
import type { Source } from "../share/source.ts";
import { UsageError } from "./units.ts";

/** Writes to standard output, and settles when there is room for more. */
export type WriteBytes = (bytes: Uint8Array) => Promise<void>;

/** Standard output takes one file: else `refusal` says why. */
export function checkOneFile({ files, name }: StartedEvent, source: Source, refusal: AbortController): void {
  if (files === 1) return;
  const isShare = source.kind === "url" && /\/s\/\w+$/.test(source.url);
  const archive = isShare ? `, or get them all as an archive: curl -s ${source.url}.tar | tar x` : "";
  refusal.abort(
    new UsageError(
      `"${name}" has ${files} files, and standard output takes one. Choose it with --select GLOB${archive}`,
    ),
  );
}

/** Everything, in order. Whoever reads slowly is waited for. */
export async function writeAll(download: Download, write: WriteBytes): Promise<void> {
  for await (const chunk of download.read()) await write(chunk);
}
