import type { ScanNotice } from "../create/source.ts";

/** What was left out of a share, for people; the path is as on disk, so escape it before showing it. */
export function describeNotice(notice: ScanNotice): string {
  if (notice.path.length === 0) return notice.message;
  return `"${notice.path.join("/")}": ${notice.message}`;
}
