import { expect, it } from "vitest";
import { type Action, KeyReader } from "../../../src/cli/ui/live/keys.ts";
import { nextLimit } from "../../../src/cli/ui/live/limit-steps.ts";

function pressed(...inputs: readonly string[]): readonly Action[] {
  const reader = new KeyReader();
  return inputs.flatMap((input) => reader.read(input));
}

const show = (panel: string) => ({ do: "show", panel });

it.each([
  ["p", show("peers")],
  ["f", show("files")],
  ["l", show("log")],
  ["?", show("help")],
  ["+", { do: "limit", step: 1 }],
  ["-", { do: "limit", step: -1 }],
  ["d", { do: "choose", way: "down" }],
  ["\x1b[A", { do: "scroll", lines: -1 }],
  ["\x1bOB", { do: "scroll", lines: 1 }],
  ["\x1b[6~", { do: "scroll", lines: 10 }],
  ["q", { do: "quit" }],
  ["\x03", { do: "interrupt" }],
  ["\x1a", { do: "suspend" }],
])("%j acts at once", (input, action) => {
  expect(pressed(input)).toEqual([action]);
});

it("a whole word ended with Enter has the last say over its letters, typed or pasted", () => {
  expect(pressed("l", "i", "s", "t", "\r").at(-1)).toEqual(show("peers"));
  expect(pressed("info\n").at(-1)).toEqual(show("info"));
  expect(pressed("quit\r").at(-1)).toEqual({ do: "quit" });
  expect(pressed("xinfo\r").at(-1)).toEqual(show("info"));
  expect(pressed("qu\x1b[Ait\r").filter((action) => action.do === "quit")).toHaveLength(1);
  expect(pressed("\r", "z\r", "\x1b[<0;3;4M", "\x1b[15~", "日\r")).toEqual([]);
});

it("limits go up and down by steps, from none to the step below the present rate, and up to none again", () => {
  expect(nextLimit(undefined, -1, 12.3e6)).toBe(1e7);
  expect(nextLimit(undefined, -1, 0)).toBe(1e9);
  expect(nextLimit(1e7, -1, 0)).toBe(5e6);
  expect(nextLimit(3e6, -1, 0)).toBe(2e6);
  expect(nextLimit(3e6, 1, 0)).toBe(5e6);
  expect(nextLimit(1e4, -1, 0)).toBe(1e4);
  expect(nextLimit(500, -1, 0)).toBe(1e4);
  expect(nextLimit(1e9, 1, 0)).toBeUndefined();
  expect(nextLimit(undefined, 1, 5)).toBeUndefined();
});
