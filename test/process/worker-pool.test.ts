import { expect, test } from "vitest";
import { runWorkers, WorkerCrashError } from "../../src/platform/worker-pool.ts";

const { signal } = new AbortController();

/** A worker whose module is `code`. */
function job(code: string, onMessage: (message: unknown) => void = () => undefined) {
  const entry = new URL(`data:text/javascript,${encodeURIComponent(code)}`);
  return { entry, count: 2, data: { word: "boo" }, onMessage };
}

const forever = "setInterval(() => {}, 1000);";
const post =
  "import { parentPort, workerData, threadId } from 'node:worker_threads'; parentPort.postMessage(workerData.word);";

test("every thread gets the data, and all of them are awaited", async () => {
  const heard: unknown[] = [];
  await runWorkers(
    job(post, (message) => heard.push(message)),
    signal,
  );
  expect(heard).toEqual(["boo", "boo"]);
});

test.each([
  ["throws", "throw new Error('ouch');", /ouch/],
  ["exits early", "process.exit(3);", /exit code 3/],
  ["can't be loaded", "import 'node:no-such-module';", /no-such-module/],
])("a thread that %s is a crash", async (_, code, message) => {
  await expect(runWorkers(job(code), signal)).rejects.toThrow(WorkerCrashError);
  await expect(runWorkers(job(code), signal)).rejects.toThrow(message);
});

test("one crash stops the others", async () => {
  const code = `import { threadId } from 'node:worker_threads'; if (threadId % 2) throw new Error('odd'); ${forever}`;
  await expect(runWorkers(job(code), signal)).rejects.toThrow(/odd/);
});

test("what the listener throws stops everything and is what the caller gets", async () => {
  const refusal = new Error("no");
  const running = runWorkers(
    job(`${post} ${forever}`, () => {
      throw refusal;
    }),
    signal,
  );
  await expect(running).rejects.toBe(refusal);
});

test("aborting stops threads that never yield", async () => {
  const stop = new AbortController();
  const reason = new Error("enough");
  const running = runWorkers(
    job(`${post} for (;;);`, () => stop.abort(reason)),
    stop.signal,
  );
  await expect(running).rejects.toBe(reason);
  await expect(runWorkers(job(post), stop.signal)).rejects.toBe(reason);
});
