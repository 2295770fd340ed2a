/** Downloading: from a source to verified files, seeding meanwhile. */
import picomatch from "picomatch";
import { openDownload } from "../client/open-download.ts";
import { systemClock } from "../platform/clock.ts";
import { nodeHashes } from "../platform/hashes.ts";
import { systemRandom } from "../platform/random.ts";
import { toHex } from "../protocol/bytes.ts";
import { BoojumError } from "../protocol/errors.ts";
import type { Metainfo } from "../protocol/metainfo.ts";
import { parseMetainfo } from "../protocol/parse-metainfo.ts";
import type { GetEvent } from "./events.ts";
import type { Download, GetOptions } from "./get-types.ts";
import { finishAtOnce, InterruptedError, isComplete, Receiver, wantsToSeed } from "./receiver.ts";
import { readSource, type Source, sourceOf } from "./source.ts";

/** The torrent is fine, but this version can't download it. */
export class UnsupportedError extends BoojumError {
  constructor(message: string) {
    super("unsupported", message);
  }
}

/**
 * Begins to download from a share's URL or a `.torrent` (a path or a URL). What is found to be wrong before the first
 * peer is asked, rejects here.
 * @throws {PasswordError} it needs a password, or another one.
 * @throws {FetchError} {SourceReadError} the torrent can't be had.
 * @throws {MetainfoError} it must not be used.
 * @throws {UnsupportedError} it has only a v2 part.
 * @throws {OutputExistsError} {OutputLockedError} {StorageError} the place on disk can't be used.
 * @throws {ListenError} the port that was asked for is taken.
 */
export async function get(source: Source | string, options: GetOptions = {}): Promise<Download> {
  const stopping = new AbortController();
  const stop = () => stopping.abort(new InterruptedError());
  if (options.signal?.aborted) stop();
  options.signal?.addEventListener("abort", stop, { once: true });
  try {
    const from = typeof source === "string" ? sourceOf(source) : source;
    const download = await prepare(from, options, stopping);
    void download.closed.then(() => options.signal?.removeEventListener("abort", stop));
    return download;
  } catch (error) {
    options.signal?.removeEventListener("abort", stop);
    throw stopping.signal.aborted ? stopping.signal.reason : error;
  }
}

async function prepare(source: Source, options: GetOptions, stopping: AbortController): Promise<Download> {
  const { signal } = stopping;
  const startedAt = systemClock.now();
  const tell = (event: GetEvent) => options.onEvent?.(event);
  let announcedEarly = false;
  const { password, askPassword } = options;
  const { bytes, fromPublic } = await readSource(
    source,
    {
      password,
      askPassword,
      onUnfinished: (status) => {
        if (status === undefined || status.bytes === 0) return;
        const { name, files, bytes, bytesDone } = status;
        if (!announcedEarly) tell({ event: "started", infoHash: null, name, bytes, files, resumedBytes: 0 });
        announcedEarly = true;
        options.onWork?.({ work: "hashing elsewhere", bytesDone, bytesTotal: bytes });
      },
    },
    signal,
  );
  const metainfo = parseMetainfo(bytes, nodeHashes);
  const { infoHash } = metainfo;
  if (infoHash === undefined) {
    throw new UnsupportedError(
      `"${metainfo.name}" is a v2-only torrent, which can't be downloaded yet. Ask for a hybrid or v1 one.`,
    );
  }
  const select = selector(metainfo, options.select);
  let running: Receiver | undefined;
  const place = await openDownload(
    {
      metainfo,
      directory: options.directory ?? ".",
      overwrite: options.overwrite ?? false,
      ...(select !== undefined && { select }),
      random: systemRandom,
      onProgress: (bytesDone, bytesTotal) => options.onWork?.({ work: "checking", bytesDone, bytesTotal }),
      onLost: (pieces, error) => {
        const message = `${error.message} ${pieces.length} pieces are fetched again.`;
        tell({ event: "warning", code: error.code, message });
        running?.lose(pieces);
      },
    },
    signal,
  );
  try {
    for (const path of place.skipped) {
      tell({
        event: "warning",
        code: "symlink",
        message: `"${path}" is a symbolic link in the torrent; it was not made.`,
      });
    }
    if (announcedEarly) tell({ event: "identified", infoHash: toHex(infoHash) });
    else {
      tell({
        event: "started",
        infoHash: toHex(infoHash),
        name: metainfo.name,
        bytes: place.selectedBytes,
        files: metainfo.files.filter((file) => isWanted(file, select)).length,
        resumedBytes: place.resumedBytes,
      });
    }
    const parts = {
      metainfo,
      infoHash,
      fromPublic: fromPublic ?? false,
      place,
      options,
      tell,
      stopping,
      startedAt,
    };
    if (isComplete(place) && !wantsToSeed(options.seed)) return await finishAtOnce(parts);
    running = await Receiver.open(parts);
    return running;
  } catch (error) {
    await place.close();
    throw error;
  }
}

function isWanted(
  file: { readonly pad: boolean; readonly path: readonly string[] },
  select: ((path: readonly string[]) => boolean) | undefined,
): boolean {
  return !file.pad && (select === undefined || select(file.path));
}

/** A glob without a slash fits names in every folder, and one that fits a folder takes all that is in it. */
function selector(
  metainfo: Metainfo,
  globs: readonly string[] | undefined,
): ((path: readonly string[]) => boolean) | undefined {
  if (globs === undefined || globs.length === 0) return undefined;
  const matchers = globs.map((glob) =>
    picomatch(glob.replace(/\/+$/, ""), { dot: true, basename: !glob.includes("/") }),
  );
  const select = (path: readonly string[]) =>
    path.some((_, i) => {
      const part = path.slice(0, i + 1).join("/");
      return matchers.some((matches) => matches(part));
    });
  if (!metainfo.files.some((file) => isWanted(file, select))) {
    throw new UnsupportedError(
      `No file of "${metainfo.name}" fits ${globs.join(" ")}. See its files with: share info`,
    );
  }
  return select;
}
