/** Writes a `.torrent` without publishing anything. */
import { join } from "node:path";
import { createTorrent } from "../../create/create-torrent.ts";
import { Crew } from "../../create/crew.ts";
import { scan } from "../../create/scan.ts";
import { refuseImpossible, writeTorrentFile } from "../../create/torrent-file.ts";
import { toHex } from "../../protocol/bytes.ts";
import { encodeTorrent } from "../../protocol/write-metainfo.ts";
import { defaultCacheDir } from "../cache-dir.ts";
import { type ContentOptions, filesWanted } from "../content-options.ts";
import type { CreatedEvent } from "../events.ts";
import { describeNotice } from "../notices.ts";
import { version } from "../version.ts";

export interface CreateTorrentOptions extends ContentOptions {
  /** The `.torrent`; default `NAME.torrent` in the working folder. Nothing that exists is replaced. */
  readonly out?: string | undefined;
  /** Default: the last part of the resolved path. */
  readonly name?: string | undefined;
  /** Announce URLs, each a tier of its own, or a list that makes one tier (BEP 12). */
  readonly trackers?: readonly (string | readonly string[])[] | undefined;
  /** BEP 19: a URL of the file, or of the folder that holds NAME. */
  readonly webSeeds?: readonly string[] | undefined;
  readonly comment?: string | undefined;
  /** A word in `info`, so that the info hash differs from that of the same files elsewhere. */
  readonly source?: string | undefined;
  /** Seconds since 1970; default: none, so that the same files always give the same bytes. */
  readonly creationDate?: number | undefined;
  readonly onProgress?: ((bytesDone: number, bytesTotal: number) => void) | undefined;
  readonly onWarning?: ((message: string) => void) | undefined;
}

/**
 * Hashes a file or folder and writes its `.torrent`.
 * @throws {SourceError} {SourceChangedError} {CreateOptionError} {OutputError}
 */
export async function createTorrentFile(
  path: string,
  options: CreateTorrentOptions,
  signal: AbortSignal,
): Promise<CreatedEvent> {
  const crew = new Crew({ helps: true });
  try {
    return await createWith(crew, path, options, signal);
  } finally {
    await crew.close();
  }
}

async function createWith(
  crew: Crew,
  path: string,
  options: CreateTorrentOptions,
  signal: AbortSignal,
): Promise<CreatedEvent> {
  const source = await scan(
    path,
    {
      ...(options.name !== undefined && { name: options.name }),
      ...filesWanted(options),
      crew,
      onNotice: (notice) => options.onWarning?.(describeNotice(notice)),
    },
    signal,
  );
  const out = options.out ?? join(".", `${source.name}.torrent`);
  await refuseImpossible(out);
  const created = await createTorrent(
    source,
    {
      private: options.private ?? false,
      times: options.times ?? false,
      ...(options.source !== undefined && { source: options.source }),
      ...(options.pieceLength !== undefined && { pieceLength: options.pieceLength }),
      crew,
      cacheDir: options.cacheDir ?? defaultCacheDir(),
      onCacheTrouble: (message) => options.onWarning?.(message),
      ...(options.onProgress !== undefined && { onProgress: options.onProgress }),
    },
    signal,
  );
  const torrent = encodeTorrent({
    info: created.info,
    trackers: (options.trackers ?? []).map((tier) => (typeof tier === "string" ? [tier] : tier)),
    webSeeds: options.webSeeds ?? [],
    createdBy: `Boojum ${version}`,
    ...(options.comment !== undefined && { comment: options.comment }),
    ...(options.creationDate !== undefined && { creationDate: options.creationDate }),
  });
  return {
    event: "created",
    path: await writeTorrentFile(out, torrent),
    infoHash: toHex(created.infoHash),
    bytes: created.totalBytes,
    files: created.files.length,
    pieceLength: created.pieceLength,
  };
}
