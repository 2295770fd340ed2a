/** Text measured in the cells of a terminal: East Asian letters and emoji take two, combining marks none. */
import stringWidth from "string-width";
import { escapeForTerminal } from "../../../protocol/escape.ts";

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/** @returns `text` from a stranger, harmless and exactly `width` cells wide; "…" stands for what had to go. */
export function cell(text: string, width: number, align: "left" | "right" = "left"): string {
  const cut = clip(escapeForTerminal(text), width);
  const blanks = " ".repeat(Math.max(0, width - widthOf(cut)));
  return align === "left" ? cut + blanks : blanks + cut;
}

/** @returns at most `width` cells of `text`, which must be harmless already. */
export function clip(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let cut = "";
  let used = 1;
  for (const { segment } of graphemes.segment(text)) {
    used += widthOf(segment);
    if (used > width) break;
    cut += segment;
  }
  return width <= 0 ? "" : `${cut}…`;
}

export function widthOf(text: string): number {
  // Nearly everything is plain, and a table has hundreds of cells.
  return /^[\x20-\x7e]*$/.test(text) ? text.length : stringWidth(text);
}
