/** Writes v1 torrents (BEP 3, 12, 19, 27, 47). Equal input gives equal bytes, on any machine. */
import { BencodeWriter, type Encodable, encodeBencode, RawBencode } from "./encode.ts";

export interface InfoFile {
  /** Components below the torrent's folder, at least one. */
  readonly path: readonly string[];
  /** Bytes. */
  readonly length: number;
  /** BEP 47 `x`. */
  readonly executable?: boolean;
  /** See `TorrentFile.mtime`. */
  readonly mtime?: number;
  /** BEP 47 `l`: a link, of no length, to these components below the torrent's folder. */
  readonly symlink?: readonly string[];
}

interface InfoCommon {
  /** Name of the file or folder. */
  readonly name: string;
  /** Bytes. */
  readonly pieceLength: number;
  /** SHA-1 of each piece, end to end, 20 bytes each. */
  readonly pieceHashes: Uint8Array;
  /** BEP 27; written only when true. */
  readonly private?: boolean;
  /** A word that makes the info hash differ from that of the same files elsewhere. */
  readonly source?: string;
}

/** A folder has `files`, in stream order, and `folders`, those that are empty; a one-file torrent has `length`. */
export type InfoContent =
  | { readonly files: readonly InfoFile[]; readonly folders?: readonly (readonly string[])[] }
  | Pick<InfoFile, "length" | "executable" | "mtime">;

export type InfoOptions = InfoCommon & InfoContent;

export interface TorrentOptions {
  /** The bencoded `info` dictionary, used byte for byte: the info hash stays what it is. */
  readonly info: Uint8Array;
  /** Tiers (BEP 12); empty for none. */
  readonly trackers?: readonly (readonly string[])[];
  /** BEP 19. */
  readonly webSeeds?: readonly string[];
  readonly comment?: string;
  readonly createdBy?: string;
  /** Whole seconds since 1970. */
  readonly creationDate?: number;
  /** See `Metainfo.unlisted`; written only when true. */
  readonly unlisted?: boolean;
  /** See `Metainfo.token`. */
  readonly token?: string;
}

/**
 * Encodes an `info` dictionary.
 * @returns bytes owned by the caller; their SHA-1 is the info hash.
 */
export function encodeInfo(options: InfoOptions): Uint8Array {
  const content: Record<string, Encodable | undefined> =
    "files" in options
      ? { files: encodeFiles(options.files), boojum: foldersKey(options.folders) }
      : { length: options.length, attr: attributes(options), mtime: options.mtime };
  return encodeBencode({
    ...content,
    name: options.name,
    "piece length": options.pieceLength,
    pieces: options.pieceHashes,
    private: options.private === true ? 1 : undefined,
    source: options.source,
  });
}

/**
 * Encodes a `.torrent` around a finished `info` dictionary. One tracker is an `announce`; several are an
 * `announce-list` as well (BEP 12).
 * @returns bytes owned by the caller.
 */
export function encodeTorrent(options: TorrentOptions): Uint8Array {
  const tiers = (options.trackers ?? []).filter((tier) => tier.length > 0);
  const several = tiers.length > 1 || (tiers[0]?.length ?? 0) > 1;
  const webSeeds = options.webSeeds ?? [];
  return encodeBencode({
    announce: tiers[0]?.[0],
    "announce-list": several ? tiers : undefined,
    boojum: ownKey(options),
    comment: options.comment,
    "created by": options.createdBy,
    "creation date": options.creationDate,
    info: new RawBencode(options.info),
    "url-list": webSeeds.length > 0 ? webSeeds : undefined,
  });
}

/** What our own clients read; absent when there is nothing to say. */
function ownKey({ token, unlisted }: TorrentOptions): Encodable | undefined {
  if (token === undefined && unlisted !== true) return undefined;
  return { token, unlisted: unlisted === true ? 1 : undefined };
}

/** One by one and without a dictionary for each: there may be 100,000. Keys are in the order of their bytes. */
function encodeFiles(files: readonly InfoFile[]): RawBencode {
  const out = new BencodeWriter(64 * files.length + 2);
  out.ascii("l");
  for (const file of files) {
    const attr = attributes(file);
    out.ascii(attr === undefined ? "d" : `d4:attr${attr.length}:${attr}`);
    out.ascii(`6:lengthi${file.length}e`);
    if (file.mtime !== undefined) out.ascii(`5:mtimei${file.mtime}e`);
    out.ascii("4:path");
    writePath(out, file.path);
    if (file.symlink !== undefined) {
      out.ascii("12:symlink path");
      writePath(out, file.symlink);
    }
    out.ascii("e");
  }
  out.ascii("e");
  return new RawBencode(out.finish());
}

function writePath(out: BencodeWriter, path: readonly string[]): void {
  out.ascii("l");
  for (const component of path) out.text(component);
  out.ascii("e");
}

/** BEP 47, for folders and one-file torrents alike. */
function attributes({ executable, symlink }: Pick<InfoFile, "executable" | "symlink">): string | undefined {
  if (symlink !== undefined) return "l";
  return executable === true ? "x" : undefined;
}

/** Part of the info hash, and passed over by those who don't know it. */
function foldersKey(folders: readonly (readonly string[])[] = []): Encodable | undefined {
  return folders.length === 0 ? undefined : { folders };
}
