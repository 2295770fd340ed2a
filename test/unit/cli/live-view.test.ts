import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Output } from "../../../src/cli/output.ts";
import { type KeyInput, LiveView } from "../../../src/cli/ui/live/live-view.ts";
import type { Limits, Transferring } from "../../../src/share/transfer-types.ts";

/** What was written, and the lines that the view drew last. */
class Screen {
  readonly isTTY = true;
  readonly columns = 80;
  readonly rows = 24;
  text = "";
  write(text: string): void {
    this.text += text;
  }
  get last(): string {
    return this.text.slice(this.text.lastIndexOf("\x1b[2K") + 4);
  }
}

class Keys implements KeyInput {
  readonly isTTY = true;
  raw = false;
  press: (text: string) => void = () => {};
  setRawMode(raw: boolean): void {
    this.raw = raw;
  }
  setEncoding(): void {}
  on(_: "data", listener: (text: string) => void): void {
    this.press = listener;
  }
  off(): void {
    this.press = () => {};
  }
  resume(): void {}
  pause(): void {}
}

let now = 0;
let screen: Screen;
let keys: Keys;
let output: Output;
let view: LiveView;
let limits: Limits;

const HANDLE: Transferring = {
  transfers: () => [],
  get limits() {
    return limits;
  },
  setLimits: (given) => {
    limits = given;
  },
};

beforeEach(() => {
  vi.useFakeTimers();
  now = 0;
  limits = { down: 3 };
  screen = new Screen();
  keys = new Keys();
  const flags = { json: false, quiet: false, verbose: false, color: false };
  output = new Output(flags, screen, screen, {});
  view = new LiveView({ output, keys, now: () => now, isForeground: () => true, chosen: "up" });
});
afterEach(() => {
  view.close();
  vi.useRealTimers();
});

function later(milliseconds: number): void {
  now += milliseconds;
  vi.advanceTimersByTime(1_000);
}

it("writes warnings above the view once, keeps them in it for five minutes, and lets them go", () => {
  view.progress("hashing").update({ bytesDone: 1, bytesTotal: 2 });
  output.warn("the disk is slow");
  expect(screen.text).toContain("warning: the disk is slow\n");
  later(299_000);
  expect(screen.last).toContain("! the disk is slow");
  const written = screen.text.length;
  later(2_000);
  expect(screen.text.slice(written)).toContain("hashing");
  expect(screen.text.slice(written)).not.toContain("the disk is slow");
});

it("writes results, too, above the view, where both go to one terminal", () => {
  view.progress("hashing").update({ bytesDone: 1, bytesTotal: 2 });
  output.result("/home/me/photos");
  const at = screen.text.indexOf("/home/me/photos\n");
  // The cursor is shown, and the view gone, before; the view comes back after.
  expect(screen.text.slice(0, at)).toMatch(/\x1b\[2K\x1b\[G\x1b\[\?25h$/);
  expect(screen.text.slice(at)).toContain("hashing");
});

it("takes keys only once there is something to steer, and gives the terminal back, however often it is closed", () => {
  view.progress("checking").update({ bytesDone: 1, bytesTotal: 2 });
  expect(keys.raw).toBe(false);
  view.attach(HANDLE);
  expect(keys.raw).toBe(true);
  keys.press("-");
  expect(limits).toEqual({ up: 1e9, down: 3 });
  keys.press("d-");
  expect(limits).toEqual({ up: 1e9, down: 1e4 });
  view.close();
  view.close();
  expect(keys.raw).toBe(false);
  expect(screen.text.endsWith("\x1b[?25h")).toBe(true);
  const listeners = ["SIGTSTP", "SIGCONT", "SIGWINCH"].map((name) => process.listenerCount(name));
  expect(listeners).toEqual([0, 0, 0]);
});

it("quits once for a typed word, and insists only for Ctrl-C", () => {
  const kill = vi.spyOn(process, "kill").mockImplementation(() => true);
  view.attach(HANDLE);
  keys.press("quit\r");
  expect(kill.mock.calls).toEqual([[process.pid, "SIGINT"]]);
  keys.press("\x03");
  expect(kill).toHaveBeenCalledTimes(2);
  kill.mockRestore();
});
