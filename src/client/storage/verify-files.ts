/** Compares files with a torrent, wherever they lie; reads each byte once and writes nothing. */
import { createHash, type Hash } from "node:crypto";
import { join } from "node:path";
import { type FileSystem, systemErrorCode, systemFiles } from "../../platform/file-system.ts";
import { bytesEqual } from "../../protocol/bytes.ts";
import { PieceLayout } from "../../protocol/layout.ts";
import type { Metainfo, TorrentFile } from "../../protocol/metainfo.ts";
import { type FileVerdict, judgeFiles, type PieceFinding } from "../core/file-verdicts.ts";
import { storageError } from "../errors.ts";

export interface VerifyFilesOptions {
  /** Must have a v1 part. */
  readonly metainfo: Metainfo;
  /** The file or folder itself, whatever it is called. */
  readonly path: string;
  /** Compute a SHA-256 of each file, too. */
  readonly digests: boolean;
  readonly onProgress: (bytesDone: number, bytesTotal: number) => void;
  /** For tests. */
  readonly files?: FileSystem;
}

export interface VerifiedFile extends FileVerdict {
  /** Below `path`; NAME of a one-file torrent. */
  readonly path: readonly string[];
  /** The name under which it was found, if that isn't ours but the torrent's own. */
  readonly foundPath: readonly string[];
  /** Bytes that it should have. */
  readonly bytes: number;
  /** SHA-256 of a good file, when it was asked for. */
  readonly digest?: Uint8Array;
}

const SLICE = 1024 * 1024;

/**
 * @returns what was found of each file, in the torrent's order; pad files and symbolic links (BEP 47) are left out.
 * @throws {StorageError} a file can't be read, although it is there.
 */
export async function verifyFiles(
  options: VerifyFilesOptions,
  signal: AbortSignal,
): Promise<readonly VerifiedFile[]> {
  const { metainfo } = options;
  const verifier = new Verifier(options, signal);
  const sizes: (number | undefined)[] = [];
  const digests: (Uint8Array | undefined)[] = [];
  const found: (readonly string[])[] = [];
  for (const file of metainfo.files) {
    const isOnDisk = !file.pad && file.symlink === undefined;
    const one = isOnDisk ? await verifier.file(file) : verifier.pad(file.length);
    sizes.push(one.size);
    digests.push(one.digest);
    found.push(one.path ?? file.path);
  }
  const verdicts = judgeFiles(
    verifier.layout,
    metainfo.files.map(({ length }, i) => ({ length, size: sizes[i] })),
    verifier.findings,
  );
  return metainfo.files.flatMap(({ path, length, pad, symlink }, i) => {
    const [verdict, digest] = [verdicts[i], digests[i]];
    if (pad || symlink !== undefined || verdict === undefined) return [];
    const isProved = verdict.state === "good" && digest !== undefined;
    const foundPath = found[i] ?? path;
    return [{ path, foundPath, bytes: length, ...verdict, ...(isProved && { digest }) }];
  });
}

interface Found {
  /** Undefined: nothing is there, or something that is no file. */
  readonly size: number | undefined;
  readonly digest?: Uint8Array;
  readonly path?: readonly string[];
}

class Verifier {
  readonly layout: PieceLayout;
  readonly findings: PieceFinding[] = [];
  readonly #options: VerifyFilesOptions;
  readonly #signal: AbortSignal;
  readonly #fs: FileSystem;
  /** One is read into while the other is hashed. */
  #reading = new Uint8Array(SLICE);
  #spare = new Uint8Array(SLICE);
  #piece: Hash = createHash("sha1");
  #inPiece = 0;
  #isAbsent = false;
  #isBlank = true;
  #done = 0;

  constructor(options: VerifyFilesOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
    this.#fs = options.files ?? systemFiles;
    const { files, pieceLength } = options.metainfo;
    this.layout = new PieceLayout(
      files.map(({ length }) => length),
      pieceLength,
    );
  }

  /** Zeros that are on no disk. */
  pad(length: number): Found {
    const zeros = new Uint8Array(Math.min(length, SLICE));
    for (let left = length; left > 0; left -= SLICE) this.#take(zeros.subarray(0, Math.min(left, SLICE)));
    return { size: length };
  }

