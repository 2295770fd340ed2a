/** What has become of a download's files in the meantime: looked at before it is called done. */
import type { FileStat } from "../../platform/file-system.ts";
import { type PieceIndex, pieceIndex } from "../../protocol/ids.ts";
import type { Lost } from "../download.ts";
import { OutputExistsError, storageError } from "../errors.ts";
import { checkData } from "./check-data.ts";
import type { Folder, Target } from "./folders.ts";
import type { OwnWrites } from "./own-writes.ts";
import type { Placement } from "./placement.ts";
import { refuseSpecial } from "./recover.ts";
import type { SpanIo } from "./span-io.ts";
import type { PieceStorage } from "./storage.ts";

/** How many files are looked at between two turns of the loop. */
const A_TURN = 500;

export interface LastLookOptions {
  readonly io: SpanIo;
  readonly placement: Placement;
  readonly storage: Pick<PieceStorage, "read">;
  readonly root: Folder;
  readonly ownWrites: OwnWrites;
}

/**
 * Hashes the pieces of files that aren't as we left them, and reads no others. Afterwards each can be written to again.
 * @returns the pieces that are to be fetched again; undefined when there are none.
 * @throws {StorageError} something that is no file has taken the place of one.
 * @throws {OutputExistsError} a file that isn't ours, and was right, has been changed.
 */
export async function lastLook(options: LastLookOptions, signal: AbortSignal): Promise<Lost | undefined> {
  const { placement, storage } = options;
  const suspects = await findChanged(options, signal);
  const [first] = suspects;
  if (first === undefined) return undefined;
  const pieces = new Set<number>();
  const foreign = new Map<number, Target>();
  for (const { target, from, to, isOurs } of suspects) {
    for (let piece = from; piece <= to; piece++) {
      pieces.add(piece);
      if (!isOurs) foreign.set(piece, target);
    }
  }
  const lost: PieceIndex[] = [];
  await checkData(
    {
      storage,
      layout: placement.layout,
      pieceHashes: placement.metainfo.pieceHashes,
      pieces,
      onPiece(piece, verdict) {
        if (verdict === "good") return;
        const theirs = foreign.get(piece);
        if (theirs !== undefined)
          throw new OutputExistsError(theirs.path, "its data are no longer those of the torrent");
        lost.push(pieceIndex(piece));
      },
    },
    signal,
  );
  return lost.length === 0 ? undefined : { pieces: lost, path: first.target.path };
}

interface Suspect {
  readonly target: Target;
  /** Its pieces. */
  readonly from: number;
  readonly to: number;
  /** It may be written to. */
  readonly isOurs: boolean;
}

async function findChanged(
  { io, placement, root, ownWrites }: LastLookOptions,
  signal: AbortSignal,
): Promise<Suspect[]> {
  const suspects: Suspect[] = [];
  let looked = 0;
  for (const [index, target] of placement.targets) {
    const pieces = placement.layout.piecesOf(index);
    const length = placement.metainfo.files[index]?.length;
    if (pieces === undefined || length === undefined) continue;
    looked++;
    if (looked % A_TURN === 0) {
      await new Promise(setImmediate);
      signal.throwIfAborted();
    }
    // By its path: it is only looked at, and has to be there by that name.
    const seen = io.fs.lstatSync(target.path);
    if (seen !== undefined && ownWrites.isAsLeft(target, seen, length)) continue;
    // Folders that are open may have lost their names, as files may.
    if (suspects.length === 0) root.drop();
    io.openFiles.drop(target);
    const stat = target.lookUp();
    refuseSpecial(target, stat);
    const isOurs = stat === undefined || mayBeWritten(target, stat);
    if (stat === undefined) {
      target.state = "absent";
      ownWrites.gone(target);
    } else {
      if (!isOurs && stat.size !== length)
        throw new OutputExistsError(target.path, `has ${stat.size} bytes instead of ${length}`);
      ownWrites.found(target, stat.size > length ? await cut(target, length, io) : stat);
    }
    suspects.push({ target, from: pieces.first, to: pieces.last, isOurs });
  }
  return suspects;
}

/** A file of somebody else that was there before may not; nor one that has other names elsewhere by now. */
function mayBeWritten(target: Target, stat: FileStat): boolean {
  return target.state !== "readOnly" && stat.links <= 1;
}

/** What lies behind its end doesn't belong there. */
async function cut(target: Target, length: number, io: SpanIo): Promise<FileStat> {
  try {
    const loan = await io.openFiles.borrow(target);
    try {
      await io.fs.truncate(loan.descriptor, length);
      return io.fs.fstatSync(loan.descriptor);
    } finally {
      loan.release();
    }
  } catch (error) {
    throw storageError(target.path, "write", error);
  }
}
