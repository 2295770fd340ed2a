import { expect, it } from "vitest";
import { type FoundSize, judgeFiles, type PieceFinding } from "../../../src/client/core/file-verdicts.ts";
import { PieceLayout } from "../../../src/protocol/layout.ts";

/** Files of `length/size` bytes, `-` for none, in pieces of 10; a letter for what was found of each piece. */
function judge(files: string, pieces: string): string[] {
  const found: FoundSize[] = files.split(" ").map((text) => {
    const [length, size = length] = text.split("/");
    return { length: Number(length), size: size === "-" ? undefined : Number(size) };
  });
  const names: Record<string, PieceFinding> = { g: "good", b: "bad", a: "absent", z: "blank" };
  const layout = new PieceLayout(
    found.map(({ length }) => length),
    10,
  );
  expect(pieces).toHaveLength(layout.pieceCount);
  const findings = [...pieces].map((letter) => names[letter] ?? expect.fail(letter));
  return judgeFiles(layout, found, findings).map(({ state, goodBytes }) => `${state} ${goodBytes}`);
}

it.each<[string, string, string, string[]]>([
  ["calls files good that are whole", "15 5 0", "gg", ["good 15", "good 5", "good 0"]],
  ["calls all files of a wrong piece bad", "15 5 10", "gbg", ["bad 10", "bad 0", "good 10"]],
  ["calls a file missing", "10 10/- 0/-", "ga", ["good 10", "missing 0", "missing 0"]],
  ["calls a file partial that is too short", "30/12", "gaa", ["partial 10"]],
  ["calls a file partial whose rest is zeros", "30", "gzz", ["partial 10"]],
  ["prefers what is wrong to what is absent", "30/15", "gba", ["bad 10"]],
  ["calls a file bad that is too long", "10/11 0/1", "g", ["bad 10", "bad 0"]],
  ["can't prove the part that is shared with a missing file", "15 5/-", "ga", ["partial 10", "missing 0"]],
  ["blames only the one that is too long", "15 5/6", "gb", ["partial 10", "bad 0"]],
])("%s", (_title, files, pieces, verdicts) => {
  expect(judge(files, pieces)).toEqual(verdicts);
});
