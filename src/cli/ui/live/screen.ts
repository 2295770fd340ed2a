/** The lines at the bottom of a terminal that are drawn again and again; what else is written goes above them. */
import { stripVTControlCharacters } from "node:util";
import { createLogUpdate } from "log-update";
import type { Sink } from "../../output.ts";
import { widthOf } from "./cells.ts";
import type { Size } from "./state.ts";

const HIDE_CURSOR = "\x1b[?25l";
const SHOW_CURSOR = "\x1b[?25h";

export class Screen {
  readonly #sink: Sink;
  readonly #update: ReturnType<typeof createLogUpdate>;
  #drawn: readonly string[] = [];
  #columns: number;

  constructor(sink: Sink) {
    this.#sink = sink;
    this.#columns = this.size.columns;
    // The library only writes, and asks for columns, rows and isTTY. Its own way with the cursor hooks all signals.
    this.#update = createLogUpdate(sink as Sink as NodeJS.WritableStream, { showCursor: true });
  }

  get size(): Size {
    return { columns: this.#sink.columns ?? 80, rows: this.#sink.rows ?? 24 };
  }

  draw(lines: readonly string[]): void {
    if (lines.length === 0) {
      this.clear();
      return;
    }
    if (this.#drawn.length === 0) this.#sink.write(HIDE_CURSOR);
    else if (this.size.columns !== this.#columns) this.#forgetReflowed();
    this.#update(lines.join("\n"));
    this.#drawn = lines;
    this.#columns = this.size.columns;
  }

  /** Lets `write` write a whole line where the drawing begins; the drawing comes back below it. */
  above(write: () => void): void {
    const lines = this.#drawn;
    this.clear();
    write();
    this.draw(lines);
  }

  /** Takes the drawing away, and gives the cursor back. */
  clear(): void {
    if (this.#drawn.length === 0) return;
    if (this.size.columns !== this.#columns) this.#forgetReflowed();
    else this.#update.clear();
    this.#drawn = [];
    this.#sink.write(SHOW_CURSOR);
  }

  /** Whatever is on the screen is not ours any more: after a stop, or when the terminal was cleared. */
  forget(): void {
    this.#update.done();
    this.#drawn = [];
  }

  /** A narrower terminal has broken our lines in two or more; the library would count them as before. */
  #forgetReflowed(): void {
    const { columns } = this.size;
    const rows = this.#drawn.reduce((sum, line) => {
      return sum + Math.max(1, Math.ceil(widthOf(stripVTControlCharacters(line)) / columns));
    }, 0);
    this.#sink.write(`\x1b[${rows}A\r\x1b[0J`);
    this.#update.done();
  }
}
