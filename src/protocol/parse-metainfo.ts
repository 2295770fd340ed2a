/** Reads `.torrent` files: v1 (BEP 3, 12, 19, 27, 47), v2 and hybrid (BEP 52). */
import { type BencodeDict, bytesAt, decodeBencodeDict, dictAt, integerAt } from "./bencode.ts";
import { BencodeError, MetainfoError } from "./errors.ts";
import type { Hashes } from "./hashes.ts";
import { infoHash, infoHashV2 } from "./ids.ts";
import type { Metainfo, TorrentFile } from "./metainfo.ts";
import { readCreation, readToken, readTrackers, readUnlisted, readWebSeeds } from "./metainfo-extras.ts";
import {
  badKey,
  filesOf,
  fileTreeOf,
  padPath,
  type RawFile,
  readEmptyFolders,
  readFiles,
  readFileTree,
  readName,
  readSingleFile,
} from "./metainfo-files.ts";
import { checkPieceLayers } from "./piece-layers.ts";
import { portablePaths } from "./portable-path.ts";

export interface MetainfoLimits {
  /** Bytes of the whole `.torrent`; 10,000,000 unless told. */
  readonly maxBytes?: number;
  /** 2,097,152 unless told. */
  readonly maxPieces?: number;
}

const MAX_BYTES = 10_000_000;
const MAX_PIECES = 2_097_152;
/** 512 MiB; the largest in the wild is just below it. */
const MAX_PIECE_LENGTH = 2 ** 29;
/** BEP 52. */
const MIN_V2_PIECE_LENGTH = 16_384;
const SHA1_LENGTH = 20;

/**
 * Parses and checks a torrent. White space may follow it, nothing else.
 * @param bytes must not change while the result is in use, which holds views into them.
 * @throws {MetainfoError} when the torrent must not be used; the message names the key at fault.
 */
export function parseMetainfo(bytes: Uint8Array, hashes: Hashes, limits: MetainfoLimits = {}): Metainfo {
  const maxBytes = limits.maxBytes ?? MAX_BYTES;
  if (bytes.length > maxBytes) {
    throw new MetainfoError(
      `The torrent can't be used: it has ${bytes.length} bytes, more than the limit of ${maxBytes}`,
    );
  }
  const { dict, info, raw } = decode(bytes);
  const content = readContent(dict, info, hashes, limits.maxPieces ?? MAX_PIECES);
  const token = readToken(dict);
  return {
    ...content,
    infoHash: content.version === "v2" ? undefined : infoHash(hashes.sha1(raw)),
    infoHashV2: content.version === "v1" ? undefined : infoHashV2(hashes.sha256(raw)),
    info: raw,
    private: (integerAt(info, "private") ?? 0) !== 0,
    trackers: readTrackers(dict),
    webSeeds: readWebSeeds(dict),
    ...readCreation(dict, info),
    unlisted: readUnlisted(dict),
    ...(token !== undefined && { token }),
  };
}

function decode(bytes: Uint8Array): { dict: BencodeDict; info: BencodeDict; raw: Uint8Array } {
  try {
    const { dict, span } = decodeBencodeDict(bytes, "info", { allowTrailingWhitespace: true });
    const info = dictAt(dict, "info");
    if (!span || !info) throw badKey("info", span ? "is not a dictionary" : "is missing");
    return { dict, info, raw: bytes.subarray(span.start, span.end) };
  } catch (error) {
    if (!(error instanceof BencodeError)) throw error;
    throw new MetainfoError(`The torrent can't be used: it is not a torrent or damaged: ${error.message}`, {
      cause: error,
    });
  }
}

type Content = Pick<
  Metainfo,
  | "version"
  | "name"
  | "rawName"
  | "singleFile"
  | "files"
  | "emptyFolders"
  | "length"
  | "pieceLength"
  | "pieceCount"
  | "pieceHashes"
>;

function readContent(dict: BencodeDict, info: BencodeDict, hashes: Hashes, maxPieces: number): Content {
  const version = readVersion(info);
  const name = readName(info);
  const pieceLength = readPieceLength(info, version);
  const tree = version === "v1" ? undefined : readFileTree(fileTreeOf(info));
  if (tree) {
    checkV2(tree, pieceLength, maxPieces);
    const layers = dict.get("piece layers") ?? new Map();
    if (!(layers instanceof Map)) throw badKey("piece layers", "is not a dictionary");
    checkPieceLayers(layers, tree, pieceLength, hashes);
  }
  const isTreeOfOne = tree?.length === 1 && tree[0]?.rawPath.length === 1 && tree[0].rawPath[0] === name;
  if (version === "v2") {
    const files = withPads(tree ?? [], pieceLength);
    const built = build(name, isTreeOfOne, { files, folders: [] }, pieceLength);
    return { version, ...built, pieceHashes: new Uint8Array() };
  }
  const list = filesOf(info);
  const files = list ? readFiles(list) : [readSingleFile(info, name)];
  const merged = tree ? agree(files, tree, pieceLength) : files;
  const folders = list ? readEmptyFolders(info) : [];
  const built = build(name, !list, { files: merged, folders }, pieceLength);
  return { version, ...built, pieceHashes: readPieceHashes(info, built.pieceCount, maxPieces) };
}

