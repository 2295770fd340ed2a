/**
 * ZIP archives (PKWARE's APPNOTE 6.3.10), stored, not compressed. Sizes are known before any file is read; CRC-32s
 * stand behind the data (4.3.9) and in the directory at the end. The same files always give the same bytes.
 */
import { type ArchiveFile, ArchiveLayout, type FileSpan } from "./archive-layout.ts";

const encoder = new TextEncoder();

/** What doesn't fit into a field is in the ZIP64 fields, and this stands in its place (4.4.1.4). */
const MAX_16 = 0xffff;
const MAX_32 = 0xffffffff;
/** CRC and sizes follow the data; the name is UTF-8 (4.4.4). */
const FLAGS = 0x0808;
/** Data descriptors, and ZIP64 (4.4.3.2). */
const VERSION_PLAIN = 20;
const VERSION_ZIP64 = 45;
/** Attributes are those of Unix (4.4.2). */
const MADE_ON_UNIX = 3 << 8;
/** Entries in one literal of the directory: about 100 KB. */
const ENTRIES_AT_ONCE = 1_000;
const TIME_EXTRA = 9;
const SIZES_EXTRA = 20;
const NONE: FileSpan = { from: 0, to: 0 };

/** What the headers of one file are made from. */
interface Entry {
  readonly file: ArchiveFile;
  readonly name: Uint8Array;
  /** Where its local header begins. */
  readonly offset: number;
}

/** Lays out a ZIP archive of `files`, in their order. */
export function planZip(files: readonly ArchiveFile[]): ArchiveLayout {
  const count = files.length;
  const offsets = new Float64Array(count);
  const nameOf = (file: ArchiveFile) => encoder.encode(file.path.join("/"));
  const chunks = Math.max(1, Math.ceil(count / ENTRIES_AT_ONCE));
  // One before each file; descriptor of the last one; the directory in chunks; its end.
  const literalLengths = new Float64Array(count + 1 + chunks + 1);
  let at = 0;
  let directorySize = 0;
  for (const [i, file] of files.entries()) {
    const before = files[i - 1];
    const descriptor = before === undefined ? 0 : descriptorLength(before);
    const nameLength = nameOf(file).length;
    offsets[i] = at + descriptor;
    const header = 30 + nameLength + (isLarge(file) ? SIZES_EXTRA : 0) + timeExtraLength(file);
    literalLengths[i] = descriptor + header;
    at += descriptor + header + file.length;
    const entry = 46 + nameLength + sizesAndOffsetLength(file, offsets[i] ?? 0) + timeExtraLength(file);
    const chunk = count + 1 + Math.floor(i / ENTRIES_AT_ONCE);
    literalLengths[chunk] = (literalLengths[chunk] ?? 0) + entry;
    directorySize += entry;
  }
  const last = files.at(-1);
  literalLengths[count] = last === undefined ? 0 : descriptorLength(last);
  const end = endOfDirectory(count, directorySize, at + (literalLengths[count] ?? 0));
  literalLengths[literalLengths.length - 1] = end.length;

  const entry = (i: number): Entry => {
    const file = fileAt(files, i);
    return { file, name: nameOf(file), offset: offsets[i] ?? 0 };
  };
  const chunkOf = (item: number): FileSpan => {
    const from = (item - count - 1) * ENTRIES_AT_ONCE;
    return { from, to: Math.min(count, from + ENTRIES_AT_ONCE) };
  };
  const isEnd = (item: number) => item === literalLengths.length - 1;
  return new ArchiveLayout({
    fileLengths: Float64Array.from(files, (file) => file.length),
    literalLengths,
    crcsIn: (item) => {
      if (item <= count) return item === 0 ? NONE : { from: item - 1, to: item };
      return isEnd(item) ? NONE : chunkOf(item);
    },
    literal: (item, crcs) => {
      const bytes = new Writer(literalLengths[item] ?? 0);
      if (item <= count) {
        if (item > 0) writeDescriptor(bytes, fileAt(files, item - 1), crcs[item - 1] ?? 0);
        if (item < count) writeLocalHeader(bytes, entry(item));
      } else if (isEnd(item)) return end;
      else {
        const { from, to } = chunkOf(item);
        for (let i = from; i < to; i++) writeDirectoryEntry(bytes, entry(i), crcs[i] ?? 0);
      }
      return bytes.bytes;
    },
  });
}

/** 4.3.7; with bit 3, sizes and CRC are zero here (4.4.4). */
function writeLocalHeader(to: Writer, { file, name }: Entry): void {
  const large = isLarge(file);
  to.u32(0x04034b50).u16(large ? VERSION_ZIP64 : VERSION_PLAIN);
  to.u16(FLAGS).u16(0).u32(dosTime(file)).u32(0);
  to.u32(large ? MAX_32 : 0).u32(large ? MAX_32 : 0);
  to.u16(name.length).u16((large ? SIZES_EXTRA : 0) + timeExtraLength(file));
  to.raw(name);
  // Tells readers of a stream that the sizes behind the data have 8 bytes (4.3.9.2).
  if (large) to.u16(1).u16(16).u64(0).u64(0);
  writeTimeExtra(to, file);
}