  async file(file: TorrentFile): Promise<Found> {
    const { metainfo, path: root } = this.#options;
    for (const path of namesOf(file)) {
      const absolute = metainfo.singleFile ? root : join(root, ...path);
      try {
        const descriptor = await this.#open(absolute);
        if (descriptor === undefined) continue;
        try {
          return { path, ...(await this.#read(descriptor, file.length)) };
        } finally {
          await this.#fs.close(descriptor);
        }
      } catch (error) {
        if (this.#signal.aborted) throw this.#signal.reason;
        throw storageError(absolute, "read", error);
      }
    }
    this.#skip(file.length);
    return { size: undefined };
  }

  async #open(path: string): Promise<number | undefined> {
    try {
      const descriptor = await this.#fs.open(path, "read");
      if (this.#fs.fstatSync(descriptor).kind === "file") return descriptor;
      await this.#fs.close(descriptor);
      return undefined;
    } catch (error) {
      if (["ENOENT", "ENOTDIR", "EISDIR", "ENXIO", "ELOOP"].includes(systemErrorCode(error) ?? ""))
        return undefined;
      throw error;
    }
  }

  async #read(descriptor: number, length: number): Promise<Found> {
    const { size } = this.#fs.fstatSync(descriptor);
    const digest = this.#options.digests ? createHash("sha256") : undefined;
    const there = Math.min(size, length);
    let at = 0;
    let next = this.#fill(descriptor, 0, there);
    while (at < there) {
      const count = await next;
      this.#signal.throwIfAborted();
      // It was cut off while it was read.
      if (count === 0) break;
      const bytes = this.#reading.subarray(0, count);
      at += count;
      [this.#reading, this.#spare] = [this.#spare, this.#reading];
      next = at < there ? this.#fill(descriptor, at, there) : Promise.resolve(0);
      this.#take(bytes);
      digest?.update(bytes);
    }
    this.#skip(length - at);
    return { size: at < there ? at : size, ...(digest !== undefined && { digest: digest.digest() }) };
  }

  async #fill(descriptor: number, at: number, end: number): Promise<number> {
    if (at >= end) return 0;
    return await this.#fs.readv(descriptor, [this.#reading.subarray(0, Math.min(SLICE, end - at))], at);
  }

  /** The next bytes of the torrent are these. */
  #take(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + this.#leftInPiece());
      this.#piece.update(part);
      this.#isBlank &&= isZero(part);
      at += part.length;
      this.#advance(part.length);
    }
  }

  /** The next bytes of the torrent aren't there. */
  #skip(count: number): void {
    for (let left = count; left > 0; ) {
      const part = Math.min(left, this.#leftInPiece());
      this.#isAbsent = true;
      left -= part;
      this.#advance(part);
    }
  }

  #leftInPiece(): number {
    return this.layout.pieceSize(this.findings.length) - this.#inPiece;
  }

  #advance(count: number): void {
    this.#inPiece += count;
    this.#done += count;
    if (this.#leftInPiece() > 0) return;
    this.findings.push(this.#judge());
    this.#piece = createHash("sha1");
    this.#inPiece = 0;
    this.#isAbsent = false;
    this.#isBlank = true;
    this.#options.onProgress(this.#done, this.layout.totalLength);
  }

  #judge(): PieceFinding {
    if (this.#isAbsent) return "absent";
    const at = 20 * this.findings.length;
    const expected = this.#options.metainfo.pieceHashes.subarray(at, at + 20);
    if (bytesEqual(this.#piece.digest(), expected)) return "good";
    return this.#isBlank ? "blank" : "bad";
  }
}

/** As we would write it, and as the torrent says it: other programs keep names that aren't good everywhere. */
export function namesOf({ path, rawPath }: TorrentFile): readonly (readonly string[])[] {
  const isPlain = rawPath.every((name) => !/^\.{0,2}$|[/\\\0]/.test(name));
  return isPlain && rawPath.join("/") !== path.join("/") ? [path, rawPath] : [path];
}

const ZEROS = new Uint8Array(SLICE);

function isZero(bytes: Uint8Array): boolean {
  return bytes[0] === 0 && Buffer.compare(bytes, ZEROS.subarray(0, bytes.length)) === 0;
}
