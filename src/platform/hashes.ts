import { hash } from "node:crypto";
import type { Hashes } from "../protocol/hashes.ts";

/** SHA-1 and SHA-256 of Node's crypto library. */
export const nodeHashes: Hashes = {
  sha1: (bytes) => plain(hash("sha1", bytes, "buffer")),
  sha256: (bytes) => plain(hash("sha256", bytes, "buffer")),
};

/** A digest without Buffer's own methods, so that equality and `slice` mean the same everywhere. */
function plain(digest: Buffer): Uint8Array {
  return new Uint8Array(digest.buffer, digest.byteOffset, digest.byteLength);
}
