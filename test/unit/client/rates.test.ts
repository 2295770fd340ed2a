import { describe, expect, it } from "vitest";
import { BLOCK_LENGTH } from "../../../src/client/core/active-piece.ts";
import { MIN_DEPTH, Pipeline } from "../../../src/client/core/pipeline.ts";
import { RateMeter } from "../../../src/client/core/rate.ts";
import { TokenBucket } from "../../../src/client/core/token-bucket.ts";
import { Limiter } from "../../../src/client/limiter.ts";
import { FakeClock } from "../../support/fake-clock.ts";

describe("RateMeter", () => {
  it("gives the rate over its span, and forgets", () => {
    const meter = new RateMeter(10_000, 0);
    for (let t = 0; t < 20_000; t += 100) meter.add(1000, t);
    expect(meter.rate(20_000)).toBeGreaterThan(9_000);
    expect(meter.rate(20_000)).toBeLessThan(11_000);
    expect(meter.rate(31_000)).toBe(0);
    expect(meter.total).toBe(200_000);
  });

  it("doesn't wait for its whole span at the start", () => {
    const meter = new RateMeter(10_000, 500);
    for (let t = 500; t < 2500; t += 100) meter.add(1000, t);
    expect(meter.rate(2500)).toBeCloseTo(10_000, -3);
  });
});

describe("TokenBucket", () => {
  it("keeps the average within a hundredth", () => {
    const bucket = new TokenBucket(1_000_000, 0);
    let sent = 0;
    for (let t = 0; t <= 5000; t += 3) while (bucket.take(BLOCK_LENGTH, t)) sent += BLOCK_LENGTH;
    expect(sent).toBeGreaterThan(4_950_000);
    expect(sent).toBeLessThan(5_150_000);
  });

  it("saves up no more than a tenth of a second", () => {
    const bucket = new TokenBucket(1_000_000, 0);
    let sent = 0;
    while (bucket.take(1000, 100_000)) sent += 1000;
    expect(sent).toBeLessThanOrEqual(101_000);
  });

  it("says when it's worth asking again", () => {
    const bucket = new TokenBucket(100_000, 0);
    bucket.spend(66_384, 0);
    const wait = bucket.wait(0);
    expect(bucket.take(1, wait - 5)).toBe(false);
    expect(bucket.take(1, wait + 1)).toBe(true);
  });

  it("starts with a tenth of a second's worth, at least a block's, and pays for more afterwards", () => {
    for (const [rate, worth] of [
      [1_000_000, 100_000],
      [1_000, BLOCK_LENGTH],
    ] as const) {
      const bucket = new TokenBucket(rate, 0);
      bucket.spend(worth - 1, 0);
      expect([bucket.wait(0), bucket.take(1, 0), bucket.take(1, 0)]).toEqual([0, true, false]);
      expect(bucket.wait(0)).toBe(Math.ceil(1000 / rate));
    }
  });

  it("asks for patience in proportion to its debt", () => {
    const bucket = new TokenBucket(10_000, 0);
    bucket.spend(BLOCK_LENGTH + 10_000, 0);
    expect([bucket.wait(0), bucket.wait(400)]).toEqual([1001, 601]);
    expect([bucket.take(1, 1_000), bucket.take(1, 1_001)]).toEqual([false, true]);
  });

  it("keeps its debt when the rate changes, and nothing that it saved at a higher one", () => {
    const bucket = new TokenBucket(1_000_000, 0);
    bucket.setRate(1_000, 0);
    expect(bucket.rate).toBe(1_000);
    bucket.spend(BLOCK_LENGTH, 0);
    expect(bucket.wait(0)).toBe(1);
    bucket.spend(10_000, 0);
    bucket.setRate(100_000, 0);
    expect(bucket.wait(0)).toBe(101);
  });

  it("owes nothing for the time without a limit", () => {
    const bucket = new TokenBucket(1_000, 0);
    bucket.spend(1_000_000, 0);
    bucket.setRate(Number.POSITIVE_INFINITY, 0);
    expect(bucket.unlimited).toBe(true);
    bucket.spend(1e12, 0);
    bucket.setRate(1_000, 5_000);
    expect([bucket.unlimited, bucket.wait(5_000)]).toEqual([false, 0]);
  });

  it("never waits without a limit", () => {
    const bucket = new TokenBucket(Number.POSITIVE_INFINITY, 0);
    expect(bucket.take(1e12, 0)).toBe(true);
    expect(bucket.wait(0)).toBe(0);
  });
});

