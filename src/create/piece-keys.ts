/** What a piece is made of, as a short key: equal keys mean equal bytes, as far as a file system can tell. */
import { nodeHashes } from "../platform/hashes.ts";
import { KEY_BYTES } from "./core/hash-records.ts";
import type { Hashable } from "./source.ts";
import type { PadFile, SourceFile } from "./source-file.ts";

/** Numbers that stand for a file and for its part of a piece: inode, size, mtime, ctime, offset, length. */
const NUMBERS_BYTES = 6 * 8;

/**
 * A key for each piece of a torrent, end to end: a hash over the files that the piece touches (path below the share's
 * folder, inode, size, mtime and ctime) and which bytes of each. Where the folder lies and what it is called don't
 * matter, so it may be moved; nor does the device, whose number may differ after the next start of the machine.
 */
export function pieceKeys(
  source: Pick<Hashable, "files" | "singleFile" | "totalBytes">,
  pieceLength: number,
): Uint8Array {
  const keys = new Uint8Array(Math.ceil(source.totalBytes / pieceLength) * KEY_BYTES);
  const message = new Message();
  let piece = 0;
  let room = pieceLength;
  const finish = () => {
    keys.set(nodeHashes.sha256(message.take()).subarray(0, KEY_BYTES), piece++ * KEY_BYTES);
    room = pieceLength;
  };
  for (const file of source.files) {
    const path = source.singleFile || "pad" in file ? "" : file.path.join("/");
    for (let offset = 0; offset < file.length; ) {
      const length = Math.min(room, file.length - offset);
      message.add(file, path, offset, length);
      offset += length;
      room -= length;
      if (room === 0) finish();
    }
  }
  if (room < pieceLength) finish();
  return keys;
}

const UNCHANGING = { inode: 0n, mtimeNs: 0n, ctimeNs: 0n };

/** Bytes that are put together again and again in the same memory. */
class Message {
  #bytes = Buffer.alloc(4096);
  #length = 0;

  add(file: SourceFile | PadFile, path: string, offset: number, length: number): void {
    const most = NUMBERS_BYTES + 4 + 3 * path.length;
    if (this.#length + most > this.#bytes.length) {
      this.#bytes = Buffer.concat([this.#bytes], 2 * this.#bytes.length + most);
    }
    const bytes = this.#bytes;
    let at = this.#length;
    const { inode, mtimeNs, ctimeNs } = "pad" in file ? UNCHANGING : file;
    at = bytes.writeBigUInt64LE(inode, at);
    at = bytes.writeBigInt64LE(mtimeNs, at);
    at = bytes.writeBigInt64LE(ctimeNs, at);
    at = bytes.writeDoubleLE(file.length, at);
    at = bytes.writeDoubleLE(offset, at);
    at = bytes.writeDoubleLE(length, at);
    const pathBytes = bytes.write(path, at + 4);
    bytes.writeUInt32LE(pathBytes, at);
    this.#length = at + 4 + pathBytes;
  }

  /** Valid until the next `add`. */
  take(): Uint8Array {
    const message = this.#bytes.subarray(0, this.#length);
    this.#length = 0;
    return message;
  }
}
