import { escapeForTerminal } from "../../protocol/escape.ts";
import type { LocalShare } from "../../share/find/local-shares.ts";
import { countOf, formatBytes } from "../units.ts";
import { cell, widthOf } from "./live/cells.ts";

/** A line a share, in columns: name, size, files, machine and where it is. Safe to show. */
export function shareLines(shares: readonly LocalShare[]): readonly string[] {
  const rows = shares.map((share) => [
    escapeForTerminal(share.name),
    formatBytes(share.bytes),
    countOf(share.files, "file"),
    from(share),
    share.url,
  ]);
  const widths = [0, 1, 2, 3].map((at) => Math.max(...rows.map((row) => widthOf(row[at] ?? ""))));
  return rows.map((row) =>
    row
      .map((text, at) => cell(text, widths[at] ?? widthOf(text), at === 1 || at === 2 ? "right" : "left"))
      .join("  "),
  );
}

function from({ host, peers }: LocalShare): string {
  const more = peers.length > 1 ? ` and ${peers.length - 1} more` : "";
  return `${host === "" ? (peers[0] ?? "") : escapeForTerminal(host)}${more}`;
}
