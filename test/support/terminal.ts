/** A real terminal (tmux) with a shell in it: keys go in, the screen comes out. */
import { execFileSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

let opened = 0;

export class Terminal {
  /** A tmux server of its own, so that nobody's sessions are touched. */
  readonly #socket = `boojum-${process.pid}-${++opened}`;

  constructor({ columns, rows }: TerminalSize, env: Readonly<Record<string, string>> = {}) {
    const variables = Object.entries(env).flatMap(([name, value]) => ["-e", `${name}=${value}`]);
    const size = ["-x", String(columns), "-y", String(rows)];
    this.#tmux("-f", "/dev/null", "new-session", "-d", ...size, ...variables, "bash --norc --noprofile");
    this.#tmux("set-option", "-g", "window-size", "manual");
    this.run("PS1='ready> '");
  }

  /** Types text as it is. */
  type(text: string): void {
    this.#tmux("send-keys", "-l", "--", text);
  }

  /** Presses keys by their names in tmux: `Enter`, `C-z`, `Down`. */
  press(...keys: readonly string[]): void {
    this.#tmux("send-keys", ...keys);
  }

  run(command: string): void {
    this.type(command);
    this.press("Enter");
  }

  resize({ columns, rows }: TerminalSize): void {
    this.#tmux("resize-window", "-x", String(columns), "-y", String(rows));
  }

  /** The lines on the screen, empty ones at the end left out. */
  screen(): string[] {
    return this.#tmux("capture-pane", "-p").trimEnd().split("\n");
  }

  /** What is on the screen and what has gone over its top. */
  everything(): string {
    return this.#tmux("capture-pane", "-p", "-J", "-S", "-");
  }

  get isCursorShown(): boolean {
    return this.#tmux("display-message", "-p", "#{cursor_flag}").trim() === "1";
  }

  /** Waits until the screen is as `isThere` wants it, and stands still: a view that is half drawn is none. */
  async until(
    isThere: (lines: readonly string[]) => boolean,
    what: string,
    timeout = 30_000,
  ): Promise<readonly string[]> {
    const deadline = performance.now() + timeout;
    for (;;) {
      const lines = this.screen();
      if (isThere(lines)) {
        await sleep(40);
        if (this.screen().join("\n") === lines.join("\n")) return lines;
      }
      if (performance.now() > deadline) throw new Error(`not seen: ${what}\n${this.everything()}`);
      await sleep(100);
    }
  }

  async see(text: string | RegExp, timeout?: number): Promise<readonly string[]> {
    const matches = (line: string) => (typeof text === "string" ? line.includes(text) : text.test(line));
    return await this.until((lines) => lines.some(matches), String(text), timeout);
  }

  close(): void {
    try {
      this.#tmux("kill-server");
    } catch {
      // It has ended with its last shell.
    }
  }

  #tmux(...args: readonly string[]): string {
    return execFileSync("tmux", ["-L", this.#socket, "-u", ...args], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
  }
}
