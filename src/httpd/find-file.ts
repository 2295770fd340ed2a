/** Files of a share by what a request calls them. */
import type { Share, SharedFile } from "./model.ts";

/** File lists and their indexes by path, made when first asked for. */
const indexes = new WeakMap<readonly SharedFile[], ReadonlyMap<string, SharedFile>>();

/** The file with exactly this path, or nothing: no path from a request ever reaches the disk. */
export function findFile(share: Share, path: readonly string[]): SharedFile | undefined {
  let index = indexes.get(share.files);
  if (index === undefined) {
    index = new Map(share.files.map((file) => [file.path.join("/"), file]));
    indexes.set(share.files, index);
  }
  return index.get(path.join("/"));
}
