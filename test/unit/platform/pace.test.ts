import { describe, expect, it } from "vitest";
import { Pace } from "../../../src/platform/pace.ts";
import { FakeClock } from "../../support/fake-clock.ts";

/** A pace, and a way to spend time in an operation. */
function started() {
  let now = 0;
  let sleeps = 0;
  const clock = new FakeClock();
  const pace = new Pace({ now: () => now, after: clock.after.bind(clock) }, () => sleeps);
  return {
    pace,
    spend: (millis: number) =>
      pace.time(() => {
        now += millis;
        sleeps++;
      }),
    /** The processor is busy with other programs. */
    spendAwake: (millis: number) => pace.time(() => (now += millis)),
    pass: (millis: number) => {
      now += millis;
    },
  };
}

describe("pace", () => {
  it("does things at once as long as they are quick", () => {
    const { pace, spend } = started();
    for (let i = 0; i < 100; i++) spend(1);
    expect(pace.isFast).toBe(true);
  });

  it("goes to the thread pool for a while after two slow operations, then tries again", () => {
    const { pace, spend, pass } = started();
    spend(6);
    expect(pace.isFast).toBe(true);
    for (let i = 0; i < 15; i++) spend(1);
    spend(6);
    expect(pace.isFast).toBe(false);
    pass(199);
    expect(pace.isFast).toBe(false);
    pass(1);
    expect(pace.isFast).toBe(true);
  });

  it("takes nothing for a slow disk that nobody slept for", () => {
    const { pace, spendAwake } = started();
    for (let i = 0; i < 100; i++) spendAwake(50);
    expect(pace.isFast).toBe(true);
  });

  it("takes whatever is slow for a slow disk where sleeping isn't counted", () => {
    let now = 0;
    const pace = new Pace({ now: () => now, after: () => ({ cancel() {} }) }, () => Number.NaN);
    pace.time(() => (now += 1));
    expect(pace.isFast).toBe(true);
    pace.time(() => (now += 6));
    pace.time(() => (now += 6));
    expect(pace.isFast).toBe(false);
  });

  it("takes a single slow operation for chance", () => {
    const { pace, spend } = started();
    for (let i = 0; i < 10; i++) {
      spend(6);
      for (let quick = 0; quick < 16; quick++) spend(1);
    }
    expect(pace.isFast).toBe(true);
  });

  it("stays away longer each time the disk proves slow again", () => {
    const { pace, spend, pass } = started();
    spend(6);
    spend(6);
    pass(200);
    spend(6);
    pass(399);
    expect(pace.isFast).toBe(false);
    pass(1);
    expect(pace.isFast).toBe(true);
  });

  it("forgets a slow past after a quick stretch", () => {
    const { pace, spend, pass } = started();
    for (let i = 0; i < 12; i++) {
      spend(6);
      pass(30_000);
    }
    pass(120_000);
    expect(pace.isFast).toBe(true);
    for (let i = 0; i < 16; i++) spend(1);
    spend(6);
    spend(6);
    pass(200);
    expect(pace.isFast).toBe(true);
  });

  it("notices that a failing operation was slow", () => {
    let now = 0;
    const pace = new Pace({ now: () => now, after: () => ({ cancel() {} }) }, () => now);
    const fail = () =>
      pace.time(() => {
        now += 50;
        throw new Error("EIO");
      });
    expect(fail).toThrow("EIO");
    expect(fail).toThrow("EIO");
    expect(pace.isFast).toBe(false);
  });
});