function readVersion(info: BencodeDict): Metainfo["version"] {
  const declared = info.get("meta version") ?? 1;
  if (declared === 1) return "v1";
  if (declared !== 2) throw badKey("info.meta version", "is not one that this program knows (1 or 2)");
  return info.has("pieces") ? "hybrid" : "v2";
}

function readPieceLength(info: BencodeDict, version: Metainfo["version"]): number {
  const key = "info.piece length";
  const value = integerAt(info, "piece length");
  if (value === undefined)
    throw badKey(key, info.has("piece length") ? "is not a number of bytes" : "is missing");
  if (value < 1 || value > MAX_PIECE_LENGTH)
    throw badKey(key, `is ${value}, not within 1 to ${MAX_PIECE_LENGTH}`);
  if (version !== "v1" && (value < MIN_V2_PIECE_LENGTH || !Number.isInteger(Math.log2(value)))) {
    throw badKey(key, `is ${value}, not a power of two of at least ${MIN_V2_PIECE_LENGTH}`);
  }
  return value;
}

function readPieceHashes(info: BencodeDict, pieceCount: number, maxPieces: number): Uint8Array {
  const pieces = bytesAt(info, "pieces");
  if (!pieces) throw badKey("info.pieces", info.has("pieces") ? "is not a string" : "is missing");
  if (pieceCount > maxPieces)
    throw badKey("info.pieces", `are ${pieceCount}, more than the limit of ${maxPieces}`);
  if (pieces.length !== pieceCount * SHA1_LENGTH) {
    throw badKey(
      "info.pieces",
      `has ${pieces.length} bytes; the files make ${pieceCount} pieces of ${SHA1_LENGTH} bytes each`,
    );
  }
  return pieces;
}

function checkV2(tree: readonly RawFile[], pieceLength: number, maxPieces: number): void {
  let pieces = 0;
  for (const file of tree) pieces += Math.ceil(file.length / pieceLength);
  if (pieces > maxPieces)
    throw badKey("info.file tree", `has ${pieces} pieces, more than the limit of ${maxPieces}`);
}

/** Every file begins at a piece (BEP 52), so the stream has zeros after those that do not end at one. */
function withPads(tree: readonly RawFile[], pieceLength: number): RawFile[] {
  return tree.flatMap((file) => {
    const rest = file.length % pieceLength;
    if (rest === 0) return [file];
    const length = pieceLength - rest;
    return [file, { rawPath: padPath(length), length, pad: true, executable: false }];
  });
}

/**
 * Checks that both halves of a hybrid describe the same files in the same order and that each begins at a piece
 * (BEP 52, "upgrade path"); else peers of one kind would pass on what those of the other call corrupt.
 * @returns the v1 list, with the roots of the v2 one.
 */
function agree(files: readonly RawFile[], tree: readonly RawFile[], pieceLength: number): RawFile[] {
  let next = 0;
  let offset = 0;
  const merged = files.map((file, i) => {
    const start = offset;
    offset += file.length;
    if (file.pad) return file;
    const twin = tree[next++];
    const key = `info.files[${i}]`;
    if (twin?.length !== file.length || !sameNames(twin.rawPath, file.rawPath)) {
      throw badKey(key, "is not the same in info.file tree");
    }
    if (!sameNames(twin.symlink ?? [], file.symlink ?? []))
      throw badKey(key, "is another symlink in info.file tree");
    if (file.length > 0 && start % pieceLength !== 0) throw badKey(key, "does not begin at a piece");
    return twin.piecesRoot ? { ...file, piecesRoot: twin.piecesRoot } : file;
  });
  if (next !== tree.length) throw badKey("info.file tree", "has files that info.files has not");
  return merged;
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, i) => name === b[i]);
}

interface RawContent {
  readonly files: readonly RawFile[];
  /** Empty ones. */
  readonly folders: readonly (readonly string[])[];
}

function build(
  rawName: string,
  singleFile: boolean,
  { files: rawFiles, folders }: RawContent,
  pieceLength: number,
): Omit<Content, "version" | "pieceHashes"> {
  const [[name = ""] = []] = portablePaths([[rawName]]);
  const { paths, emptyFolders } = placePaths(rawFiles, folders);
  let offset = 0;
  const files = rawFiles.map((file, i): TorrentFile => {
    const placed = { path: paths[i] ?? [], ...file, offset };
    offset += file.length;
    if (!Number.isSafeInteger(offset)) throw badKey("info", "has files of more bytes than can be counted");
    return placed;
  });
  if (offset === 0) throw badKey("info", "has no data: all files are empty");
  return {
    name,
    rawName,
    singleFile,
    files,
    emptyFolders,
    length: offset,
    pieceLength,
    pieceCount: Math.ceil(offset / pieceLength),
  };
}

/** Real files choose their names first: a pad file is never written and must not rename any. */
function placePaths(
  files: readonly RawFile[],
  folders: readonly (readonly string[])[],
): { readonly paths: readonly string[][]; readonly emptyFolders: readonly string[][] } {
  const order = files.map((_, i) => i);
  order.sort((a, b) => Number(files[a]?.pad) - Number(files[b]?.pad)); // stable
  const placed = portablePaths([...order.map((i) => files[i]?.rawPath ?? []), ...folders]);
  const paths: string[][] = [];
  for (const [rank, i] of order.entries()) paths[i] = placed[rank] ?? [];
  return { paths, emptyFolders: placed.slice(files.length) };
}