/** 4.3.9, with the signature that readers have come to expect. */
function writeDescriptor(to: Writer, file: ArchiveFile, crc: number): void {
  to.u32(0x08074b50).u32(crc);
  if (isLarge(file)) to.u64(file.length).u64(file.length);
  else to.u32(file.length).u32(file.length);
}

/** 4.3.12 and 4.5.3. */
function writeDirectoryEntry(to: Writer, { file, name, offset }: Entry, crc: number): void {
  const large = isLarge(file);
  const far = offset >= MAX_32;
  const extra = sizesAndOffsetLength(file, offset);
  const version = large || far ? VERSION_ZIP64 : VERSION_PLAIN;
  to.u32(0x02014b50).u16(MADE_ON_UNIX | version);
  to.u16(version).u16(FLAGS).u16(0).u32(dosTime(file)).u32(crc);
  to.u32(large ? MAX_32 : file.length).u32(large ? MAX_32 : file.length);
  to.u16(name.length).u16(extra + timeExtraLength(file));
  // No comment, disk 0, no internal attributes; a regular file with these permissions.
  to.u16(0).u16(0).u16(0);
  to.u32((file.executable ? 0o100755 : 0o100644) * 0x10000).u32(far ? MAX_32 : offset);
  to.raw(name);
  if (extra > 0) to.u16(1).u16(extra - 4);
  if (large) to.u64(file.length).u64(file.length);
  if (far) to.u64(offset);
  writeTimeExtra(to, file);
}

/** 4.3.14 to 4.3.16. */
function endOfDirectory(count: number, size: number, offset: number): Uint8Array {
  const isZip64 = count >= MAX_16 || size >= MAX_32 || offset >= MAX_32;
  const to = new Writer(22 + (isZip64 ? 56 + 20 : 0));
  if (isZip64) {
    to.u32(0x06064b50).u64(44);
    to.u16(MADE_ON_UNIX | VERSION_ZIP64).u16(VERSION_ZIP64);
    to.u32(0).u32(0).u64(count).u64(count).u64(size).u64(offset);
    to.u32(0x07064b50)
      .u32(0)
      .u64(offset + size)
      .u32(1);
  }
  const shown = Math.min(count, MAX_16);
  to.u32(0x06054b50).u16(0).u16(0).u16(shown).u16(shown);
  to.u32(Math.min(size, MAX_32)).u32(Math.min(offset, MAX_32)).u16(0);
  return to.bytes;
}

function isLarge(file: ArchiveFile): boolean {
  return file.length >= MAX_32;
}

function descriptorLength(file: ArchiveFile): number {
  return isLarge(file) ? 24 : 16;
}

function sizesAndOffsetLength(file: ArchiveFile, offset: number): number {
  const fields = (isLarge(file) ? 16 : 0) + (offset >= MAX_32 ? 8 : 0);
  return fields === 0 ? 0 : 4 + fields;
}

/** Info-ZIP's extended timestamp, which is in UTC and to the second; no use for times that 31 bits can't hold. */
function timeExtraLength(file: ArchiveFile): number {
  const time = seconds(file);
  return time >= 0 && time < 2 ** 31 ? TIME_EXTRA : 0;
}

function writeTimeExtra(to: Writer, file: ArchiveFile): void {
  if (timeExtraLength(file) > 0) to.u16(0x5455).u16(5).u8(1).u32(seconds(file));
}

function seconds(file: ArchiveFile): number {
  const whole = file.mtimeNs / 1_000_000_000n;
  return Number(file.mtimeNs < 0n && whole * 1_000_000_000n !== file.mtimeNs ? whole - 1n : whole);
}

/** Date and time of MS-DOS (4.4.6), 1980 to 2107. It has no time zone; UTC makes it the same everywhere. */
function dosTime(file: ArchiveFile): number {
  const date = new Date(Math.min(Math.max(seconds(file), DOS_FIRST), DOS_LAST) * 1000);
  const day = ((date.getUTCFullYear() - 1980) << 9) | ((date.getUTCMonth() + 1) << 5) | date.getUTCDate();
  const time = (date.getUTCHours() << 11) | (date.getUTCMinutes() << 5) | (date.getUTCSeconds() >> 1);
  return day * 0x10000 + time;
}

const DOS_FIRST = Date.UTC(1980, 0, 1) / 1000;
const DOS_LAST = Date.UTC(2107, 11, 31, 23, 59, 58) / 1000;

function fileAt(files: readonly ArchiveFile[], index: number): ArchiveFile {
  const file = files[index];
  if (file === undefined) throw new RangeError(`an archive has no file ${index}`);
  return file;
}

/** Fills an array of known length, little-endian. */
class Writer {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(length: number) {
    this.bytes = new Uint8Array(length);
    this.#view = new DataView(this.bytes.buffer);
  }

  u8(value: number): this {
    this.#view.setUint8(this.#at++, value);
    return this;
  }

  u16(value: number): this {
    this.#view.setUint16(this.#at, value, true);
    this.#at += 2;
    return this;
  }

  u32(value: number): this {
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
    return this;
  }

  u64(value: number): this {
    return this.u32(value % 2 ** 32).u32(Math.floor(value / 2 ** 32));
  }

  raw(value: Uint8Array): this {
    this.bytes.set(value, this.#at);
    this.#at += value.length;
    return this;
  }
}
