/** Names and paths of what is published together. */
import { realpath, stat } from "node:fs/promises";
import { basename, extname, resolve } from "node:path";
import { CreateOptionError, SourceError } from "../../create/errors.ts";
import { checkShareName } from "../../create/scan.ts";

/** Brings the data into place. `onBytes` is told how many have come. */
export type Fill = (onBytes: (bytes: number) => void, signal: AbortSignal) => Promise<void>;

export interface PublishedPath {
  /** As the user means it: the last part is the share's name unless another is given. */
  readonly path: string;
  /** Where it really is: what its ID is remembered by. */
  readonly realPath: string;
  readonly name: string;
  readonly oneFile: boolean;
  /** Nothing is there before this has brought it. */
  readonly fill?: Fill;
}

/**
 * Looks at what is to be published, before anything is opened or hashed. Something given twice is taken once.
 * @throws {SourceError} something isn't there.
 * @throws {CreateOptionError} something has no name, or a name was asked for several.
 */
export async function lookAtPaths(
  paths: readonly string[],
  name: string | undefined,
): Promise<readonly PublishedPath[]> {
  if (name !== undefined) checkShareName(name);
  const found = new Map<string, PublishedPath>();
  for (const path of paths) {
    const looked = await look(resolve(path), name);
    if (!found.has(looked.realPath)) found.set(looked.realPath, looked);
  }
  if (name !== undefined && found.size > 1) {
    throw new CreateOptionError("--name can name one share only: publish one path, or leave it out.");
  }
  return withUniqueNames([...found.values()]);
}

async function look(path: string, name: string | undefined): Promise<PublishedPath> {
  try {
    const [realPath, stats] = await Promise.all([realpath(path), stat(path)]);
    const own = name ?? basename(path);
    if (own === "") throw new CreateOptionError(`"${path}" has no name of its own: choose one with --name.`);
    return { path, realPath, name: own, oneFile: stats.isFile() };
  } catch (cause) {
    if (cause instanceof CreateOptionError) throw cause;
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    const why = code === "ENOENT" ? "there is no such file or folder" : `it can't be read (${String(code)})`;
    throw new SourceError(path, `Can't publish "${path}": ${why}.`, { cause });
  }
}

/** The second of one name gets ` (2)`, before a file's extension, so that it still opens with the right program. */
export function withUniqueNames(paths: readonly PublishedPath[]): readonly PublishedPath[] {
  const taken = new Set<string>();
  return paths.map((path) => {
    const extension = path.oneFile ? extname(path.name) : "";
    const stem = path.name.slice(0, path.name.length - extension.length);
    let name = path.name;
    for (let n = 2; taken.has(name); n++) name = `${stem} (${n})${extension}`;
    taken.add(name);
    return { ...path, name };
  });
}
