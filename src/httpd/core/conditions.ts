/** Entity tags and the requests that depend on them (RFC 9110, 8.8 and 13). */

/** What changes when a file does. */
export interface FileVersion {
  /** Bytes. */
  readonly length: number;
  readonly mtimeNs: bigint;
  /** Of the inode: also when `mtimeNs` was put back. */
  readonly ctimeNs: bigint;
  readonly inode: bigint;
}

/** A strong tag, quotes included. Nanoseconds and the inode tell apart what was replaced within a second. */
export function entityTag({ length, mtimeNs, inode }: Omit<FileVersion, "ctimeNs">): string {
  return `"${length.toString(36)}-${mtimeNs.toString(36)}-${inode.toString(36)}"`;
}

/** Whether `If-None-Match` says that the asker has this version: the answer is 304 (RFC 9110, 13.1.2). */
export function isUnchanged(ifNoneMatch: string | undefined, tag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  if (ifNoneMatch.trim() === "*") return true;
  // The comparison is the weak one, and our tags contain no comma.
  return ifNoneMatch.split(",").some((each) => each.trim().replace(/^W\//, "") === tag);
}

/**
 * Whether a `Range` counts, given `If-Range` (RFC 9110, 13.1.5): only for the very version that the asker has a part
 * of. A date never proves that, for two versions can share a second.
 */
export function rangeApplies(ifRange: string | undefined, tag: string): boolean {
  return ifRange === undefined || ifRange.trim() === tag;
}
