import picomatch from "picomatch";
import { CreateOptionError } from "./errors.ts";

/**
 * Which files of a folder are wanted. Globs are picomatch's, always with `/` between components, on every system;
 * wildcards match dotfiles, too. A glob without a slash looks at one name at any depth (`*.log`, `node_modules`); one
 * with a slash is matched against the whole path below the share's folder (`photos/2024/*`, `**` for any depth). One
 * that matches a folder counts for everything in it; one that ends in a slash matches folders only.
 */
export interface Filter {
  /** Whether this file or folder is left out. */
  excludes(path: readonly string[], isFolder: boolean): boolean;
  /** Whether this file or folder is asked for by itself; true for everything when there is no include glob. */
  includes(path: readonly string[], isFolder: boolean): boolean;
}

type Matcher = (path: readonly string[], isFolder: boolean) => boolean;

/** @throws {CreateOptionError} when a glob is empty or can't be understood. */
export function createFilter(include: readonly string[] = [], exclude: readonly string[] = []): Filter {
  const wanted = include.map(compile);
  const unwanted = exclude.map(compile);
  return {
    excludes: (path, isFolder) => unwanted.some((matches) => matches(path, isFolder)),
    includes: (path, isFolder) => wanted.length === 0 || wanted.some((matches) => matches(path, isFolder)),
  };
}

function compile(glob: string): Matcher {
  const foldersOnly = glob.endsWith("/");
  const rooted = glob.startsWith("/") || glob.startsWith("./");
  const pattern = glob.replace(/^\.?\/+/, "").replace(/\/+$/, "");
  if (pattern === "") throw new CreateOptionError(`The glob ${JSON.stringify(glob)} matches nothing.`);
  const nameOnly = !rooted && !pattern.includes("/");
  let matches: (text: string) => boolean;
  try {
    // The same rules everywhere: a backslash escapes, also on Windows, and classes are as in a shell.
    matches = picomatch(pattern, { dot: true, posix: true, windows: false });
  } catch (cause) {
    throw new CreateOptionError(`The glob ${JSON.stringify(glob)} can't be understood.`, { cause });
  }
  return (path, isFolder) => {
    if (foldersOnly && !isFolder) return false;
    return matches(nameOnly ? (path[path.length - 1] ?? "") : path.join("/"));
  };
}
