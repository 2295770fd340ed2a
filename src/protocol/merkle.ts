/** Merkle trees over SHA-256 (BEP 52, "file tree" and "piece layers"). */
import type { Hashes } from "./hashes.ts";

/** Bytes under one leaf of the tree. */
const LEAF_LENGTH = 16_384;
const HASH_LENGTH = 32;

/**
 * The root of a file's tree from the hashes of one of its layers.
 * @param layer hashes end to end, 32 bytes each; at least one.
 * @param bytesPerHash how much of the file each hash covers: a power of two, 16 KiB or more. Missing hashes at the end
 *   are those of a tree whose leaves are all zero, as BEP 52 wants.
 */
export function merkleRoot(layer: Uint8Array, bytesPerHash: number, hashes: Hashes): Uint8Array {
  const pair = new Uint8Array(2 * HASH_LENGTH);
  let padding = new Uint8Array(HASH_LENGTH) as Uint8Array; // as: TypeScript infers a narrower buffer than digests have
  for (let covered = LEAF_LENGTH; covered < bytesPerHash; covered *= 2) padding = joined(padding, padding);
  let current = layer;
  while (current.length > HASH_LENGTH) {
    const count = current.length / HASH_LENGTH;
    const above = new Uint8Array(Math.ceil(count / 2) * HASH_LENGTH);
    for (let i = 0; i < count; i += 2) {
      const left = current.subarray(i * HASH_LENGTH, (i + 1) * HASH_LENGTH);
      const right = i + 1 < count ? current.subarray((i + 1) * HASH_LENGTH, (i + 2) * HASH_LENGTH) : padding;
      above.set(joined(left, right), (i / 2) * HASH_LENGTH);
    }
    padding = joined(padding, padding);
    current = above;
  }
  return current;

  function joined(left: Uint8Array, right: Uint8Array): Uint8Array {
    pair.set(left);
    pair.set(right, HASH_LENGTH);
    return hashes.sha256(pair);
  }
}
