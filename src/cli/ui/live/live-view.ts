/** The view at the bottom of a terminal while something is published or got: collects, draws, listens to keys. */
import { stripVTControlCharacters } from "node:util";
import type { Transferring } from "../../../share/transfer-types.ts";
import type { Output, Sink } from "../../output.ts";
import type { ProgressDisplay, ProgressView } from "../progress.ts";
import { type Action, KeyReader } from "./keys.ts";
import { nextLimit } from "./limit-steps.ts";
import { render, roomFor } from "./render.ts";
import { Screen } from "./screen.ts";
import type { LiveState, LogLine, Panel, ShownFile } from "./state.ts";

/** Milliseconds between two drawings when nobody presses a key. */
const INTERVAL = 1_000;
/** Milliseconds between two drawings of work that is told of at every moment. */
const WORK_INTERVAL = 200;
/** Milliseconds that a warning stays in the view; above it, it stays anyway. */
const WARNING_LIFE = 5 * 60_000;
const LOG_LINES = 500;

/** The part of standard input that is listened to. */
export interface KeyInput {
  readonly isTTY?: boolean;
  setRawMode(raw: boolean): unknown;
  setEncoding(encoding: "utf8"): unknown;
  on(event: "data", listener: (text: string) => void): unknown;
  off(event: "data", listener: (text: string) => void): unknown;
  resume(): unknown;
  pause(): unknown;
}

export interface LiveOptions {
  readonly output: Output;
  /** Absent when nobody can press keys. */
  readonly keys: KeyInput | undefined;
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number;
  /** Whether the terminal is ours at the moment. */
  readonly isForeground: () => boolean;
  /** Which limit keys change at first. */
  readonly chosen: "up" | "down";
}

export class LiveView {
  readonly #options: LiveOptions;
  readonly #screen: Screen;
  readonly #reader = new KeyReader();
  readonly #log: LogLine[] = [];
  #warnings: { readonly at: number; readonly text: string }[] = [];
  #handle: Transferring | undefined;
  #work: LiveState["work"];
  #panel: Panel = "overview";
  #chosen: "up" | "down";
  #scrolled = 0;
  #drawnAt = Number.NEGATIVE_INFINITY;
  #listens = false;
  #isSuspended = false;
  #isQuitting = false;
  #isClosed = false;
  readonly #timer: NodeJS.Timeout;

