/** Child processes for tests: started with a deadline, watched by the line, stopped by their own handle. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

export interface ChildOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The network namespace to run in (Linux, root); by default that of the tests. */
  readonly network?: string | undefined;
}

/** A running program whose output is kept; {@link Child.stop} ends it. */
export class Child {
  readonly process: ChildProcess;
  readonly stdout: string[] = [];
  readonly stderr: string[] = [];
  /** The exit code, or the signal's name. */
  readonly exited: Promise<number | string>;
  readonly #name: string;
  readonly #watchers = new Set<() => void>();
  #result: number | string | undefined;

  constructor(command: string, args: readonly string[], options: ChildOptions = {}) {
    this.#name = [command, ...args].join(" ");
    // `ip netns exec` becomes the command: the process id is the command's own.
    const [program, ...given] =
      options.network === undefined
        ? [command, ...args]
        : ["ip", "netns", "exec", options.network, command, ...args];
    this.process = spawn(program, given, {
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: { ...process.env, NO_COLOR: "1", ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#collect(this.process.stdout, this.stdout);
    this.#collect(this.process.stderr, this.stderr);
    this.exited = new Promise((resolve) => {
      this.process.once("error", (error) => {
        this.stderr.push(String(error));
        this.#end("not started", resolve);
      });
      this.process.once("close", (code, signal) => this.#end(code ?? signal ?? "unknown", resolve));
    });
  }

  /** Everything printed so far, for messages of failing tests. */
  describe(): string {
    return `${this.#name}\n-- stdout\n${this.stdout.slice(-40).join("\n")}\n-- stderr\n${this.stderr.slice(-40).join("\n")}`;
  }

  /** Waits until `find` gives something; fails when the program ends first or after `timeout` milliseconds. */
  async until<T>(find: (child: this) => T | undefined, timeout = 60_000): Promise<T> {
    return await new Promise<T>((resolve, reject) => {
      const settle = (act: () => void) => {
        clearTimeout(timer);
        this.#watchers.delete(check);
        act();
      };
      const check = () => {
        const found = find(this);
        if (found !== undefined) settle(() => resolve(found));
        else if (this.#result !== undefined) {
          settle(() =>
            reject(new Error(`ended (${this.#result}) before what was awaited: ${this.describe()}`)),
          );
        }
      };
      const timer = setTimeout(() => {
        settle(() => reject(new Error(`nothing after ${timeout} ms: ${this.describe()}`)));
      }, timeout);
      this.#watchers.add(check);
      check();
    });
  }

  /** Waits for the end and demands exit code 0. */
  async succeed(timeout = 120_000): Promise<void> {
    const code = await this.end(timeout);
    if (code !== 0) throw new Error(`exit ${code}: ${this.describe()}`);
  }

  /** Waits for the end, whatever its code. */
  async end(timeout = 120_000): Promise<number | string> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`still running after ${timeout} ms: ${this.describe()}`)),
        timeout,
      );
    });
    try {
      return await Promise.race([this.exited, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Asks the program to end, insists after 5 s, and waits. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | string> {
    if (this.#result !== undefined) return this.#result;
    this.process.kill(signal);
    const insist = setTimeout(() => this.process.kill("SIGKILL"), 5_000);
    try {
      return await this.exited;
    } finally {
      clearTimeout(insist);
    }
  }

  #collect(stream: NodeJS.ReadableStream | null, lines: string[]): void {
    if (stream === null) return;
    createInterface({ input: stream }).on("line", (line) => {
      lines.push(line);
      for (const watch of this.#watchers) watch();
    });
  }

  #end(result: number | string, resolve: (result: number | string) => void): void {
    this.#result = result;
    resolve(result);
    for (const watch of this.#watchers) watch();
  }
}

/** Runs a program to its end and gives its standard output; fails unless it exits 0. */
export async function run(
  command: string,
  args: readonly string[],
  options: ChildOptions = {},
): Promise<string> {
  const child = new Child(command, args, options);
  await child.succeed();
  return child.stdout.join("\n");
}
