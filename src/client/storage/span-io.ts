/** Moves bytes between memory and runs of bytes in files: at once when that is quick, else through the thread pool. */
import type { FileStat, FileSystem } from "../../platform/file-system.ts";
import type { Pace } from "../../platform/pace.ts";
import { StorageError, storageError } from "../errors.ts";
import { isOutOfDescriptors, type Loan, type Openable, type OpenFiles } from "./open-files.ts";

/** A file that spans lie in. */
export interface SpanFile extends Openable {
  /** For messages. */
  readonly path: string;
  /** @throws {StorageError} the file is no longer what it was. Called after each read. */
  check?(stat: FileStat): void;
}

/** Where some bytes lie; without a file they are zeros that are on no disk (BEP 47 pad files). */
export interface Place {
  readonly file: SpanFile | undefined;
  readonly offset: number;
  readonly length: number;
}

export interface SpanIo {
  readonly fs: FileSystem;
  readonly openFiles: OpenFiles;
  readonly pace: Pace;
}

interface Part {
  readonly file: SpanFile;
  readonly offset: number;
  readonly targets: readonly Uint8Array[];
}

/**
 * Fills `targets`, in turn, with the bytes at `places`, which are as long together.
 * @returns as `PieceStorage.read` does.
 */
export function readPlaces(
  io: SpanIo,
  places: readonly Place[],
  targets: readonly Uint8Array[],
): Promise<void> | undefined {
  const parts = split(places, targets);
  let done = 0;
  try {
    for (const part of parts) {
      if (!io.pace.isFast || !io.pace.time(() => readPartNow(io, part))) break;
      done++;
    }
  } catch (error) {
    return Promise.reject(error);
  }
  return done === parts.length ? undefined : readParts(io, parts.slice(done));
}

/** Writes `data` to the places, which are as long together; small runs at once while that is quick. */
export async function writePlaces(io: SpanIo, places: readonly Place[], data: Uint8Array): Promise<void> {
  let at = 0;
  for (const place of places) {
    const bytes = data.subarray(at, at + place.length);
    at += place.length;
    if (place.file === undefined) continue;
    // A large copy is worth the hop, because it then runs beside the hashing of the next piece.
    const { file, offset } = place;
    const isForNow = place.length <= LARGEST_WRITE_AT_ONCE && io.pace.isFast;
    if (!isForNow || !io.pace.time(() => writeNow(io, file, offset, bytes)))
      await writeLater(io, file, offset, bytes);
  }
}

const LARGEST_WRITE_AT_ONCE = 128 * 1024;

function split(places: readonly Place[], targets: readonly Uint8Array[]): Part[] {
  const [only] = places;
  if (places.length === 1 && only?.file !== undefined)
    return [{ file: only.file, offset: only.offset, targets }];
  const parts: Part[] = [];
  let target = 0;
  let used = 0;
  for (const place of places) {
    const views: Uint8Array[] = [];
    for (let left = place.length; left > 0; ) {
      const whole = targets[target];
      if (whole === undefined) throw new RangeError("more bytes were asked for than there is room for");
      const view = whole.subarray(used, used + left);
      if (view.length > 0) views.push(view);
      left -= view.length;
      used += view.length;
      if (used === whole.length) {
        target++;
        used = 0;
      }
    }
    if (place.file === undefined) for (const view of views) view.fill(0);
    else if (views.length > 0) parts.push({ file: place.file, offset: place.offset, targets: views });
  }
  return parts;
}

/** @returns undefined when there are no descriptors left: those that others have in use come back later. */
function borrowNow(io: SpanIo, file: SpanFile): Loan | undefined {
  try {
    return io.openFiles.borrowSync(file);
  } catch (error) {
    if (isOutOfDescriptors(error)) return undefined;
    throw error;
  }
}

/** @returns whether it could be opened now. */
function readPartNow(io: SpanIo, part: Part): boolean {
  const { file } = part;
  try {
    const loan = borrowNow(io, file);
    if (loan === undefined) return false;
    try {
      for (let left = part; left.targets.length > 0; )
        left = after(left, io.fs.readvSync(loan.descriptor, left.targets, left.offset));
      file.check?.(io.fs.fstatSync(loan.descriptor));
    } finally {
      loan.release();
    }
    return true;
  } catch (error) {
    throw giveUp(io, file, "read", error);
  }
}

async function readParts(io: SpanIo, parts: readonly Part[]): Promise<void> {
  for (const part of parts) {
    const { file } = part;
    try {
      const loan = await io.openFiles.borrow(file);
      try {
        for (let left = part; left.targets.length > 0; )
          left = after(left, await io.fs.readv(loan.descriptor, left.targets, left.offset));
        file.check?.(io.fs.fstatSync(loan.descriptor));
      } finally {
        loan.release();
      }
    } catch (error) {
      throw giveUp(io, file, "read", error);
    }
  }
}

/** @returns whether it could be opened now. */
function writeNow(io: SpanIo, file: SpanFile, offset: number, data: Uint8Array): boolean {
  try {
    const loan = borrowNow(io, file);
    if (loan === undefined) return false;
    try {
      for (let at = 0; at < data.length; ) {
        at += progress(file, io.fs.writeSync(loan.descriptor, data.subarray(at), offset + at));
      }
    } finally {
      loan.release();
    }
    return true;
  } catch (error) {
    throw giveUp(io, file, "write", error);
  }
}

async function writeLater(io: SpanIo, file: SpanFile, offset: number, data: Uint8Array): Promise<void> {
  try {
    const loan = await io.openFiles.borrow(file);
    try {
      for (let at = 0; at < data.length; ) {
        at += progress(file, await io.fs.write(loan.descriptor, data.subarray(at), offset + at));
      }
    } finally {
      loan.release();
    }
  } catch (error) {
    throw giveUp(io, file, "write", error);
  }
}

/** What is left of a part when `count` bytes of it were read: the system may do less than it was asked for. */
function after({ file, offset, targets }: Part, count: number): Part {
  if (count === 0) throw endedEarly(file, offset);
  let left = count;
  for (const [i, view] of targets.entries()) {
    if (left < view.length)
      return { file, offset: offset + count, targets: [view.subarray(left), ...targets.slice(i + 1)] };
    left -= view.length;
  }
  return { file, offset: offset + count, targets: [] };
}

/** A write of nothing would be tried for ever. */
function progress(file: SpanFile, count: number): number {
  if (count > 0) return count;
  throw new StorageError(file.path, "other", `${file.path} can't be written: the system took no bytes.`);
}

function endedEarly(file: SpanFile, at: number): StorageError {
  return new StorageError(
    file.path,
    "changed",
    `${file.path} ends at byte ${at} or before, so it was truncated after it was hashed. Put the file back.`,
  );
}

/** After an error the file is opened anew, in case it comes back. */
function giveUp(io: SpanIo, file: SpanFile, doing: "read" | "write", error: unknown): StorageError {
  io.openFiles.drop(file);
  return storageError(file.path, doing, error);
}
