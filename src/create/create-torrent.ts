import { nodeHashes } from "../platform/hashes.ts";
import { infoHash } from "../protocol/ids.ts";
import { encodeInfo, type InfoContent } from "../protocol/write-metainfo.ts";
import { contentOf } from "./content.ts";
import { choosePieceLength, isPieceLength } from "./core/piece-length.ts";
import type { Created, CreateOptions } from "./created.ts";
import { Crew } from "./crew.ts";
import { CreateOptionError, SourceError } from "./errors.ts";
import { hashPieces } from "./hash.ts";
import type { Source } from "./source.ts";

/** Readers of torrents, ours among them, refuse larger ones; some room is left for trackers and the like. */
const MOST_INFO_BYTES = 9_900_000;
/** What the bencoding of one file takes besides its names: `d6:lengthi0e4:pathlee`. */
const LEAST_FILE_BYTES = 21;

/**
 * Makes the `info` dictionary of a v1 torrent (BEP 3) by hashing everything once, on all cores. The same files under
 * the same name with the same piece length always give the same info hash.
 * @throws {SourceChangedError} when a file changed since `source` was scanned, or changes meanwhile.
 * @throws {SourceError} when a file can't be read, or there are too many files for a torrent.
 * @throws {CreateOptionError} when the piece length is none.
 */
export async function createTorrent(
  source: Source,
  options: CreateOptions,
  signal: AbortSignal,
): Promise<Created> {
  const pieceLength = checkedPieceLength(source, options.pieceLength);
  options.onPlan?.(pieceLength);
  let content: InfoContent | undefined;
  const meanwhile = () => {
    content = contentOf(source, options.times ?? false);
  };
  const crew = options.crew ?? new Crew({});
  let pieceHashes: Uint8Array;
  try {
    pieceHashes = await hashPieces(source, pieceLength, { ...options, crew, meanwhile }, signal);
  } finally {
    if (options.crew === undefined) await crew.close();
  }
  const info = encodeInfo({
    name: source.name,
    pieceLength,
    pieceHashes,
    private: options.private ?? false,
    ...(options.source !== undefined && { source: options.source }),
    ...(content ?? contentOf(source, options.times ?? false)),
  });
  if (info.length > MOST_INFO_BYTES) throw tooManyFiles(source);
  return {
    name: source.name,
    singleFile: source.singleFile,
    info,
    infoHash: infoHash(nodeHashes.sha1(info)),
    files: source.files,
    totalBytes: source.totalBytes,
    pieceLength,
    pieceCount: pieceHashes.length / 20,
    pieceHashes,
  };
}

/** Before hours of hashing: will a torrent hold that many pieces and names? */
function checkedPieceLength(source: Source, asked: number | undefined): number {
  if (asked !== undefined && !isPieceLength(asked)) {
    throw new CreateOptionError(
      `A piece length is a power of two from 16 KiB to 64 MiB, not ${asked} bytes; 1 MiB suits most shares.`,
    );
  }
  const pieceLength = asked ?? choosePieceLength(source.totalBytes);
  let least = 0;
  for (const file of source.files) {
    least += LEAST_FILE_BYTES;
    for (const component of file.path) least += component.length + 2;
  }
  if (least > MOST_INFO_BYTES) throw tooManyFiles(source);
  if (least + 20 * Math.ceil(source.totalBytes / pieceLength) > MOST_INFO_BYTES) {
    throw new CreateOptionError(
      `Pieces of ${pieceLength} bytes are too small for ${source.totalBytes} bytes: the torrent would be too large to read. Choose larger ones with --piece-size.`,
    );
  }
  return pieceLength;
}

function tooManyFiles(source: Source): SourceError {
  return new SourceError(
    source.root,
    `${source.files.length} files with these names don't fit into a torrent (10 MB at the most): publish an archive, or parts of ${JSON.stringify(source.root)}.`,
  );
}
