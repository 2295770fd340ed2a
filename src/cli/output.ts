/** Where the command's words go: results and events to stdout, everything else to stderr. */
import pc from "picocolors";
import { BoojumError } from "../protocol/errors.ts";
import { escapeForTerminal, escapeLines, jsonLine } from "../protocol/escape.ts";

export interface OutputOptions {
  /** One JSON object a line on stdout, and nothing for people anywhere but errors of usage. */
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  /** False for `--no-color`. */
  readonly color: boolean;
}

/** The part of a stream that is written to. */
export interface Sink {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

/** Writes a line, and its end, to `to`. */
type Interceptor = (line: string, to: Sink) => void;

type Environment = Readonly<Record<string, string | undefined>>;

export class Output {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  /** Somebody watches stderr in a terminal that can move its cursor. */
  readonly terminal: boolean;
  /** Colours for stderr; the functions do nothing without a terminal or with NO_COLOR. */
  readonly colors: ReturnType<typeof pc.createColors>;
  readonly stderr: Sink;
  readonly #stdout: Sink;
  /** While a progress display owns the last line, messages go through it. */
  #interceptor: Interceptor | undefined;

  constructor(options: OutputOptions, stdout: Sink, stderr: Sink, env: Environment) {
    this.json = options.json;
    this.quiet = options.quiet;
    this.verbose = options.verbose;
    this.terminal = stderr.isTTY === true && env["TERM"] !== "dumb";
    this.colors = pc.createColors(this.terminal && options.color && !env["NO_COLOR"]);
    this.#stdout = stdout;
    this.stderr = stderr;
  }

  /** One line of `--json`; nothing without it. */
  event(event: object): void {
    if (this.json) this.#stdout.write(jsonLine(event));
  }

  /** What the user asked for, on stdout; nothing with `--json`. */
  result(line: string): void {
    if (this.json) return;
    // On the same terminal it must not be written into the display.
    if (this.#interceptor !== undefined && this.#stdout.isTTY) this.#interceptor(line, this.#stdout);
    else this.#stdout.write(`${line}\n`);
  }

  /** What is going on, on stderr; nothing with `--json` or `--quiet`. */
  note(line: string): void {
    if (!this.json && !this.quiet) this.#message(line);
  }

  /** Like {@link note}, only with `--verbose`. */
  detail(line: string): void {
    if (this.verbose) this.note(this.colors.dim(line));
  }

  /** On stderr even with `--quiet`; a warning event of its own stands for it with `--json`. */
  warn(message: string): void {
    if (!this.json) this.#message(`${this.colors.yellow("warning:")} ${escapeForTerminal(message)}`);
  }

  /** What failed while the rest goes on: on stderr; an event of its own stands for it with `--json`. */
  problem(message: string): void {
    if (!this.json) this.#message(`${this.colors.red("error:")} ${escapeForTerminal(message)}`);
  }

  /** The end of a command that failed: an event with `--json`, else a message; the stack only with `--verbose`. */
  fail(error: unknown): void {
    const { code, message } = describeError(error);
    if (this.json) this.event({ event: "error", code, message });
    else this.#message(`${this.colors.red("error:")} ${escapeForTerminal(message)}`);
    if (this.verbose && error instanceof Error) this.#message(escapeLines(error.stack ?? ""));
    if (this.verbose && error instanceof Error && error.cause instanceof Error) {
      this.#message(escapeLines(`caused by ${error.cause.stack ?? error.cause.message}`));
    }
  }

  /** Sends messages through `interceptor` from now on; undefined restores plain lines. */
  intercept(interceptor: Interceptor | undefined): void {
    this.#interceptor = interceptor;
  }

  #message(line: string): void {
    if (this.#interceptor === undefined) this.stderr.write(`${line}\n`);
    else this.#interceptor(line, this.stderr);
  }
}

/** The `code` and `message` of any thrown value; foreign errors have the code of the system, or `internal`. */
export function describeError(error: unknown): { readonly code: string; readonly message: string } {
  if (error instanceof BoojumError) return { code: error.code, message: error.message };
  if (!(error instanceof Error)) return { code: "internal", message: String(error) };
  if ("syscall" in error && error.syscall === "uv_cwd")
    return { code: "folder", message: "The folder that you are in was deleted. Go to another one." };
  const code = "code" in error && typeof error.code === "string" ? error.code : "internal";
  return { code, message: error.message };
}