describe("Limiter", () => {
  it("shares a rate evenly among those who keep asking", async () => {
    const clock = new FakeClock();
    const limiter = new Limiter(1_000_000, clock);
    const got = [0, 0, 0];
    const ask = (who: number): void => {
      while (limiter.take(BLOCK_LENGTH, () => granted(who))) got[who] = (got[who] ?? 0) + BLOCK_LENGTH;
    };
    const granted = (who: number): void => {
      got[who] = (got[who] ?? 0) + BLOCK_LENGTH;
      ask(who);
    };
    for (const who of [0, 1, 2]) ask(who);
    await clock.advance(5000);
    const total = got.reduce((a, b) => a + b, 0);
    expect(total).toBeGreaterThan(4_900_000);
    expect(total).toBeLessThan(5_250_000);
    expect(Math.max(...got) / Math.min(...got)).toBeLessThan(1.15);
    limiter.close();
    expect(clock.pending).toBe(0);
  });

  it("serves who waits when the limit is lifted", () => {
    const clock = new FakeClock();
    const limiter = new Limiter(1000, clock);
    let granted = 0;
    limiter.take(1_000_000, () => granted++);
    limiter.take(1_000_000, () => granted++);
    limiter.setRate(Number.POSITIVE_INFINITY);
    expect(granted).toBe(1);
    expect(clock.pending).toBe(0);
  });
});

/** A peer with `rate` bytes a millisecond behind `latency`, kept asked for `depth` blocks: one second of it. */
function drive(pipeline: Pipeline, rate: number, latency: number, seconds: number): void {
  const queue: number[] = [];
  let free = 0;
  for (let t = 0; t < seconds * 1000; t++) {
    while (queue.length < pipeline.depth) {
      free = Math.max(free, t + latency / 2) + BLOCK_LENGTH / rate;
      queue.push(t, free + latency / 2);
    }
    while ((queue[1] ?? Number.POSITIVE_INFINITY) <= t) {
      const asked = queue.shift() ?? 0;
      queue.shift();
      pipeline.received(BLOCK_LENGTH, asked, t);
    }
  }
}

describe("Pipeline", () => {
  it("stays shallow on a slow link", () => {
    const pipeline = new Pipeline(0);
    drive(pipeline, 50, 2, 5);
    expect(pipeline.depth).toBeLessThanOrEqual(MIN_DEPTH + 1);
  });

  it("grows until a fast link far away is full", () => {
    const pipeline = new Pipeline(0);
    pipeline.setLimit(2000);
    drive(pipeline, 10_000, 100, 5);
    // 10,000 bytes/ms * 100 ms is the least that fills it: 61 blocks.
    expect(pipeline.depth).toBeGreaterThan(61);
    expect(pipeline.depth).toBeLessThan(400);
  });

  it("fills a peer that answers twice a second", () => {
    const pipeline = new Pipeline(0);
    pipeline.setLimit(500);
    pipeline.allowForTurns();
    let asked = Array.from({ length: pipeline.depth }, () => 0);
    for (let now = 500; now <= 10_000; now += 500) {
      for (const at of asked) pipeline.received(BLOCK_LENGTH, at, now);
      asked = Array.from({ length: pipeline.depth }, () => now);
    }
    expect(pipeline.depth).toBe(500);
  });

  it("never exceeds what the peer queues", () => {
    const pipeline = new Pipeline(0);
    pipeline.setLimit(10);
    drive(pipeline, 10_000, 100, 5);
    expect(pipeline.depth).toBe(10);
  });

  it("asks for no more than it may, though the peer and the link could take it", () => {
    const pipeline = new Pipeline(0, 3);
    expect(pipeline.depth).toBe(3);
    pipeline.setLimit(2000);
    pipeline.allowForTurns();
    drive(pipeline, 10_000, 100, 5);
    expect(pipeline.depth).toBe(3);
  });

  it("says how long blocks will take, once it knows", () => {
    const pipeline = new Pipeline(0);
    expect([pipeline.expected(1), pipeline.patience(1)]).toEqual([Number.POSITIVE_INFINITY, 15_000]);
    for (let now = 100; now <= 1_000; now += 100) pipeline.received(BLOCK_LENGTH, now - 30, now);
    // A block in a tenth of a second, 30 ms away.
    expect([0, 1, 10].map((blocks) => pipeline.expected(blocks))).toEqual([30, 130, 1_030]);
    expect(pipeline.patience(100)).toBe(4 * (100 * 100 + 2 * 30));
  });

  it("doesn't count the time in which nothing was asked for", () => {
    const pipeline = new Pipeline(0);
    pipeline.idleUntil(60_000);
    pipeline.received(BLOCK_LENGTH, 60_070, 60_100);
    expect(pipeline.expected(1)).toBe(130);
  });

  it("waits longer for a slow peer than for a fast one, within a minute", () => {
    const fast = new Pipeline(0);
    drive(fast, 10_000, 10, 2);
    const slow = new Pipeline(0);
    drive(slow, 5, 10, 60);
    expect(fast.patience(10)).toBe(5000);
    expect(slow.patience(4)).toBeGreaterThan(20_000);
    expect(slow.patience(400)).toBe(60_000);
  });
});
