/** What a scan leaves out or renames, kept short: a folder may hold a million links, and nobody reads as many lines. */
import { comparePaths } from "./core/order.ts";
import type { ScanNotice, ScanNoticeCode } from "./source.ts";

/** Of each kind; how many more there are is told in one. */
const MOST_OF_A_KIND = 20;

export class Notices {
  readonly #kept: ScanNotice[] = [];
  readonly #counts = new Map<ScanNoticeCode, number>();

  add(notice: ScanNotice): void {
    const count = (this.#counts.get(notice.code) ?? 0) + 1;
    this.#counts.set(notice.code, count);
    if (count <= MOST_OF_A_KIND) this.#kept.push(notice);
  }

  /** By path; after them how many more there are of each kind. */
  all(): readonly ScanNotice[] {
    const sorted = this.#kept.sort((a, b) => comparePaths(a.path, b.path));
    const more: ScanNotice[] = [];
    for (const [code, count] of this.#counts) {
      if (count <= MOST_OF_A_KIND) continue;
      const like = sorted.findLast((notice) => notice.code === code)?.path.join("/") ?? "";
      more.push({
        code,
        path: [],
        message: `the same holds for ${count - MOST_OF_A_KIND} more like "${like}"`,
      });
    }
    return [...sorted, ...more];
  }
}
