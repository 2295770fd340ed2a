import type { InfoContent, InfoFile } from "../protocol/write-metainfo.ts";
import { comparePaths } from "./core/order.ts";
import type { Source } from "./source.ts";
import type { SourceFile } from "./source-file.ts";

/** What the torrent of `source` says of its files: links stand among them, where their names belong. */
export function contentOf(source: Source, times: boolean): InfoContent {
  const [first] = source.files;
  if (source.singleFile && first !== undefined) return infoFile(first, times);
  const files = source.files.map((file) => infoFile(file, times));
  for (const { path, target } of source.links) files.push({ path, length: 0, symlink: target });
  if (source.links.length > 0) files.sort((a, b) => comparePaths(a.path, b.path));
  return { files, folders: source.emptyFolders };
}

function infoFile({ path, length, executable, mtimeNs }: SourceFile, times: boolean): InfoFile {
  if (!times) return { path, length, executable };
  const mtime = Number(mtimeNs / 1_000_000_000n);
  // Before 1970 there is nothing to tell: readers take no such time.
  return { path, length, executable, ...(mtime > 0 && { mtime }) };
}
