/**
 * Reads what a publisher says of a torrent that it is still making: a line of JSON each (ARCHITECTURE.md has the format).
 * Bounded, and nothing in it is trusted.
 */
import { BoojumError } from "../../protocol/errors.ts";

/** What was said is none of this, or of another version. */
export class HashLinesError extends BoojumError {
  constructor(problem: string) {
    super("hashes", `What the publisher tells of its hashes can't be read: ${problem}.`);
  }
}

/** A file of the torrent to be. */
export interface EarlyFile {
  readonly path: readonly string[];
  readonly bytes: number;
  readonly executable: boolean;
  readonly mtime?: number;
  readonly symlink?: readonly string[];
  /** An empty folder, no file. */
  readonly folder?: boolean;
}

/** What the torrent is going to be, all but its hashes. */
export interface EarlyHead {
  readonly name: string;
  readonly oneFile: boolean;
  readonly pieceLength: number;
  readonly private: boolean;
  readonly unlisted: boolean;
  readonly token: string | undefined;
  /** Relative to where this was read from. */
  readonly webSeed: string;
  readonly files: readonly EarlyFile[];
}

export interface HashLinesEvents {
  /** Once, before anything else. */
  head(head: EarlyHead): void;
  /** SHA-1 of pieces from `from` on, 20 bytes each; in order, without gaps. */
  hashes(from: number, sha1: Uint8Array): void;
  /** The torrent is there. */
  done(infoHash: string): void;
  /** There will be none. */
  failed(message: string): void;
}

const VERSION = 1;
const MAX_LINE = 256 * 1024;
/** Of a torrent at most so many; see `parse-metainfo.ts`, which judges the rest. */
const MAX_FILES = 500_000;
const MAX_HEAD = 32 * 1024 * 1024;

type Fields = Readonly<Record<string, unknown>>;
type Opening = Omit<EarlyHead, "files"> & { readonly count: number };

/** Takes bytes as they come and tells what they say. @throws {HashLinesError} from `push`. */
export class HashLines {
  readonly #events: HashLinesEvents;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });
  #rest = "";
  #opening: Opening | undefined;
  #files: EarlyFile[] = [];
  #headBytes = 0;
  #next = 0;

  constructor(events: HashLinesEvents) {
    this.#events = events;
  }

  push(bytes: Uint8Array): void {
    const text = this.#decode(bytes);
    let at = 0;
    // What came before is looked at once, when its line is whole: a byte at a time would cost the square of the line.
    for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", at)) {
      const line = this.#rest + text.slice(at, end);
      this.#rest = "";
      if (line.length > 0) this.#line(line);
      at = end + 1;
    }
    this.#rest += text.slice(at);
    if (this.#rest.length > MAX_LINE) throw new HashLinesError("a line is too long");
  }

  #decode(bytes: Uint8Array): string {
    try {
      return this.#decoder.decode(bytes, { stream: true });
    } catch {
      throw new HashLinesError("it is no text");
    }
  }

  #line(line: string): void {
    const fields = parse(line);
    if (this.#opening === undefined) this.#opening = readOpening(fields);
    else if (this.#files.length < this.#opening.count) this.#file(line.length, fields, this.#opening);
    else if (typeof fields["sha1"] === "string") this.#hashes(fields["from"], fields["sha1"]);
    else if (typeof fields["infoHash"] === "string") this.#events.done(fields["infoHash"]);
    else if (typeof fields["error"] === "string") this.#events.failed(fields["error"]);
    // Anything else is of a later version, which may say more.
  }

  #file(length: number, fields: Fields, { count, ...opening }: Opening): void {
    this.#headBytes += length;
    if (this.#headBytes > MAX_HEAD) throw new HashLinesError("it has too many files");
    this.#files.push(readFile(fields));
    if (this.#files.length === count) this.#events.head({ ...opening, files: this.#files });
  }

  #hashes(from: unknown, sha1: string): void {
    if (from !== this.#next) throw new HashLinesError("its hashes are out of order");
    const bytes = decodeBase64(sha1);
    if (bytes.length === 0 || bytes.length % 20 !== 0) throw new HashLinesError("a hash is cut off");
    this.#next += bytes.length / 20;
    this.#events.hashes(from, bytes);
  }
}

function decodeBase64(text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  } catch {
    throw new HashLinesError("a hash is cut off");
  }
}

function parse(line: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new HashLinesError("a line is no JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new HashLinesError("a line is no object");
  return Object.fromEntries(Object.entries(value));
}

function readOpening(fields: Fields): Opening {
  const { hashes, name, oneFile, pieceLength, files, token, webSeed } = fields;
  if (hashes !== VERSION) throw new HashLinesError("it is of another version");
  if (typeof name !== "string" || typeof oneFile !== "boolean" || typeof webSeed !== "string")
    throw new HashLinesError("its first line lacks something");
  if (!isCount(pieceLength) || pieceLength === 0) throw new HashLinesError("its pieces have no length");
  if (!isCount(files) || files === 0 || files > MAX_FILES)
    throw new HashLinesError("it has too many files, or none");
  return {
    name,
    oneFile,
    pieceLength,
    private: fields["private"] === true,
    unlisted: fields["unlisted"] === true,
    token: typeof token === "string" ? token : undefined,
    webSeed,
    count: files,
  };
}

function readFile({ path, bytes, executable, mtime, symlink, folder }: Fields): EarlyFile {
  if (!isPath(path)) throw new HashLinesError("a file has no path");
  if (!isCount(bytes)) throw new HashLinesError("a file has no size");
  return {
    ...{ path, bytes, executable: executable === true },
    ...(isCount(mtime) && { mtime }),
    ...(isPath(symlink) && { symlink }),
    ...(folder === true && { folder }),
  };
}

function isPath(value: unknown): value is string[] {
  return Array.isArray(value) && value.length > 0 && value.every((name) => typeof name === "string");
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
