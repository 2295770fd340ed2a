/** Publishing what is no file yet: standard input, or whatever else comes as a stream of bytes. */
import { type FileHandle, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { SourceError } from "../../create/errors.ts";
import { checkShareName } from "../../create/scan.ts";
import { systemErrorCode } from "../../platform/file-system.ts";
import { type Spool, SpoolError } from "../spool.ts";
import type { Fill, PublishedPath } from "./names.ts";
import type { PipedSource } from "./publish-types.ts";

/**
 * A place in `spool` for each of `sources`, to be filled before it is read.
 * @throws {CreateOptionError} a name can't be one
 */
export function placesFor(sources: readonly PipedSource[], spool: Spool): readonly PublishedPath[] {
  return sources.map((source, i) => {
    checkShareName(source.name);
    const path = join(spool.dir, String(i));
    // Remembered by its name: the same one has the same URL the next time.
    const realPath = `piped:${source.name}`;
    const fill: Fill = (onBytes, signal) => spoolTo(path, source, onBytes, signal);
    return { path, realPath, name: source.name, oneFile: true, fill };
  });
}

/** @throws {SpoolError} the disk is full, or refuses. @throws {SourceError} it can't be read, or is empty. */
async function spoolTo(
  path: string,
  { name, data }: PipedSource,
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const chunks = data[Symbol.asyncIterator]();
  const file = await open(path, "wx", 0o600).catch((error: unknown) => {
    throw new SpoolError(dirname(path), error);
  });
  try {
    const bytes = await copy(chunks, file, { path, name, onBytes }, signal);
    if (bytes === 0) throw new SourceError(path, `"${name}" is empty: it ended before a byte came.`);
  } finally {
    // What it waits for may never come.
    void chunks.return?.().catch(() => {});
    await file.close();
  }
}

interface Copying {
  readonly path: string;
  readonly name: string;
  readonly onBytes: (bytes: number) => void;
}

async function copy(
  chunks: AsyncIterator<Uint8Array>,
  file: FileHandle,
  { path, name, onBytes }: Copying,
  signal: AbortSignal,
): Promise<number> {
  let stop = (_reason: unknown) => {};
  const onAbort = () => stop(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  // Not a race with one promise for all: that would hold every chunk until the end.
  const next = () =>
    new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
      stop = reject;
      if (signal.aborted) onAbort();
      else chunks.next().then(resolve, (error: unknown) => reject(unreadable(path, name, error)));
    });
  try {
    for (let bytes = 0; ; ) {
      const { done, value } = await next();
      if (done) return bytes;
      await writeAll(file, value).catch((error: unknown) => {
        throw fullOr(dirname(path), bytes, error);
      });
      bytes += value.length;
      onBytes(bytes);
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

function unreadable(path: string, name: string, error: unknown): SourceError {
  const said = error instanceof Error ? error.message : String(error);
  return new SourceError(path, `What is to be "${name}" can't be read: ${said}.`, { cause: error });
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at)).bytesWritten;
}

function fullOr(dir: string, bytes: number, error: unknown): SpoolError {
  const code = systemErrorCode(error);
  return code === "ENOSPC" || code === "EDQUOT"
    ? new SpoolError(dir, error, `the disk is full after ${bytes} bytes`)
    : new SpoolError(dir, error);
}
