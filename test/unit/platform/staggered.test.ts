import { beforeEach, describe, expect, it } from "vitest";
import { interleaveFamilies, staggered } from "../../../src/platform/staggered.ts";
import { FakeClock } from "../../support/fake-clock.ts";

/** How long an attempt takes, and whether it gets there. */
type Way = readonly [milliseconds: number, outcome: "arrives" | "fails"];

let clock: FakeClock;
/** `time name what` of each thing that happened to an attempt. */
let log: string[];
beforeEach(() => {
  clock = new FakeClock();
  log = [];
});

function attemptOf([milliseconds, outcome]: Way, name: string) {
  return (signal: AbortSignal) =>
    new Promise<string>((resolve, reject) => {
      log.push(`${clock.now()} ${name} begins`);
      const timer = clock.after(milliseconds, () => {
        if (outcome === "arrives") resolve(name);
        else reject(new Error(name));
      });
      signal.addEventListener("abort", () => {
        timer.cancel();
        log.push(`${clock.now()} ${name} is let go`);
        reject(signal.reason);
      });
    });
}

/** @returns who won and when, or what was thrown */
function race(
  ways: readonly Way[],
  signal = new AbortController().signal,
  bounds: { readonly delay?: number; readonly most?: number } = {},
): Promise<string> {
  return staggered(
    ways.map((way, i) => attemptOf(way, "abcdef"[i] ?? "?")),
    { clock, discard: () => {}, ...bounds },
    signal,
  ).then(
    (winner) => `${winner} at ${clock.now()}`,
    (error: unknown) =>
      error instanceof AggregateError
        ? `${error.errors.map(({ message }) => message)} at ${clock.now()}`
        : String(error),
  );
}

const DEAD: Way = [1e9, "fails"];

describe("staggered attempts", () => {
  it.each<[string, Way[], string]>([
    [
      "the first when it answers",
      [
        [20, "arrives"],
        [1, "arrives"],
      ],
      "a at 20",
    ],
    [
      "the second, a quarter of a second later, when the first is silent",
      [DEAD, [30, "arrives"]],
      "b at 280",
    ],
    ["a slow first one while the second is silent", [[5_000, "arrives"], DEAD], "a at 5000"],
    ["a slow one in the middle of silent ones", [DEAD, [9_000, "arrives"], DEAD, DEAD], "b at 9250"],
    [
      "whoever is first of two slow ones",
      [
        [900, "arrives"],
        [400, "arrives"],
      ],
      "b at 650",
    ],
    [
      "the next one at once when one fails",
      [
        [3, "fails"],
        [4, "fails"],
        [5, "arrives"],
      ],
      "c at 12",
    ],
    [
      "all failures, in order",
      [
        [900, "fails"],
        [10, "fails"],
      ],
      "a,b at 900",
    ],
  ])("give %s", async (_, ways, expected) => {
    const outcome = race(ways);
    await clock.advance(20_000);
    expect(await outcome).toBe(expected);
    expect(clock.pending).toBe(0);
  });

  it("let the others go when one has won, and begin no more", async () => {
    const outcome = race([DEAD, [10, "arrives"], DEAD]);
    await clock.advance(1_000);
    expect(await outcome).toBe("b at 260");
    expect(log).toEqual(["0 a begins", "250 b begins", "260 a is let go", "260 b is let go"]);
  });

  it("begin all at once, but for those beyond a bound, which wait for one to fail", async () => {
    const outcome = race([DEAD, [70, "fails"], [90, "fails"], DEAD, [20, "arrives"]], undefined, {
      delay: 0,
      most: 3,
    });
    await clock.advance(1_000);
    expect(await outcome).toBe("e at 110");
    const begun = log.filter((line) => line.endsWith("begins"));
    expect(begun).toEqual(["0 a begins", "0 b begins", "0 c begins", "70 d begins", "90 e begins"]);
    expect(clock.pending).toBe(0);
  });

  it("end when they are told to", async () => {
    const controller = new AbortController();
    const outcome = race([DEAD, DEAD], controller.signal);
    await clock.advance(300);
    controller.abort(new Error("enough"));
    expect(await outcome).toBe("Error: enough");
    expect(log.slice(2)).toEqual(["300 a is let go", "300 b is let go"]);
    expect(await race([DEAD], controller.signal)).toBe("Error: enough");
    expect(log).toHaveLength(4);
  });

  it("hand back what arrives too late", async () => {
    const late: string[] = [];
    const stubborn = (name: string) => () =>
      new Promise<string>((resolve) => clock.after(300, () => resolve(name)));
    const won = staggered(
      [stubborn("a"), () => new Promise<string>((resolve) => clock.after(10, () => resolve("b")))],
      { clock, discard: (name) => late.push(name) },
      new AbortController().signal,
    );
    await clock.advance(1_000);
    expect(await won).toBe("b");
    expect(late).toEqual(["a"]);
  });

  it("end with a final failure, whoever else is on the way", async () => {
    const error = await staggered(
      [() => Promise.reject(new Error("no")), attemptOf([1, "arrives"], "b")],
      { clock, discard: () => {}, isFinal: () => true },
      new AbortController().signal,
    ).catch(String);
    expect(error).toBe("Error: no");
    expect(log).toEqual([]);
  });
});

it.each([
  ["6a 6b 6c 4a 4b", "6a 4a 6b 4b 6c"],
  ["4a 6a 6b 6c", "4a 6a 6b 6c"],
  ["6a 4a", "6a 4a"],
  ["4a", "4a"],
  ["", ""],
])("addresses %s are tried in the order %s", (found, expected) => {
  const ordered = interleaveFamilies(found.split(" ").filter(Boolean), (one) => one.startsWith("6"));
  expect(ordered.join(" ")).toBe(expected);
});
