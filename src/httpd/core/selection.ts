/** Which files of a share are meant by the paths that stand in a link. */

/** Paths in one selection; a request's target couldn't hold many more. */
const MAX_PATHS = 1_000;

export type Selected =
  /** Positions in the share, ascending. */
  | { readonly ok: true; readonly positions: readonly number[] }
  /** For people. */
  | { readonly ok: false; readonly status: 400 | 404; readonly message: string };

/** The paths that a query selects; undefined when it selects nothing, and so means everything. */
export function selectedPaths(query: URLSearchParams): readonly string[] | undefined {
  const all = query.getAll("select");
  // A form sends an empty one along, so that no tick at all isn't everything.
  return all.length === 0 ? undefined : [...new Set(all.filter((path) => path !== ""))].sort();
}

/** Finds the files at `paths`, joined with slashes; a folder's path means all that is in it. */
export function selectFiles(
  files: readonly { readonly path: readonly string[] }[],
  paths: readonly string[],
): Selected {
  if (paths.length === 0) return refused(400, "Nothing is selected. Go back and tick some files.");
  if (paths.length > MAX_PATHS) {
    return refused(400, `More than ${MAX_PATHS} things are selected. Take the folders that they are in.`);
  }
  const missing = new Set(paths);
  const wanted = new Set(paths);
  const positions = files.flatMap(({ path }, position) => {
    const found = prefixes(path).filter((prefix) => wanted.has(prefix));
    for (const prefix of found) missing.delete(prefix);
    return found.length > 0 ? [position] : [];
  });
  const [first] = missing;
  if (first !== undefined) return refused(404, `"${first}" is not in this share, so nothing was packed.`);
  return { ok: true, positions };
}

function refused(status: 400 | 404, message: string): Selected {
  return { ok: false, status, message };
}

/** `["a", "b"]`: `a`, `a/b`. */
function prefixes(path: readonly string[]): string[] {
  let prefix = "";
  return path.map((name, i) => {
    prefix = i === 0 ? name : `${prefix}/${name}`;
    return prefix;
  });
}