  constructor(options: LiveOptions) {
    this.#options = options;
    this.#chosen = options.chosen;
    this.#screen = new Screen(options.output.stderr);
    options.output.intercept((line, to) => this.#above(line, to));
    this.#timer = setInterval(this.#draw, INTERVAL);
    process.on("SIGWINCH", this.#draw);
    process.on("SIGCONT", this.#onContinue);
    process.on("SIGTSTP", this.#suspend);
    process.on("exit", this.close);
  }

  /** From now on this is shown, and keys work. */
  attach(handle: Transferring): void {
    this.#handle = handle;
    this.#draw();
  }

  /** Shows work of that name until it is stopped; messages need no other way. */
  progress(title: string): ProgressDisplay {
    const update = (progress: ProgressView) => {
      this.#work = { title, progress };
      if (this.#options.now() - this.#drawnAt >= WORK_INTERVAL) this.#draw();
    };
    const stop = () => {
      if (this.#work?.title !== title) return;
      this.#work = undefined;
      if (this.#handle === undefined) this.#screen.clear();
    };
    // What a line would say is drawn better from the transfers themselves.
    return { update, status: () => {}, stop };
  }

  /** Gives the terminal back as it was. May be called again. */
  readonly close = (): void => {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#timer);
    process.off("SIGWINCH", this.#draw);
    process.off("SIGCONT", this.#onContinue);
    process.off("SIGTSTP", this.#suspend);
    process.off("exit", this.close);
    this.#options.output.intercept(undefined);
    this.#screen.clear();
    this.#listen(false);
  };

  #above(line: string, to: Sink): void {
    const text = stripVTControlCharacters(line);
    this.#log.push({ time: new Date().toTimeString().slice(0, 8), text });
    if (this.#log.length > LOG_LINES) this.#log.shift();
    const [, warning] = /^(?:warning|error): (.*)/.exec(text) ?? [];
    if (warning !== undefined) this.#warnings.unshift({ at: this.#options.now(), text: warning });
    this.#screen.above(() => to.write(`${line}\n`));
  }

  readonly #draw = (): void => {
    if (this.#isClosed || this.#isSuspended || (this.#handle === undefined && this.#work === undefined))
      return;
    const { now, output } = this.#options;
    this.#drawnAt = now();
    if (!this.#options.isForeground()) {
      this.#listens = false;
      return;
    }
    if (this.#handle !== undefined) this.#listen(true);
    this.#warnings = this.#warnings.filter(({ at }) => now() - at < WARNING_LIFE);
    this.#screen.draw(render(this.#collect(), this.#screen.size, output.colors));
  };

  #collect(): LiveState {
    const warnings = this.#warnings.map(({ text }) => text);
    const { columns, rows } = this.#screen.size;
    const room = roomFor({ warnings }, { columns, rows });
    const transfers = this.#handle?.transfers() ?? [];
    const showsPeers = this.#panel === "peers";
    return {
      panel: this.#panel,
      work: this.#work,
      transfers: transfers.map((transfer) => ({
        name: transfer.name,
        url: transfer.url,
        stats: transfer.stats(),
        fileCount: transfer.fileCount,
        peers: showsPeers ? transfer.peers() : [],
        strip: this.#panel === "overview" && transfers.length === 1 ? transfer.availability(columns) : [],
      })),
      files: this.#panel === "files" ? this.#files(room) : [],
      log: this.#log,
      warnings,
      limits: this.#handle?.limits ?? {},
      chosen: this.#chosen,
      scrolled: this.#scrolled,
      hasKeys: this.#listens,
    };
  }

  /** The files that fit, of all transfers as one list. */
  #files(room: number): readonly ShownFile[] {
    const found: ShownFile[] = [];
    let before = 0;
    for (const [i, transfer] of (this.#handle?.transfers() ?? []).entries()) {
      const first = Math.max(0, this.#scrolled - before);
      const files = transfer.files(first, room - found.length);
      found.push(...files.map((file) => ({ ...file, transfer: i })));
      before += transfer.fileCount;
      if (found.length >= room) break;
    }
    return found;
  }

  #listen(on: boolean): void {
    const { keys } = this.#options;
    if (keys === undefined || this.#listens === on) return;
    this.#listens = on;
    keys.setRawMode(on);
    if (on) {
      keys.setEncoding("utf8");
      keys.on("data", this.#onInput);
      keys.resume();
    } else {
      keys.off("data", this.#onInput);
      keys.pause();
    }
  }

  readonly #onInput = (text: string): void => {
    for (const action of this.#reader.read(text)) this.#act(action);
    this.#draw();
  };

  #act(action: Action): void {
    switch (action.do) {
      case "show":
        this.#panel = action.panel;
        this.#scrolled = 0;
        return;
      case "scroll":
        return this.#scroll(action.lines);
      case "limit":
        return this.#changeLimit(action.step);
      case "choose":
        this.#chosen = action.way;
        return;
      // As without us, when the terminal makes signals of keys; what they do is for those who handle them.
      case "quit":
        // A second one would insist; the rest of a typed "quit" doesn't mean that.
        if (!this.#isQuitting) process.kill(process.pid, "SIGINT");
        this.#isQuitting = true;
        return;
      case "interrupt":
        process.kill(process.pid, "SIGINT");
        return;
      case "abort":
        this.close();
        process.kill(process.pid, "SIGQUIT");
        return;
      case "suspend":
        return this.#suspend();
      case "redraw":
        this.#screen.clear();
    }
  }

  /** The log is read from its end, so it scrolls the other way. */
  #scroll(lines: number): void {
    const isLog = this.#panel === "log";
    const files = (this.#handle?.transfers() ?? []).reduce((sum, { fileCount }) => sum + fileCount, 0);
    const most = Math.max(0, (isLog ? this.#log.length : files) - 1);
    this.#scrolled = Math.min(most, Math.max(0, this.#scrolled + (isLog ? -lines : lines)));
  }

  #changeLimit(step: 1 | -1): void {
    const handle = this.#handle;
    if (handle === undefined) return;
    const way = this.#chosen;
    const rate = handle
      .transfers()
      .map((transfer) => transfer.stats())
      .reduce((sum, { upRate, downRate }) => sum + (way === "up" ? upRate : downRate), 0);
    handle.setLimits({ ...handle.limits, [way]: nextLimit(handle.limits[way], step, rate) });
  }

  /** Ctrl-Z, or somebody's SIGTSTP: the shell gets its terminal as it was, and we stop like any other program. */
  readonly #suspend = (): void => {
    this.#isSuspended = true;
    this.#screen.clear();
    this.#listen(false);
    process.off("SIGTSTP", this.#suspend);
    // All of the job: npx, which may have started us, must stop with us, or the shell waits for it.
    process.kill(0, "SIGTSTP");
  };

  readonly #onContinue = (): void => {
    if (this.#isSuspended) process.on("SIGTSTP", this.#suspend);
    // Stopped without being asked (SIGSTOP): the terminal is in another mode by now, and others have written to it.
    else this.#screen.forget();
    this.#isSuspended = false;
    this.#listen(false);
    this.#draw();
  };
}
