/** Shows how far a long operation is: a bar where there is a terminal, else a plain line now and then. */
import cliProgress from "cli-progress";
import type { Output, Sink } from "../output.ts";
import { formatBytes, formatDuration, formatRate } from "../units.ts";

export interface ProgressView {
  readonly bytesDone: number;
  readonly bytesTotal: number;
  /** Bytes a second; absent when it isn't known. */
  readonly rate?: number;
  /** Absent when nothing can be said. */
  readonly etaSeconds?: number | null;
  /** What else there is to say, such as "3 peers". */
  readonly detail?: string;
}

export interface ProgressDisplay {
  update(view: ProgressView): void;
  /** In a terminal, `line` takes the place of the bar; nothing elsewhere. */
  status(line: string): void;
  /** Leaves the last state on the screen, restores the cursor; messages are plain lines again. */
  stop(): void;
}

/** Begins to show work of that name, escaped. */
export type ShowProgress = (title: string) => ProgressDisplay;

/** Milliseconds between the lines that a log file gets. */
const PLAIN_INTERVAL = 10_000;

/**
 * @param title what is being done, escaped.
 * @param now milliseconds on a clock that never goes back.
 */
export function showProgress(output: Output, title: string, now: () => number): ProgressDisplay {
  if (output.json || output.quiet) return { update() {}, status() {}, stop() {} };
  return output.terminal ? new BarDisplay(output, title) : new PlainDisplay(output, title, now);
}

/** `45 %  1.2 GB of 2.7 GB  12.3 MB/s  2m 05s left  3 peers` */
export function describeProgress(view: ProgressView): string {
  const part = view.bytesTotal === 0 ? 1 : view.bytesDone / view.bytesTotal;
  const words = [
    `${Math.floor(part * 100)} %`,
    `${formatBytes(view.bytesDone)} of ${formatBytes(view.bytesTotal)}`,
  ];
  if (view.rate !== undefined) words.push(formatRate(view.rate));
  if (typeof view.etaSeconds === "number" && part < 1) words.push(`${formatDuration(view.etaSeconds)} left`);
  if (view.detail !== undefined) words.push(view.detail);
  return words.join("  ");
}

class PlainDisplay implements ProgressDisplay {
  readonly #output: Output;
  readonly #title: string;
  readonly #now: () => number;
  #next: number;

  constructor(output: Output, title: string, now: () => number) {
    this.#output = output;
    this.#title = title;
    this.#now = now;
    // Short work is done before a line about it would help anybody.
    this.#next = now() + PLAIN_INTERVAL;
  }

  update(view: ProgressView): void {
    if (this.#now() < this.#next) return;
    this.#next = this.#now() + PLAIN_INTERVAL;
    this.#output.note(`${this.#title}  ${describeProgress(view)}`);
  }

  status(): void {}

  stop(): void {}
}

class BarDisplay implements ProgressDisplay {
  readonly #output: Output;
  readonly #title: string;
  readonly #multi: cliProgress.MultiBar;
  #bar: cliProgress.SingleBar | undefined;
  #view: ProgressView = { bytesDone: 0, bytesTotal: 1 };
  #status: string | undefined;
  #stopped = false;

  constructor(output: Output, title: string) {
    this.#output = output;
    this.#title = title;
    this.#multi = new cliProgress.MultiBar({
      // The library wants a whole stream type, but only writes, and asks for isTTY and columns.
      stream: output.stderr as Sink as NodeJS.WritableStream,
      format: (_options, params) => this.#line(params.progress),
      fps: 5,
      hideCursor: true,
      // Our own handlers save state first; the cursor comes back with stop().
      gracefulExit: false,
      emptyOnZero: true,
      // What happened is told by messages; the bar was for the meantime.
      clearOnComplete: true,
      // Else the bar is missing under a message until it changes.
      forceRedraw: true,
    });
    output.intercept((line, to) => this.#log(line, to));
  }

  update(view: ProgressView): void {
    if (this.#stopped) return;
    this.#view = view;
    this.#status = undefined;
    this.#bar ??= this.#multi.create(1, 0);
    this.#bar.setTotal(Math.max(1, view.bytesTotal));
    this.#bar.update(view.bytesTotal === 0 ? 1 : view.bytesDone);
  }

  status(line: string): void {
    if (this.#stopped) return;
    this.#status = line;
    this.#bar ??= this.#multi.create(1, 0);
    this.#bar.update(0);
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#output.intercept(undefined);
    if (this.#bar !== undefined) this.#multi.stop();
  }

  /** Above the bar, at once: the library alone would wait, and forget it when it is stopped before. */
  #log(line: string, to: Sink): void {
    if (this.#bar === undefined) {
      to.write(`${line}\n`);
      return;
    }
    this.#multi.log(`${line}\n`);
    this.#multi.update();
  }

  #line(progress: number): string {
    const columns = this.#output.stderr.columns ?? 80;
    if (this.#status !== undefined) return this.#status.slice(0, columns - 1);
    const words = describeProgress(this.#view);
    const room = Math.min(40, columns - this.#title.length - words.length - 6);
    if (room < 8) return words.slice(0, columns - 1);
    const filled = Math.round(Math.min(1, progress) * room);
    const bar =
      this.#output.colors.cyan("█".repeat(filled)) + this.#output.colors.dim("░".repeat(room - filled));
    return `${this.#title}  ${bar}  ${words}`;
  }
}
