import { dirname } from "node:path";
import type { FileSystem } from "../../platform/file-system.ts";
import { systemErrorCode } from "../../platform/file-system.ts";
import { storageError } from "../errors.ts";
import { type Checkpoint, StateEncoder, type StateHeader } from "./resume.ts";

/** A state larger than this is not ours: 2 million pieces in single ranges and a million files need less. */
const LARGEST = 256 * 1024 * 1024;

/** The state of one download on disk: `resume.ts` says what is in it. */
export class StateFile {
  readonly #fs: FileSystem;
  readonly #path: string;
  readonly #encoder: StateEncoder;
  readonly #descriptor: number;
  #end: number;

  private constructor(fs: FileSystem, path: string, encoder: StateEncoder, descriptor: number, end: number) {
    this.#fs = fs;
    this.#path = path;
    this.#encoder = encoder;
    this.#descriptor = descriptor;
    this.#end = end;
  }

  /** Puts a new state in the place of any that is there, in one step. */
  static async create(
    fs: FileSystem,
    path: string,
    header: StateHeader,
    base: Checkpoint,
    lost: Iterable<number> = [],
  ): Promise<StateFile> {
    const draft = `${path}.new`;
    try {
      await removeFile(fs, draft);
      const descriptor = await fs.open(draft, "createNew");
      try {
        const encoder = new StateEncoder();
        const records = [encoder.header(header), encoder.checkpoint(base)];
        const still = [...lost];
        if (still.length > 0) records.push(encoder.lost(still));
        const bytes = Buffer.concat(records);
        await writeAll(fs, descriptor, bytes, 0);
        await fs.fsync(descriptor);
        await fs.rename(draft, path);
        await syncFolder(fs, dirname(path));
        return new StateFile(fs, path, encoder, descriptor, bytes.length);
      } catch (error) {
        fs.closeSync(descriptor);
        throw error;
      }
    } catch (error) {
      throw storageError(path, "write", error);
    }
  }

  /** Adds a record and makes it durable. After a failure the next one takes its place. */
  async append(checkpoint: Checkpoint): Promise<void> {
    await this.#add(() => this.#encoder.checkpoint(checkpoint));
  }

  async #add(encode: () => Uint8Array): Promise<void> {
    const forget = this.#encoder.mark();
    try {
      const bytes = encode();
      await writeAll(this.#fs, this.#descriptor, bytes, this.#end);
      await this.#fs.fsync(this.#descriptor);
      this.#end += bytes.length;
    } catch (error) {
      forget();
      throw storageError(this.#path, "write", error);
    }
  }

  /** Of a provisional torrent: its info hash became known, and of its pieces just these are what they should be. */
  async identify(infoHash: string, pieces: Iterable<number>): Promise<void> {
    await this.#add(() => this.#encoder.identified(infoHash, pieces));
  }

  /** The system failed to write these pieces: whatever they look like, they aren't there. */
  async lose(pieces: Iterable<number>): Promise<void> {
    await this.#add(() => this.#encoder.lost(pieces));
  }

  async close(): Promise<void> {
    await this.#fs.close(this.#descriptor);
  }
}

/** @returns undefined when there is none, or no regular file; no bytes when it is too large for a state, or the disk lost it. */
export async function readState(fs: FileSystem, path: string): Promise<Uint8Array | undefined> {
  let descriptor: number;
  try {
    descriptor = await fs.open(path, "readOwn");
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "ENOENT" || code === "ELOOP") return undefined;
    throw storageError(path, "read", error);
  }
  try {
    const { kind, size } = await fs.fstat(descriptor);
    if (kind !== "file") return undefined;
    if (size > LARGEST) return new Uint8Array(0);
    const bytes = new Uint8Array(size);
    let length = 0;
    while (length < size) {
      const count = await fs.readv(descriptor, [bytes.subarray(length)], length);
      if (count === 0) break;
      length += count;
    }
    return bytes.subarray(0, length);
  } catch (error) {
    // As good as damaged: what it was about can be found out without it.
    if (systemErrorCode(error) === "EIO") return new Uint8Array(0);
    throw storageError(path, "read", error);
  } finally {
    fs.closeSync(descriptor);
  }
}

/** Removes a file that may not be there. */
export async function removeFile(fs: FileSystem, path: string): Promise<void> {
  try {
    await fs.unlink(path);
  } catch (error) {
    if (systemErrorCode(error) !== "ENOENT") throw error;
  }
}

/** What systems say that sync no folders, or not this one: read-only, virtual, on a network. */
const unsyncable: ReadonlySet<string> = new Set([
  "EPERM",
  "EINVAL",
  "EISDIR",
  "EBADF",
  "EROFS",
  "ENOSYS",
  "ENOTSUP",
]);

/** Makes the names in a folder durable, where the system can do that. */
export async function syncFolder(fs: FileSystem, path: string): Promise<void> {
  let descriptor: number;
  try {
    descriptor = await fs.open(path, "read");
  } catch (error) {
    // Windows opens no folders; names are durable there by journal. Some folders may be passed through, but not read.
    const code = systemErrorCode(error);
    if (code === "EPERM" || code === "EACCES" || code === "EISDIR") return;
    throw error;
  }
  try {
    await fs.fsync(descriptor);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === undefined || !unsyncable.has(code)) throw error;
  } finally {
    fs.closeSync(descriptor);
  }
}

async function writeAll(
  fs: FileSystem,
  descriptor: number,
  bytes: Uint8Array,
  position: number,
): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += await fs.write(descriptor, bytes.subarray(at), position + at);
}
