/** Which files of a torrent are wanted: by globs of the user's, or by the indexes of a magnet link. */
import picomatch from "picomatch";
import type { FileRange } from "../../protocol/magnet.ts";
import type { Metainfo } from "../../protocol/metainfo.ts";
import { UnsupportedError } from "../unsupported-error.ts";

export type Select = (path: readonly string[]) => boolean;

export function isWanted(
  file: { readonly pad: boolean; readonly path: readonly string[] },
  select: Select | undefined,
): boolean {
  return !file.pad && (select === undefined || select(file.path));
}

/**
 * Globs go before ranges: whoever types them means them. A glob without a slash fits names in every folder, and one that
 * fits a folder takes all that is in it.
 * @returns undefined when everything is wanted.
 * @throws {UnsupportedError} nothing is.
 */
export function selector(
  metainfo: Metainfo,
  globs: readonly string[] = [],
  ranges: readonly FileRange[] = [],
): Select | undefined {
  if (globs.length > 0) return checked(metainfo, byGlobs(globs), globs.join(" "));
  if (ranges.length > 0) return checked(metainfo, byRanges(metainfo, ranges), "what the link asks for (so=)");
  return undefined;
}

function checked(metainfo: Metainfo, select: Select, what: string): Select {
  if (metainfo.files.some((file) => isWanted(file, select))) return select;
  throw new UnsupportedError(`No file of "${metainfo.name}" fits ${what}. See its files with: share info`);
}

function byGlobs(globs: readonly string[]): Select {
  const matchers = globs.map((glob) =>
    picomatch(glob.replace(/\/+$/, ""), { dot: true, basename: !glob.includes("/") }),
  );
  return (path) =>
    path.some((_, i) => {
      const part = path.slice(0, i + 1).join("/");
      return matchers.some((matches) => matches(part));
    });
}

/** BEP 53: indexes of files as the torrent lists them, pad files counted. */
function byRanges(metainfo: Metainfo, ranges: readonly FileRange[]): Select {
  const wanted = new Set<string>();
  for (const [i, file] of metainfo.files.entries()) {
    if (ranges.some(({ first, last }) => i >= first && i <= last)) wanted.add(file.path.join("/"));
  }
  return (path) => wanted.has(path.join("/"));
}
