import { describe, expect, it } from "vitest";
import { Backlog } from "../../../src/client/core/backlog.ts";

describe("Backlog", () => {
  it("is what is under way beyond what the way itself holds", () => {
    const backlog = new Backlog();
    for (let i = 0; i < 9; i++) backlog.began(1);
    // Nothing is known of the way.
    expect(backlog.length()).toBe(0);
    backlog.ended(1, 100);
    expect(backlog.length()).toBe(0);
    for (let i = 0; i < 40; i++) {
      backlog.began(1);
      backlog.ended(1, 400);
    }
    // Three quarters of the time a piece waits, and so do three quarters of the eight.
    expect(backlog.length()).toBeCloseTo(6, 1);
    for (let i = 0; i < 40; i++) {
      backlog.began(1);
      backlog.ended(1, 100);
    }
    expect(backlog.length()).toBeCloseTo(0, 1);
  });

  it("adds up the ways, and forgets what isn't waited for", () => {
    const backlog = new Backlog();
    for (const peer of [1, 2]) {
      for (let i = 0; i < 4; i++) backlog.began(peer);
      backlog.ended(peer, 1);
      backlog.ended(peer, 1_000_000);
    }
    expect(backlog.length()).toBeCloseTo(4, 1);
    backlog.dropped(1);
    expect(backlog.length()).toBeCloseTo(3, 1);
    backlog.gone(2);
    expect(backlog.length()).toBeCloseTo(1, 1);
    backlog.ended(2, 5);
    backlog.dropped(2);
    expect(backlog.length()).toBeCloseTo(1, 1);
  });
});
