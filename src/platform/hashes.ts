import { createHash } from "node:crypto";
import type { Hashes } from "../protocol/hashes.ts";

/** SHA-1 and SHA-256 of Node's crypto library. */
export const nodeHashes: Hashes = {
  sha1: (bytes) => plain(createHash("sha1").update(bytes).digest()),
  sha256: (bytes) => plain(createHash("sha256").update(bytes).digest()),
};

/** A digest without Buffer's own methods, so that equality and `slice` mean the same everywhere. */
function plain(digest: Buffer): Uint8Array {
  return new Uint8Array(digest.buffer, digest.byteOffset, digest.byteLength);
}
