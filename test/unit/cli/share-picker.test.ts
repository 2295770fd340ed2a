import { beforeEach, expect, it } from "vitest";
import { Output } from "../../../src/cli/output.ts";
import { SharePicker } from "../../../src/cli/ui/share-picker.ts";
import type { LocalShare } from "../../../src/share/find/local-shares.ts";

const share = (name: string): LocalShare => ({
  name,
  url: "http://10.0.0.1:6881/s/a",
  infoHash: "ab".repeat(20),
  bytes: 10,
  files: 1,
  host: "pc",
  urls: [],
  peers: [],
});
let written = "";
let picker: SharePicker;

beforeEach(() => {
  written = "";
  const stderr = { isTTY: true, columns: 30, write: (text: string) => (written += text) };
  const options = { json: false, quiet: false, verbose: false, color: false };
  picker = new SharePicker(new Output(options, { write: () => {} }, stderr, {}), () => 6);
});

/** What the last drawing shows, without the erasing before it. */
const shown = () => (written.split("\x1b[0J").at(-1) ?? "").trimEnd().split("\n").slice(1);

it("keeps the mark on its share when others come before it, and passes it on when its share goes", () => {
  picker.update([share("b")]);
  picker.update([share("a"), share("b"), share("c")]);
  expect(picker.marked?.name).toBe("b");
  picker.update([share("a"), share("c")]);
  expect(picker.marked?.name).toBe("c");
  picker.update([]);
  expect(picker.marked).toBeUndefined();
  picker.update([share("d")]);
  expect(picker.marked?.name).toBe("d");
});

it("stops at both ends, and shows as many as fit around the mark", () => {
  picker.update(["a", "b", "c", "d", "e"].map(share));
  picker.move(-1);
  expect(picker.marked?.name).toBe("a");
  for (let i = 0; i < 9; i++) picker.move(1);
  expect(picker.marked?.name).toBe("e");
  expect(shown().map((line) => line.slice(0, 3))).toEqual(["  c", "  d", "> e"]);
});

it("never writes more than a line's width, nor what a terminal would obey", () => {
  picker.update([share(`x\x1b[2J${"y".repeat(200)}`)]);
  expect(shown()).toEqual([`> x\\x1b[2J${"y".repeat(28 - 10)}…`]);
  // Letters of two cells: a line that wraps would stay on the screen when it is erased.
  picker.update([share("共有".repeat(20))]);
  expect(shown()).toEqual([`> ${"共有".repeat(6)}共…`]);
});
