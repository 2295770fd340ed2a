import { afterEach, expect, test } from "vitest";
import { WorkerCrashError, WorkerPool } from "../../src/platform/worker-pool.ts";

const { signal } = new AbortController();
const pools: WorkerPool[] = [];
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
});

/** Threads whose module is `code`. */
function poolOf(code: string): WorkerPool {
  const text = `import { parentPort, threadId } from 'node:worker_threads';${code}`;
  const pool = new WorkerPool(new URL(`data:text/javascript,${encodeURIComponent(text)}`));
  pools.push(pool);
  return pool;
}

const task = (onAnswer: (answer: unknown) => void = () => undefined, data: unknown = "boo") => ({
  count: 2,
  data,
  onAnswer,
});

const echo = "parentPort.on('message', (word) => parentPort.postMessage(word));";
const who = "parentPort.on('message', () => parentPort.postMessage(threadId));";
const forever = "setInterval(() => {}, 1000);";

test("every thread gets the task, and all of them are awaited", async () => {
  const heard: unknown[] = [];
  await poolOf(echo).run(
    task((answer) => heard.push(answer)),
    signal,
  );
  expect(heard).toEqual(["boo", "boo"]);
});

test("the same threads get the next task", async () => {
  const pool = poolOf(who);
  pool.start(1);
  const heard: unknown[][] = [];
  for (let i = 0; i < 3; i++) {
    const ids: unknown[] = [];
    await pool.run(
      task((id) => ids.push(id)),
      signal,
    );
    heard.push(ids.toSorted());
  }
  expect(new Set(heard[0]).size).toBe(2);
  expect(heard[1]).toEqual(heard[0]);
  expect(heard[2]).toEqual(heard[0]);
});

test.each([
  ["throws", "throw new Error('ouch');", /ouch/],
  ["exits early", "process.exit(3);", /exit code 3/],
  ["comes to an end", "", /exit code 0/],
  ["can't be loaded", "import 'node:no-such-module';", /no-such-module/],
])("a thread that %s is a crash", async (_, code, message) => {
  const crash = poolOf(code).run(task(), signal);
  await expect(crash).rejects.toThrow(WorkerCrashError);
  await expect(crash).rejects.toThrow(message);
});

test("a crash between two tasks is told by the next one", async () => {
  const pool = poolOf(
    `${who} parentPort.on('message', () => setTimeout(() => { throw new Error('late'); }));`,
  );
  await pool.run({ ...task(), count: 1 }, signal);
  await new Promise((resolve) => setTimeout(resolve, 300));
  await expect(pool.run({ ...task(), count: 1 }, signal)).rejects.toThrow(/late/);
});

test("one crash stops the others", async () => {
  const pool = poolOf(`if (threadId % 2) throw new Error('odd'); ${forever}`);
  await expect(pool.run(task(), signal)).rejects.toThrow(/odd/);
});

test("what the listener throws stops everything and is what the caller gets", async () => {
  const refusal = new Error("no");
  const running = poolOf(`${echo} ${forever}`).run(
    task(() => {
      throw refusal;
    }),
    signal,
  );
  await expect(running).rejects.toBe(refusal);
});

test("aborting stops threads that never yield", async () => {
  const stop = new AbortController();
  const reason = new Error("enough");
  const memory = new Int32Array(new SharedArrayBuffer(4));
  const code = "parentPort.on('message', (memory) => { for (;;) Atomics.store(memory, 0, 1); });";
  const running = poolOf(code).run(task(undefined, memory), stop.signal);
  const watch = setInterval(() => {
    if (Atomics.load(memory, 0) === 1) stop.abort(reason);
  }, 5);
  await expect(running).rejects.toBe(reason);
  clearInterval(watch);
  await expect(poolOf(echo).run(task(), stop.signal)).rejects.toBe(reason);
});

test("closing ends threads that never yield, and starts none any more", async () => {
  const pool = poolOf("for (;;);");
  pool.start(2);
  await pool.close();
  pool.start(2);
  await pool.close();
});
