import { escapeForTerminal } from "../../protocol/escape.ts";
import type { Output } from "../output.ts";
import { countOf, formatBytes } from "../units.ts";
import type { FileTree, TreeRow } from "./file-tree.ts";
import { clip } from "./live/cells.ts";

const HELP = "space picks, arrows move and fold, typing searches, ^A all, Enter gets, Esc ends";
const MARKS = { all: "[x]", some: "[-]", none: "[ ]" } as const;

/** Draws a {@link FileTree}, as much of it as fits, around the line that is marked. */
export class TreePicker {
  readonly #tree: FileTree;
  readonly #output: Output;
  readonly #rows: () => number;
  /** Lines on the screen. */
  #drawn = 0;

  /** @param rows how many lines the screen has now */
  constructor(tree: FileTree, output: Output, rows: () => number) {
    this.#tree = tree;
    this.#output = output;
    this.#rows = rows;
  }

  draw(): void {
    const { colors, stderr } = this.#output;
    const { at, rowCount } = this.#tree;
    const columns = (stderr.columns ?? 80) - 1;
    const room = Math.max(1, this.#rows() - 3);
    const from = Math.max(0, Math.min(at - Math.floor(room / 2), rowCount - room));
    const lines = this.#tree.rows(from, room).map((row, i) => {
      const text = clip(`${from + i === at ? ">" : " "} ${describe(row)}`, columns);
      return from + i === at ? colors.inverse(text) : text;
    });
    if (lines.length === 0) lines.push("  nothing fits");
    this.clear();
    stderr.write(`${[clip(this.#head(), columns), ...lines, clip(HELP, columns)].join("\n")}\n`);
    this.#drawn = lines.length + 2;
  }

  /** Takes it off the screen: up, and erased from there on. */
  clear(): void {
    if (this.#drawn > 0) this.#output.stderr.write(`\x1b[${this.#drawn}A\x1b[0J`);
    this.#drawn = 0;
  }

  #head(): string {
    const { chosen, total, filter } = this.#tree;
    const bytes = chosen.reduce((sum, file) => sum + file.bytes, 0);
    const of = `${countOf(total.files, "file")}, ${formatBytes(total.bytes)}`;
    const search = filter === "" ? "" : `   search: ${escapeForTerminal(filter)}`;
    return `Picked ${chosen.length.toLocaleString("en")} of ${of}: ${formatBytes(bytes)}${search}`;
  }
}

function describe({ name, depth, bytes, chosen, open }: TreeRow): string {
  const fold = open === undefined ? " " : open ? "-" : "+";
  const shown = `${"  ".repeat(Math.min(depth, 20))}${fold} ${escapeForTerminal(name)}${open === undefined ? "" : "/"}`;
  return `${MARKS[chosen]} ${formatBytes(bytes).padStart(7)}  ${shown}`;
}
