/** Names that don't belong in a share although they lie in its folder. */

/** What file managers leave behind, in lower case. `desktop.ini` isn't among them: people write it by hand, too. */
const JUNK: ReadonlySet<string> = new Set([".ds_store", "thumbs.db"]);

export function isJunk(name: string): boolean {
  return JUNK.has(name.toLowerCase());
}

/** The state of a download, `.NAME.boojum`, or what lies beside it: lock, drafts, parts of files not selected. */
export function isDownloadState(name: string): boolean {
  return /^\..+\.boojum(\.(lock|new|parts)(\..+)?)?$/s.test(name);
}

/** A name that can be the one component of a path: not empty, not a step, no separator, no NUL, well-formed. */
export function isPlainName(name: string): boolean {
  return name !== "" && name !== "." && name !== ".." && !/[/\\\0]|\p{Surrogate}/u.test(name);
}
