/**
 * The state of an unfinished download as text, one record a line, each with a checksum that covers all lines before it
 * as well. So whatever happens to the file, reading it gives a beginning of what was written, or nothing.
 */
import { crc32 } from "node:zlib";
import { Bitfield } from "../../protocol/bitfield.ts";

const VERSION = 1;

/** What a state says first. */
export interface StateHeader {
  /** 40 hexadecimal digits; something else while the publisher still hashes, see `open-download.ts`. */
  readonly infoHash: string;
  readonly pieceCount: number;
  /** Changes with the choice of files; see `placement.ts`. */
  readonly selection: string;
  /** Paths below NAME, joined by `/`, of the files that are ours: absent or adopted when the download began. */
  readonly owned: "all" | readonly string[];
}

/** A file as it was at a checkpoint, after it was synced. */
export interface SavedFile {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly mtimeNs: bigint;
}

export interface Checkpoint {
  /** The wall clock, milliseconds since 1970. */
  readonly time: number;
  /** Became durable since the checkpoint before. */
  readonly pieces: Iterable<number>;
  /** The files that were written to since then. */
  readonly files: readonly SavedFile[];
  /** The last record of a download that was stopped in good order: nothing was written after it. */
  readonly clean: boolean;
}

export interface SavedState extends StateHeader {
  readonly durable: Bitfield;
  /** May look right and yet be in memory only, since the system failed to write them: to be fetched again, not hashed. */
  readonly lost: Bitfield;
  /** By path, as of the latest checkpoint that names them. */
  readonly files: ReadonlyMap<string, SavedFile>;
  /** Of the latest checkpoint, milliseconds since 1970; 0 before the first one. */
  readonly time: number;
  readonly clean: boolean;
}

/** Turns records into lines; lines must be kept in the order in which they were made. */
export class StateEncoder {
  #checksum = 0;

  header(header: StateHeader): Uint8Array {
    const { infoHash, pieceCount, selection, owned } = header;
    return this.#line({ boojum: VERSION, infoHash, pieceCount, selection, owned });
  }

  /** Forgets the line made last, which did not reach the disk, when given back the mark from before it. */
  mark(): () => void {
    const checksum = this.#checksum;
    return () => {
      this.#checksum = checksum;
    };
  }

  checkpoint({ time, pieces, files, clean }: Checkpoint): Uint8Array {
    return this.#line({
      time,
      pieces: ranges(pieces),
      files: files.map((file) => [file.path, file.size, String(file.mtimeNs)]),
      clean,
    });
  }

  /** The info hash of a provisional torrent became known; of its pieces, just these are what they should be. */
  identified(infoHash: string, pieces: Iterable<number>): Uint8Array {
    return this.#line({ infoHash, pieces: ranges(pieces) });
  }

  /** The system failed to write these pieces. */
  lost(pieces: Iterable<number>): Uint8Array {
    return this.#line({ lost: ranges(pieces) });
  }

  #line(record: object): Uint8Array {
    const json = new TextEncoder().encode(JSON.stringify(record));
    this.#checksum = crc32(json, this.#checksum);
    return Buffer.concat([Buffer.from(`${hex(this.#checksum)} `), json, Buffer.from("\n")]);
  }
}

/**
 * Reads a state as far as it is whole.
 * @returns undefined when not even the header is, or another version wrote it.
 */
export function decodeState(bytes: Uint8Array): SavedState | undefined {
  const records = wholeRecords(bytes);
  let header = readHeader(records.next().value);
  if (header === undefined) return undefined;
  let durable = new Bitfield(header.pieceCount);
  const lost = new Bitfield(header.pieceCount);
  const files = new Map<string, SavedFile>();
  let time = 0;
  let clean = false;
  for (const record of records) {
    const identity = readIdentity(record, header.pieceCount);
    if (identity !== undefined) {
      header = { ...header, infoHash: identity.infoHash };
      durable = new Bitfield(header.pieceCount);
      addRanges(durable, identity.pieces);
      continue;
    }
    const losses = readLosses(record, header.pieceCount);
    if (losses !== undefined) {
      addRanges(lost, losses);
      removeRanges(durable, losses);
      continue;
    }
    const checkpoint = readCheckpoint(record, header.pieceCount);
    if (checkpoint === undefined) return { ...header, durable, lost, files, time, clean: false };
    addRanges(durable, checkpoint.pieces);
    removeRanges(lost, checkpoint.pieces);
    for (const file of checkpoint.files) files.set(file.path, file);
    time = checkpoint.time;
    clean = checkpoint.clean;
  }
  return { ...header, durable, lost, files, time, clean };
}

