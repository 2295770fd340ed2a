/** Writes a `.torrent` without publishing anything. */
import { join } from "node:path";
import { createTorrent } from "../../create/create-torrent.ts";
import { scan } from "../../create/scan.ts";
import { refuseImpossible, writeTorrentFile } from "../../create/torrent-file.ts";
import { toHex } from "../../protocol/bytes.ts";
import { encodeTorrent } from "../../protocol/write-metainfo.ts";
import { defaultCacheDir } from "../cache-dir.ts";
import type { CreatedEvent } from "../events.ts";
import { describeNotice } from "../notices.ts";
import { version } from "../version.ts";

export interface CreateTorrentOptions {
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
  /** Bytes, a power of two from 16 KiB to 64 MiB; default: by size. */
  readonly pieceLength?: number | undefined;
  /** BEP 27. */
  readonly private?: boolean | undefined;
  readonly include?: readonly string[] | undefined;
  readonly exclude?: readonly string[] | undefined;
  /** 0 (default): symbolic links are left out. 1: followed inside the folder. 2: followed anywhere. */
  readonly followSymlinks?: 0 | 1 | 2 | undefined;
  /** Tell of links inside the folder as links (BEP 47). */
  readonly symlinks?: boolean | undefined;
  /** Tell when each file last changed; then the same files make another torrent elsewhere. */
  readonly times?: boolean | undefined;
  /** Where hashes are remembered; default: the user's cache folder. */
  readonly cacheDir?: string | undefined;
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
  const source = await scan(
    path,
    {
      ...(options.name !== undefined && { name: options.name }),
      include: options.include ?? [],
      exclude: options.exclude ?? [],
      followSymlinks: options.followSymlinks ?? 0,
      symlinks: options.symlinks ?? false,
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
      helps: true,
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
