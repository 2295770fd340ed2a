/** The hashes outside `info` that v2 torrents carry for their larger files (BEP 52, "piece layers"). */
import type { BencodeDict } from "./bencode.ts";
import { bytesEqual, toHex, toLatin1 } from "./bytes.ts";
import type { Hashes } from "./hashes.ts";
import { merkleRoot } from "./merkle.ts";
import { badKey, type RawFile } from "./metainfo-files.ts";

const HASH_LENGTH = 32;

/**
 * Checks each layer against the root it stands for. A file's layer may be missing: peers can send it.
 * @throws {MetainfoError} on a layer of the wrong size, with the wrong root, or that no file asks for.
 */
export function checkPieceLayers(
  layers: BencodeDict,
  files: readonly RawFile[],
  pieceLength: number,
  hashes: Hashes,
): void {
  const wanted = new Map<string, { readonly root: Uint8Array; readonly size: number }>();
  for (const { piecesRoot: root, length } of files) {
    // A file of one piece has no layer: its root is the piece's hash.
    if (!root || length <= pieceLength) continue;
    const id = toLatin1(root);
    const size = Math.ceil(length / pieceLength) * HASH_LENGTH;
    if ((wanted.get(id)?.size ?? size) !== size) {
      throw badKey("info.file tree", "has one pieces root for files of different sizes");
    }
    wanted.set(id, { root, size });
  }
  for (const [id, layer] of layers) {
    const expected = wanted.get(id);
    if (!expected) throw badKey("piece layers", "has a layer that belongs to no file");
    const key = `piece layers: ${toHex(expected.root)}`;
    if (!(layer instanceof Uint8Array)) throw badKey(key, "is not a string");
    if (layer.length !== expected.size)
      throw badKey(key, `has ${layer.length} bytes instead of ${expected.size}`);
    if (!bytesEqual(merkleRoot(layer, pieceLength, hashes), expected.root)) {
      throw badKey(key, "does not match its pieces root");
    }
  }
}
