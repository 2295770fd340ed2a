import { Worker } from "node:worker_threads";
import { describe, expect, test } from "vitest";
import { sleepCount } from "../../../src/platform/sleeps.ts";

const SLEEPS = 50;

/** Sleeps again and again, and counts in the second number, until the first one is set. */
const sleeper = `
  const { workerData: shared } = require("node:worker_threads");
  const nobody = new Int32Array(new SharedArrayBuffer(4));
  while (Atomics.load(shared, 0) === 0) {
    Atomics.wait(nobody, 0, 0, 1);
    Atomics.add(shared, 1, 1);
  }`;

describe.runIf(process.platform === "linux")("the count of sleeps", () => {
  test("grows when this thread sleeps", () => {
    const before = sleepCount();
    const nobody = new Int32Array(new SharedArrayBuffer(4));
    for (let i = 0; i < SLEEPS; i++) Atomics.wait(nobody, 0, 0, 1);
    expect(sleepCount() - before).toBeGreaterThanOrEqual(SLEEPS);
  });

  test("doesn't grow with the sleeps of other threads", async () => {
    const shared = new Int32Array(new SharedArrayBuffer(8));
    const worker = new Worker(sleeper, { eval: true, workerData: shared });
    const ended = new Promise((resolve) => worker.once("exit", resolve));
    await new Promise((resolve) => worker.once("online", resolve));
    const slept = () => Atomics.load(shared, 1);
    const before = sleepCount();
    const from = slept();
    while (slept() - from < SLEEPS) {
      // Awake.
    }
    // A collection of garbage may make it wait for its helpers once or twice.
    expect(sleepCount() - before).toBeLessThan(SLEEPS / 5);
    Atomics.store(shared, 0, 1);
    await ended;
  });
});
