/** A share whose torrent exists already, made by whomever: its data are compared with it instead of being hashed anew. */
import { realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import type { PadFile, SeedFile } from "../../client/storage/seed-storage.ts";
import { type VerifiedFile, verifyFiles } from "../../client/storage/verify-files.ts";
import type { Created } from "../../create/created.ts";
import type { SourceFile } from "../../create/source-file.ts";
import { nodeHashes } from "../../platform/hashes.ts";
import { BoojumError } from "../../protocol/errors.ts";
import type { InfoHash } from "../../protocol/ids.ts";
import type { Metainfo } from "../../protocol/metainfo.ts";
import { parseMetainfo } from "../../protocol/parse-metainfo.ts";
import { UnsupportedError } from "../unsupported-error.ts";

export interface GivenTorrent {
  /** The `.torrent`. */
  readonly bytes: Uint8Array;
  readonly metainfo: Metainfo;
  readonly infoHash: InfoHash;
}

/** The data here are not those of the torrent: exit code 3. */
export class MismatchError extends BoojumError {
  constructor(message: string) {
    super("mismatch", message);
  }
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
 * Reads everything once.
 * @param path the file or folder itself.
 * @throws {MismatchError} not all of it is there, or right.
 * @throws {StorageError} something can't be read.
 */
export async function adoptData(
  { metainfo, infoHash }: GivenTorrent,
  path: string,
  onProgress: (bytesDone: number, bytesTotal: number) => void,
  signal: AbortSignal,
): Promise<Adopted> {
  const verified = await verifyFiles({ metainfo, path, digests: false, onProgress }, signal);
  const good = verified.filter(({ state }) => state === "good").length;
  if (good < verified.length) {
    throw new MismatchError(
      `${path} has ${good} of ${verified.length} files of "${metainfo.name}" whole. See which, and fetch the rest: share verify --repair`,
    );
  }
  const byPath = new Map<string, SourceFile>();
  for (const file of verified) {
    byPath.set(file.path.join("/"), await sourceFile(file, metainfo, path));
  }
  const files = metainfo.files.flatMap(({ path: own }) => byPath.get(own.join("/")) ?? []);
  const seedFiles = metainfo.files.map(
    ({ path: own, length }): SeedFile | PadFile => byPath.get(own.join("/")) ?? { length, pad: true },
  );
  const { rawName, singleFile, info, length, pieceLength, pieceCount, pieceHashes } = metainfo;
  const created = {
    ...{ name: rawName, singleFile, info, infoHash, files, totalBytes: length },
    ...{ pieceLength, pieceCount, pieceHashes },
  };
  return { created, seedFiles };
}

/** Under the names of the torrent, by which web seeds ask; as it is now, so that later changes are seen. */
async function sourceFile(
  { foundPath, bytes, path }: VerifiedFile,
  metainfo: Metainfo,
  root: string,
): Promise<SourceFile> {
  const absolutePath = await realpath(metainfo.singleFile ? root : join(root, ...foundPath));
  const stats = await stat(absolutePath, { bigint: true });
  const file = metainfo.files.find((one) => one.path === path);
  return {
    path: file?.rawPath ?? path,
    absolutePath,
    length: bytes,
    mtimeNs: stats.mtimeNs,
    ctimeNs: stats.ctimeNs,
    inode: stats.ino,
    device: stats.dev,
    executable: file?.executable ?? false,
  };
}
