/** Comparing files with a torrent, and fetching what is wrong in them. */
import { statSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { type VerifiedFile, verifyFiles } from "../../client/storage/verify-files.ts";
import { nodeHashes } from "../../platform/hashes.ts";
import { toHex } from "../../protocol/bytes.ts";
import type { InfoHash } from "../../protocol/ids.ts";
import type { Metainfo } from "../../protocol/metainfo.ts";
import { parseMetainfo } from "../../protocol/parse-metainfo.ts";
import type { VerifiedEvent } from "../events.ts";
import { getRead } from "../get/begin-download.ts";
import type { GetOptions } from "../get/get-types.ts";
import { readSource, type SourceRead } from "../get/read-source.ts";
import { type Source, sourceOf } from "../source.ts";
import type { TrafficOptions } from "../traffic.ts";
import { UnsupportedError } from "../unsupported-error.ts";

/** Those of `get` are for the repair and for magnet links. */
export interface VerifyOptions
  extends TrafficOptions,
    Pick<
      GetOptions,
      "port" | "peers" | "timeoutSeconds" | "password" | "askPassword" | "onEvent" | "onWork"
    > {
  /** Fetch what isn't good; what is good is kept. */
  readonly repair?: boolean | undefined;
  /** Writes SHA-256 sums of the good files there, as `sha256sum` does, with names below PATH. Replaces what is there. */
  readonly manifest?: string | undefined;
  /** How far the check is; often, for a progress bar. */
  readonly onProgress?: ((bytesDone: number, bytesTotal: number) => void) | undefined;
  /** What was found before a repair. */
  readonly onFound?: ((found: VerifiedEvent) => void) | undefined;
}

const DEFAULT_TIMEOUT_SECONDS = 60;

/**
 * Compares the file or folder `path`, whatever it is called, with a torrent.
 * @returns what was found, after the repair when one was asked for.
 * @throws {StorageError} something can't be read, or a repair can't write; besides what `get` throws.
 */
export async function verify(
  source: Source | string,
  path: string,
  options: VerifyOptions,
  signal: AbortSignal,
): Promise<VerifiedEvent> {
  const read = await readFor(typeof source === "string" ? sourceOf(source) : source, options, signal);
  const metainfo = parseMetainfo(read.bytes, nodeHashes);
  const { infoHash } = metainfo;
  if (infoHash === undefined) {
    throw new UnsupportedError(`"${metainfo.name}" is a v2-only torrent, which can't be compared with yet.`);
  }
  const root = resolve(path);
  const check = async () => {
    const files = await verifyFiles(
      {
        metainfo,
        path: root,
        digests: options.manifest !== undefined,
        onProgress: options.onProgress ?? (() => {}),
      },
      signal,
    );
    return { files, event: describe(metainfo, infoHash, root, files) };
  };
  let { files, event } = await check();
  if (options.repair === true && event.good < event.files.length) {
    options.onFound?.(event);
    await repair(read, root, options, signal);
    ({ files, event } = await check());
  }
  if (options.manifest !== undefined) await writeFile(options.manifest, manifestOf(metainfo, root, files));
  return event;
}

/** A magnet link's foothold is not kept: a repair takes one of its own, if it comes to that. */
async function readFor(source: Source, options: VerifyOptions, signal: AbortSignal): Promise<SourceRead> {
  const swarm = {
    ...options,
    timeoutSeconds: options.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS,
    onProgress: () => {},
    onWarning: () => {},
  };
  const { foothold, ...read } = await readSource(
    source,
    { ...options, swarm, onUnfinished: () => {} },
    signal,
  );
  await foothold?.close();
  return read;
}

async function repair(
  read: SourceRead,
  root: string,
  options: VerifyOptions,
  signal: AbortSignal,
): Promise<void> {
  const download = await getRead(read, {
    ...options,
    directory: dirname(root),
    name: basename(root),
    overwrite: true,
    signal,
  });
  await download.done;
  await download.closed;
}

function describe(
  { name, singleFile }: Metainfo,
  infoHash: InfoHash,
  root: string,
  files: readonly VerifiedFile[],
): VerifiedEvent {
  const count = (state: VerifiedFile["state"]) => files.filter((file) => file.state === state).length;
  const inner = join(root, name);
  // A folder that has NAME in it is a common slip, told only when nothing else fits.
  const meant =
    files.every(({ state }) => state === "missing") && isThere(inner, singleFile) ? inner : undefined;
  return {
    event: "verified",
    infoHash: toHex(infoHash),
    path: root,
    good: count("good"),
    bad: count("bad"),
    missing: count("missing"),
    partial: count("partial"),
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    goodBytes: files.reduce((sum, { goodBytes }) => sum + goodBytes, 0),
    files: files.map(({ path, state, bytes, goodBytes }) => ({
      path: path.join("/"),
      state,
      bytes,
      goodBytes,
    })),
    ...(meant !== undefined && { meant }),
  };
}

function isThere(path: string, isFile: boolean): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats !== undefined && stats.isFile() === isFile;
}

/** As GNU's `sha256sum` writes it: a name with a backslash or a line break is escaped, and its line says so. */
function manifestOf({ singleFile }: Metainfo, root: string, files: readonly VerifiedFile[]): string {
  return files
    .flatMap(({ foundPath, digest }) => {
      if (digest === undefined) return [];
      const name = singleFile ? basename(root) : foundPath.join("/");
      const escaped = name.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\r", "\\r");
      return [`${escaped === name ? "" : "\\"}${toHex(digest)}  ${escaped}\n`];
    })
    .join("");
}
