import { expect, it } from "vitest";
import { Output, type OutputOptions, type Sink } from "../../../src/cli/output.ts";
import { describeProgress, showProgress } from "../../../src/cli/ui/progress.ts";
import { BoojumError } from "../../../src/protocol/errors.ts";

class Screen implements Sink {
  text = "";
  readonly isTTY: boolean;
  readonly columns = 80;

  constructor(isTTY: boolean) {
    this.isTTY = isTTY;
  }

  write(text: string): boolean {
    this.text += text;
    return true;
  }
}

function outputTo(
  stderr: Screen,
  options: Partial<OutputOptions> = {},
  env: Readonly<Record<string, string>> = {},
): { readonly output: Output; readonly stdout: Screen } {
  const stdout = new Screen(false);
  const all = { json: false, quiet: false, verbose: false, color: true, ...options };
  return { output: new Output(all, stdout, stderr, env), stdout };
}

it("colours and moves the cursor in a terminal only", () => {
  const terminal = new Screen(true);
  outputTo(terminal).output.warn("careful");
  expect(terminal.text).toBe("\x1b[33mwarning:\x1b[39m careful\n");
  for (const [screen, options, env] of [
    [new Screen(false), {}, {}],
    [new Screen(true), { color: false }, {}],
    [new Screen(true), {}, { NO_COLOR: "1" }],
    [new Screen(true), {}, { TERM: "dumb" }],
  ] as const) {
    outputTo(screen, options, env).output.warn("careful");
    expect(screen.text).toBe("warning: careful\n");
  }
});

it("escapes what strangers said in warnings and errors", () => {
  const screen = new Screen(false);
  const { output } = outputTo(screen);
  output.warn("tracker says \x1b[2J\r\n");
  output.fail(new BoojumError("fetch", "name \u202e\x07"));
  expect(screen.text).toBe("warning: tracker says \\x1b[2J\\r\\n\nerror: name \\u202e\\x07\n");
});

it("keeps stdout to events with --json, and stderr empty", () => {
  const screen = new Screen(true);
  const { output, stdout } = outputTo(screen, { json: true });
  output.note("note");
  output.result("result");
  output.warn("warning");
  output.event({ event: "stopped" });
  output.fail(new BoojumError("fetch", "no"));
  expect(stdout.text).toBe('{"event":"stopped"}\n{"event":"error","code":"fetch","message":"no"}\n');
  expect(screen.text).toBe("");
});

it("shows a stack with --verbose only", () => {
  const quiet = new Screen(false);
  outputTo(quiet).output.fail(new Error("broken"));
  expect(quiet.text).toBe("error: broken\n");
  const verbose = new Screen(false);
  outputTo(verbose, { verbose: true }).output.fail(new Error("broken"));
  expect(verbose.text).toMatch(/error: broken\nError: broken\n\s+at /);
});

it("is quiet when asked: results, warnings and errors remain", () => {
  const screen = new Screen(false);
  const { output, stdout } = outputTo(screen, { quiet: true });
  output.note("note");
  output.result("result");
  output.warn("careful");
  expect(stdout.text).toBe("result\n");
  expect(screen.text).toBe("warning: careful\n");
});

it("writes messages above the bar, takes the bar away and gives the cursor back", () => {
  const screen = new Screen(true);
  const { output } = outputTo(screen, {}, { NO_COLOR: "1" });
  const progress = showProgress(output, "getting", () => 0);
  output.note("before");
  progress.update({ bytesDone: 50, bytesTotal: 100, rate: 10, etaSeconds: 5 });
  output.note("between");
  progress.stop();
  output.note("after");
  expect(screen.text.startsWith("before\n")).toBe(true);
  expect(screen.text).toContain("between\n");
  expect(screen.text).toContain("50 %  50 B of 100 B  10 B/s  5s left");
  expect(screen.text).toContain("\x1b[?25l");
  // The cursor is back and the line clear before anything else is written.
  expect(screen.text.endsWith("\x1b[?25h\x1b[?7h\x1b[1G\x1b[0Jafter\n")).toBe(true);
});

it("writes a plain line now and then where there is no terminal", () => {
  const screen = new Screen(false);
  const { output } = outputTo(screen);
  let now = 0;
  const progress = showProgress(output, "getting", () => now);
  for (now = 0; now < 30_000; now += 1_000) progress.update({ bytesDone: now, bytesTotal: 30_000 });
  progress.stop();
  expect(screen.text).toBe("getting  33 %  10.0 KB of 30.0 KB\ngetting  66 %  20.0 KB of 30.0 KB\n");
});

it("is complete when there is nothing to do", () => {
  expect(describeProgress({ bytesDone: 0, bytesTotal: 0, etaSeconds: 0 })).toBe("100 %  0 B of 0 B");
});
