import type { LocalShare } from "../../share/find/local-shares.ts";
import type { Output } from "../output.ts";
import { clip } from "./live/cells.ts";
import { shareLines } from "./share-lines.ts";

/** A list that changes while it is looked at, with one share marked. */
export class SharePicker {
  readonly #output: Output;
  readonly #rows: () => number;
  #shares: readonly LocalShare[] = [];
  /** The marked one stays marked, wherever it moves. */
  #marked: string | undefined;
  /** Lines on the screen. */
  #drawn = 0;

  /** @param rows how many lines the screen has now */
  constructor(output: Output, rows: () => number) {
    this.#output = output;
    this.#rows = rows;
  }

  get marked(): LocalShare | undefined {
    return this.#shares[this.#at];
  }

  update(shares: readonly LocalShare[]): void {
    const at = this.#at;
    this.#shares = shares;
    // When it is gone, its neighbour.
    if (this.#at < 0) this.#mark(Math.min(Math.max(at, 0), shares.length - 1));
    this.draw();
  }

  move(by: number): void {
    this.#mark(Math.min(Math.max(this.#at + by, 0), this.#shares.length - 1));
    this.draw();
  }

  draw(): void {
    const { colors, stderr } = this.#output;
    const columns = stderr.columns ?? 80;
    const room = Math.max(1, this.#rows() - 3);
    const from = Math.max(0, Math.min(this.#at - Math.floor(room / 2), this.#shares.length - room));
    const lines = shareLines(this.#shares).map((line, i) => {
      const text = clip(`${i === this.#at ? ">" : " "} ${line}`, columns - 1);
      return i === this.#at ? colors.inverse(text) : text;
    });
    const shown = lines.slice(from, from + room);
    const head = this.#shares.length === 0 ? "Looking for shares on this network ..." : TITLE;
    this.clear();
    stderr.write(`${[clip(head, columns - 1), ...shown].join("\n")}\n`);
    this.#drawn = shown.length + 1;
  }

  /** Takes it off the screen: up, and erased from there on. */
  clear(): void {
    if (this.#drawn > 0) this.#output.stderr.write(`\x1b[${this.#drawn}A\x1b[0J`);
    this.#drawn = 0;
  }

  get #at(): number {
    return this.#shares.findIndex((share) => keyOf(share) === this.#marked);
  }

  #mark(at: number): void {
    const share = this.#shares[at];
    this.#marked = share && keyOf(share);
  }
}

const TITLE = "On this network (arrows choose, Enter gets it here, q ends):";

function keyOf({ infoHash, name }: LocalShare): string {
  return `${infoHash} ${name}`;
}
