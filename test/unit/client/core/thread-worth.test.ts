import { describe, expect, it } from "vitest";
import { ThreadWorth, workOf } from "../../../../src/client/core/thread-worth.ts";

const MiB = 1024 * 1024;

/** What is said while `count` MiB come, each `step` milliseconds after the one before: the first that pays, from 1 on. */
function paysAfter(worth: ThreadWorth, count: number, step: number, from = 0): number | undefined {
  for (let i = 1; i <= count; i++) if (worth.came(MiB, from + i * step)) return i;
  return undefined;
}

describe("ThreadWorth", () => {
  it("lets a thread pay when 16 MiB came within half a second", () => {
    expect(paysAfter(new ThreadWorth(1000 * MiB), 17, 31.25)).toBe(17);
    expect(paysAfter(new ThreadWorth(1000 * MiB), 17, 31.26)).toBeUndefined();
  });

  it("never does while pieces come slowly, however many", () => {
    expect(paysAfter(new ThreadWorth(1000 * MiB), 900, 160)).toBeUndefined();
  });

  it("does as soon as they come faster", () => {
    const worth = new ThreadWorth(1000 * MiB);
    expect(paysAfter(worth, 161, 160)).toBeUndefined();
    expect(paysAfter(worth, 160, 2, 161 * 160)).toBe(16);
  });

  it("counts neither the first piece, however large, nor the time before it", () => {
    const worth = new ThreadWorth(1000 * MiB);
    expect(worth.came(64 * MiB, 1e6)).toBe(false);
    expect(paysAfter(worth, 16, 10, 1e6)).toBe(16);
  });

  it("forgets a pause with the stretch in which it was", () => {
    const worth = new ThreadWorth(1000 * MiB);
    expect(paysAfter(worth, 16, 1)).toBeUndefined();
    expect(worth.came(MiB, 1e6)).toBe(false);
    expect(paysAfter(worth, 16, 1, 1e6)).toBe(16);
  });

  it("says so only while 64 MiB are left after those", () => {
    expect(paysAfter(new ThreadWorth(81 * MiB), 81, 1)).toBe(17);
    expect(paysAfter(new ThreadWorth(81 * MiB - 1), 80, 1)).toBeUndefined();
    expect(ThreadWorth.isPossible(80 * MiB)).toBe(true);
    expect(ThreadWorth.isPossible(80 * MiB - 1)).toBe(false);
  });

  it("takes opening a file for as much as 32 KiB", () => {
    expect(workOf(MiB, 3)).toBe(MiB + 3 * 32 * 1024);
  });
});