/** Parses each line whose checksum is right, and ends at the first one that is not. */
function* wholeRecords(bytes: Uint8Array): Generator<unknown, undefined> {
  let checksum = 0;
  for (let at = 0; ; ) {
    const end = bytes.indexOf(0x0a, at);
    if (end < at + 10) return undefined;
    const json = bytes.subarray(at + 9, end);
    checksum = crc32(json, checksum);
    if (Buffer.from(bytes.subarray(at, at + 9)).toString("latin1") !== `${hex(checksum)} `) return undefined;
    try {
      yield JSON.parse(new TextDecoder().decode(json));
    } catch {
      return undefined;
    }
    at = end + 1;
  }
}

type Fields = Readonly<Record<string, unknown>>;

function readHeader(record: unknown): StateHeader | undefined {
  if (!isFields(record) || record["boojum"] !== VERSION) return undefined;
  const { infoHash, pieceCount, selection, owned } = record;
  if (typeof infoHash !== "string" || typeof selection !== "string") return undefined;
  // More pieces than any torrent may have would only cost memory.
  if (!isCount(pieceCount) || pieceCount > 2 ** 21) return undefined;
  if (owned === "all") return { infoHash, pieceCount, selection, owned };
  if (!Array.isArray(owned) || !owned.every((path) => typeof path === "string")) return undefined;
  return { infoHash, pieceCount, selection, owned };
}

type Ranges = readonly (readonly [number, number])[];

function addRanges(pieces: Bitfield, stored: Ranges): void {
  for (const [first, last] of stored) for (let piece = first; piece <= last; piece++) pieces.add(piece);
}

function removeRanges(pieces: Bitfield, stored: Ranges): void {
  for (const [first, last] of stored) for (let piece = first; piece <= last; piece++) pieces.delete(piece);
}

function readLosses(record: unknown, pieceCount: number): Ranges | undefined {
  return isFields(record) && record["lost"] !== undefined
    ? readRanges(record["lost"], pieceCount)
    : undefined;
}

function readIdentity(
  record: unknown,
  pieceCount: number,
): { readonly infoHash: string; readonly pieces: Ranges } | undefined {
  if (!isFields(record) || typeof record["infoHash"] !== "string") return undefined;
  const pieces = readRanges(record["pieces"], pieceCount);
  return pieces && { infoHash: record["infoHash"], pieces };
}

function readRanges(value: unknown, pieceCount: number): [number, number][] | undefined {
  if (!Array.isArray(value)) return undefined;
  const stored: [number, number][] = [];
  for (const range of value) {
    if (!Array.isArray(range)) return undefined;
    const [first, last] = range;
    if (!isCount(first) || !isCount(last) || last >= pieceCount || first > last) return undefined;
    stored.push([first, last]);
  }
  return stored;
}

interface StoredCheckpoint {
  readonly time: number;
  readonly pieces: Ranges;
  readonly files: readonly SavedFile[];
  readonly clean: boolean;
}

function readCheckpoint(record: unknown, pieceCount: number): StoredCheckpoint | undefined {
  if (!isFields(record)) return undefined;
  const { time, files, clean } = record;
  if (typeof time !== "number" || typeof clean !== "boolean") return undefined;
  const pieces = readRanges(record["pieces"], pieceCount);
  if (pieces === undefined || !Array.isArray(files)) return undefined;
  const storedFiles: SavedFile[] = [];
  for (const entry of files) {
    if (!Array.isArray(entry)) return undefined;
    const [path, size, mtimeNs] = entry;
    if (typeof path !== "string" || !isCount(size)) return undefined;
    if (typeof mtimeNs !== "string" || !/^-?\d{1,20}$/.test(mtimeNs)) return undefined;
    storedFiles.push({ path, size, mtimeNs: BigInt(mtimeNs) });
  }
  return { time, pieces, files: storedFiles, clean };
}

/** Packs indexes, in any order, into ascending [first, last] pairs. */
function ranges(pieces: Iterable<number>): [number, number][] {
  const packed: [number, number][] = [];
  for (const piece of Array.from(pieces).sort((a, b) => a - b)) {
    const latest = packed[packed.length - 1];
    if (latest !== undefined && piece <= latest[1] + 1) latest[1] = piece;
    else packed.push([piece, piece]);
  }
  return packed;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function hex(checksum: number): string {
  return checksum.toString(16).padStart(8, "0");
}
