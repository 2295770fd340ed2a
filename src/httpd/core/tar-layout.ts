/**
 * TAR archives: ustar headers (POSIX.1-1988), with a pax header (POSIX.1-2001) before those that can't say everything:
 * names that are long or not ASCII, 8 GiB and more, times before 1970. The same files always give the same bytes.
 */
import { concatBytes } from "../../protocol/bytes.ts";
import { type ArchiveFile, ArchiveLayout } from "./archive-layout.ts";

const encoder = new TextEncoder();
const BLOCK = 512;
const NAME_BYTES = 100;
/** The most that eleven octal digits say. */
const MAX_OCTAL = 8 ** 11 - 1;
const REGULAR = "0";
const PAX = "x";

/** Lays out a TAR archive of `files`, in their order. */
export function planTar(files: readonly ArchiveFile[]): ArchiveLayout {
  const count = files.length;
  const literalLengths = new Float64Array(count + 1);
  for (let i = 0; i <= count; i++) {
    const file = files[i];
    // Two empty blocks end the archive.
    const head = file === undefined ? 2 * BLOCK : BLOCK + paxLength(file);
    literalLengths[i] = padding(files[i - 1]) + head;
  }
  return new ArchiveLayout({
    fileLengths: Float64Array.from(files, (file) => file.length),
    literalLengths,
    literal: (item) => {
      const file = files[item];
      const before = new Uint8Array(padding(files[item - 1]));
      return concatBytes([before, file === undefined ? new Uint8Array(2 * BLOCK) : headersOf(file, item)]);
    },
  });
}

function headersOf(file: ArchiveFile, index: number): Uint8Array {
  const name = file.path.join("/");
  const records = paxRecords(file);
  // What stands here when a pax header says it better is for readers that don't know those.
  const plain = header({
    name: name.replace(/[^ -~]/gu, "_").slice(0, NAME_BYTES),
    mode: file.executable ? 0o755 : 0o644,
    size: file.length > MAX_OCTAL ? 0 : file.length,
    mtime: Math.min(Math.max(seconds(file), 0), MAX_OCTAL),
    type: REGULAR,
  });
  if (records.length === 0) return plain;
  const pax = header({
    name: `PaxHeaders/${index}`,
    mode: 0o644,
    size: records.length,
    mtime: 0,
    type: PAX,
  });
  return concatBytes([pax, records, new Uint8Array(-records.length & (BLOCK - 1)), plain]);
}

interface Header {
  /** ASCII, at most 100 characters. */
  readonly name: string;
  readonly mode: number;
  readonly size: number;
  readonly mtime: number;
  readonly type: string;
}

function header({ name, mode, size, mtime, type }: Header): Uint8Array {
  const bytes = new Uint8Array(BLOCK);
  const text = (at: number, value: string) => encoder.encodeInto(value, bytes.subarray(at));
  const octal = (at: number, digits: number, value: number) =>
    text(at, value.toString(8).padStart(digits, "0"));
  text(0, name);
  octal(100, 7, mode);
  // Owned by nobody in particular: user and group 0, without names.
  octal(108, 7, 0);
  octal(116, 7, 0);
  octal(124, 11, size);
  octal(136, 11, mtime);
  text(148, "        ");
  text(156, type);
  text(257, "ustar\x0000");
  octal(329, 7, 0);
  octal(337, 7, 0);
  let sum = 0;
  for (const byte of bytes) sum += byte;
  text(148, `${sum.toString(8).padStart(6, "0")}\0 `);
  return bytes;
}

/** Empty when the ustar header says everything. */
function paxRecords(file: ArchiveFile): Uint8Array {
  const name = file.path.join("/");
  const isPlain = name.length <= NAME_BYTES && /^[ -~]*$/.test(name);
  const time = seconds(file);
  if (isPlain && file.length <= MAX_OCTAL && time >= 0 && time <= MAX_OCTAL) return new Uint8Array(0);
  const records: Uint8Array[] = [];
  if (!isPlain) records.push(record("path", name));
  if (file.length > MAX_OCTAL) records.push(record("size", String(file.length)));
  if (time < 0 || time > MAX_OCTAL) records.push(record("mtime", String(time)));
  return concatBytes(records);
}

/** `LENGTH key=value\n`, where the length counts itself. */
function record(key: string, value: string): Uint8Array {
  const rest = encoder.encode(` ${key}=${value}\n`);
  let length = rest.length + 1;
  while (String(length).length + rest.length > length) length++;
  return concatBytes([encoder.encode(String(length)), rest]);
}

/** The pax header and its records, in whole blocks. */
function paxLength(file: ArchiveFile): number {
  const { length } = paxRecords(file);
  return length === 0 ? 0 : BLOCK + Math.ceil(length / BLOCK) * BLOCK;
}

/** What fills the last block of a file. */
function padding(file: ArchiveFile | undefined): number {
  return file === undefined ? 0 : (BLOCK - (file.length % BLOCK)) % BLOCK;
}

/** Since 1970, rounded down. */
function seconds(file: ArchiveFile): number {
  return Math.floor(Number(file.mtimeNs / 1_000_000n) / 1000);
}
