/** A share whose torrent exists already, made by whomever: its data are compared with it instead of being hashed anew. */
import { judgeFiles, type PieceFinding } from "../../client/core/file-verdicts.ts";
import type { PadFile, SeedFile } from "../../client/storage/seed-storage.ts";
import type { Created, CreateOptions } from "../../create/created.ts";
import { hashPieces } from "../../create/hash.ts";
import { nodeHashes } from "../../platform/hashes.ts";
import { bytesEqual } from "../../protocol/bytes.ts";
import type { InfoHash } from "../../protocol/ids.ts";
import { PieceLayout } from "../../protocol/layout.ts";
import type { Metainfo, TorrentFile } from "../../protocol/metainfo.ts";
import { parseMetainfo } from "../../protocol/parse-metainfo.ts";
import { UnsupportedError } from "../unsupported-error.ts";
import { MismatchError } from "./mismatch-error.ts";
import { isOnDisk, sourceOfTorrent } from "./torrent-source.ts";

export interface GivenTorrent {
  /** The `.torrent`. */
  readonly bytes: Uint8Array;
  readonly metainfo: Metainfo;
  readonly infoHash: InfoHash;
}

/**
 * @throws {MetainfoError} it must not be used.
 * @throws {UnsupportedError} it has only a v2 part, or is one of a share with a password.
 */
export function giveTorrent(bytes: Uint8Array): GivenTorrent {
  const metainfo = parseMetainfo(bytes, nodeHashes);
  const { infoHash, name, token } = metainfo;
  if (infoHash === undefined) {
    throw new UnsupportedError(`"${name}" is a v2-only torrent, which can't be seeded yet.`);
  }
  if (token !== undefined) {
    throw new UnsupportedError(
      `"${name}" is the torrent of a share with a password: publish its data with --password instead.`,
    );
  }
  return { bytes, metainfo, infoHash };
}

/** What seeding and showing a torrent takes. */
export interface Adopted {
  readonly created: Created;
  /** With pad files, in the torrent's order. */
  readonly seedFiles: readonly (SeedFile | PadFile)[];
}

/**
 * Reads what isn't remembered from earlier runs, once, on all cores.
 * @param path the file or folder itself.
 * @throws {MismatchError} not all of it is there, or right.
 * @throws {SourceChangedError} a file changes meanwhile.
 * @throws {SourceError} something can't be read.
 */
export async function adoptData(
  { metainfo, infoHash }: GivenTorrent,
  path: string,
  options: Required<Pick<CreateOptions, "crew" | "cacheDir" | "onCacheTrouble" | "onProgress">>,
  signal: AbortSignal,
): Promise<Adopted> {
  const source = await sourceOfTorrent(metainfo, path, options.crew, signal);
  if (source.lacking.length > 0) throw lacks(metainfo, path, source.lacking);
  options.onProgress(0, source.totalBytes);
  const hashes = await hashPieces(source, metainfo.pieceLength, options, signal);
  if (!bytesEqual(hashes, metainfo.pieceHashes)) throw differs(metainfo, path, hashes);
  const { rawName, singleFile, info, length, pieceLength, pieceCount, pieceHashes } = metainfo;
  const files = source.files.flatMap((file) => ("pad" in file ? [] : [file]));
  const created = {
    ...{ name: rawName, singleFile, info, infoHash, files, totalBytes: length },
    ...{ pieceLength, pieceCount, pieceHashes },
  };
  return { created, seedFiles: source.files };
}

function lacks(metainfo: Metainfo, path: string, lacking: readonly TorrentFile[]): MismatchError {
  const [first] = lacking;
  const one = JSON.stringify(first?.path.join("/"));
  const what = lacking.length === 1 ? one : `${lacking.length} files (the first: ${one})`;
  return new MismatchError(
    `${path} lacks ${what} of "${metainfo.name}", or has it in another size. See all, and fetch them: share verify --repair`,
  );
}

/** All files have their sizes. */
function differs(
  { files, name, pieceLength, pieceHashes }: Metainfo,
  path: string,
  hashes: Uint8Array,
): MismatchError {
  const layout = new PieceLayout(
    files.map(({ length }) => length),
    pieceLength,
  );
  const findings: PieceFinding[] = [];
  for (let at = 0; at < hashes.length; at += 20) {
    const isGood = bytesEqual(hashes.subarray(at, at + 20), pieceHashes.subarray(at, at + 20));
    findings.push(isGood ? "good" : "bad");
  }
  const sizes = files.map(({ length }) => ({ length, size: length }));
  const verdicts = judgeFiles(layout, sizes, findings).filter((_, i) => isOnDisk(files[i]));
  const good = verdicts.filter(({ state }) => state === "good").length;
  return new MismatchError(
    `${path} has ${good} of ${verdicts.length} files of "${name}" whole. See which, and fetch the rest: share verify --repair`,
  );
}
