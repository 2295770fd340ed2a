/** Tells everything that is in a torrent. */
import type { PieceSurvey } from "../../client/metadata/piece-survey.ts";
import { nodeHashes } from "../../platform/hashes.ts";
import { toHex } from "../../protocol/bytes.ts";
import { formatMagnet } from "../../protocol/magnet.ts";
import type { Metainfo, TorrentFile } from "../../protocol/metainfo.ts";
import { parseMetainfo } from "../../protocol/parse-metainfo.ts";
import { readSource } from "../get/read-source.ts";
import { type AskPassword, type Source, sourceOf } from "../source.ts";
import { UnsupportedError } from "../unsupported-error.ts";
import type { TrackerState } from "./swarm-look.ts";
import { type TorrentWarning, warningsOf } from "./torrent-warnings.ts";

export interface TorrentInfoFile {
  /** Below the torrent's name, with slashes; safe on every system. */
  readonly path: string;
  readonly bytes: number;
  /** From the start of all files laid end to end. */
  readonly offset: number;
  readonly pad?: true;
  readonly executable?: true;
  readonly symlink?: string;
  /** When its data last changed, in seconds since 1970. */
  readonly mtime?: number;
  /** Merkle root of its blocks (BEP 52), 64 hexadecimal digits. */
  readonly piecesRoot?: string;
}

/** Public API: what `share info --json` prints. */
export interface TorrentInfo {
  readonly name: string;
  /** 40 hexadecimal digits; absent in v2-only torrents. */
  readonly infoHash?: string;
  /** 64 hexadecimal digits. */
  readonly infoHashV2?: string;
  /** All files, pad files included. */
  readonly bytes: number;
  readonly pieceLength: number;
  readonly pieces: number;
  readonly private: boolean;
  readonly comment?: string;
  readonly createdBy?: string;
  /** Seconds since 1970. */
  readonly creationDate?: number;
  /** A word in `info` that keeps the info hash apart from that of the same files elsewhere. */
  readonly source?: string;
  readonly trackers: readonly (readonly string[])[];
  readonly webSeeds: readonly string[];
  readonly files: readonly TorrentInfoFile[];
  /** Folders without anything in them. */
  readonly emptyFolders?: readonly string[];
  readonly magnet: string;
  /** What is odd about it. */
  readonly warnings: readonly TorrentWarning[];
  /** What its trackers say, when they were asked. */
  readonly swarm?: readonly TrackerState[];
  /** Which pieces the peers have that the trackers named, when they were asked. */
  readonly availability?: PieceSurvey;
}

export interface InfoOptions {
  /** Ask the torrent's trackers and peers how the swarm is. */
  readonly swarm?: boolean | undefined;
  /** Of the share, when it has one. */
  readonly password?: string | undefined;
  /** Asked when a password is needed and none was given, three times at the most. */
  readonly askPassword?: AskPassword | undefined;
  /** `HOST:PORT` of peers to ask besides those that a magnet link or the trackers name. */
  readonly peers?: readonly string[] | undefined;
  /** How long a swarm may take to give the metadata of a magnet link; default 60. */
  readonly timeoutSeconds?: number | undefined;
}

const DEFAULT_TIMEOUT_SECONDS = 60;

/**
 * Reads a torrent from a file, a URL or the swarm of a magnet link.
 * @throws {FetchError} {SourceReadError} it can't be had.
 * @throws {MetainfoError} {BencodeError} it must not be used.
 */
export async function readInfo(
  source: Source | string,
  signal: AbortSignal,
  options: InfoOptions = {},
): Promise<TorrentInfo> {
  const from = typeof source === "string" ? sourceOf(source) : source;
  const { timeoutSeconds = DEFAULT_TIMEOUT_SECONDS, peers } = options;
  const swarm = { peers, timeoutSeconds, port: 0, onProgress: () => {}, onWarning: () => {} };
  const { bytes, foothold } = await readSource(from, { ...options, swarm, onUnfinished: () => {} }, signal);
  await foothold?.close();
  const metainfo = parseMetainfo(bytes, nodeHashes);
  const info = describeTorrent(metainfo);
  const { infoHash } = metainfo;
  if (options.swarm !== true) return info;
  if (infoHash === undefined) {
    throw new UnsupportedError(`"${metainfo.name}" is a v2-only torrent: its swarm can't be asked yet.`);
  }
  const { lookAtSwarm } = await import("./swarm-look.ts");
  const { trackers, pieces } = await lookAtSwarm({ ...metainfo, infoHash }, peers ?? [], signal);
  return { ...info, swarm: trackers, availability: pieces };
}

function describeTorrent(metainfo: Metainfo): TorrentInfo {
  const { infoHash, infoHashV2, comment, createdBy, creationDate, source } = metainfo;
  return {
    name: metainfo.name,
    ...(infoHash !== undefined && { infoHash: toHex(infoHash) }),
    ...(infoHashV2 !== undefined && { infoHashV2: toHex(infoHashV2) }),
    bytes: metainfo.length,
    pieceLength: metainfo.pieceLength,
    pieces: metainfo.pieceCount,
    private: metainfo.private,
    ...(comment !== undefined && { comment }),
    ...(createdBy !== undefined && { createdBy }),
    ...(creationDate !== undefined && { creationDate }),
    ...(source !== undefined && { source }),
    trackers: metainfo.trackers,
    webSeeds: metainfo.webSeeds,
    files: metainfo.files.map(describeFile),
    ...(metainfo.emptyFolders.length > 0 && {
      emptyFolders: metainfo.emptyFolders.map((path) => path.join("/")),
    }),
    magnet: magnetOf(metainfo),
    warnings: warningsOf(metainfo, Date.now() / 1000),
  };
}

function magnetOf({ infoHash, infoHashV2, name, length, trackers, webSeeds }: Metainfo): string {
  return formatMagnet({
    ...(infoHash !== undefined && { infoHash }),
    ...(infoHashV2 !== undefined && { infoHashV2 }),
    name,
    length,
    trackers: trackers.flat(),
    webSeeds,
    peers: [],
  });
}

function describeFile(file: TorrentFile): TorrentInfoFile {
  return {
    path: file.path.join("/"),
    bytes: file.length,
    offset: file.offset,
    ...(file.pad && { pad: true }),
    ...(file.executable && { executable: true }),
    ...(file.symlink !== undefined && { symlink: file.symlink.join("/") }),
    ...(file.mtime !== undefined && { mtime: file.mtime }),
    ...(file.piecesRoot !== undefined && { piecesRoot: toHex(file.piecesRoot) }),
  };
}
