import { afterEach, expect, test } from "vitest";
import { WorkerLine } from "../../src/platform/worker-line.ts";
import { WorkerCrashError } from "../../src/platform/worker-pool.ts";

const lines: WorkerLine[] = [];
afterEach(async () => {
  await Promise.all(lines.splice(0).map((line) => line.close()));
});

/** A thread whose module is `code`. */
function lineOf(code: string): WorkerLine {
  const text = `import { parentPort } from 'node:worker_threads';${code}`;
  const line = new WorkerLine(new URL(`data:text/javascript,${encodeURIComponent(text)}`));
  lines.push(line);
  return line;
}

const double = "parentPort.on('message', (n) => parentPort.postMessage(2 * n));";

test("whoever asks gets the answer to that, however many ask at once", async () => {
  const line = lineOf(double);
  const asked = Array.from({ length: 500 }, (_, i) => line.ask(i));
  expect(await Promise.all(asked)).toEqual(asked.map((_, i) => 2 * i));
});

test("what is asked shares its memory with the thread", async () => {
  const memory = new Uint8Array(new SharedArrayBuffer(8));
  const line = lineOf("parentPort.on('message', (bytes) => { bytes[3] = 7; parentPort.postMessage(0); });");
  await line.ask(memory);
  expect(memory[3]).toBe(7);
});

test.each([
  ["throws", "parentPort.on('message', () => { throw new Error('ouch'); });", /ouch/],
  ["ends", "parentPort.on('message', () => process.exit(3));", /exit code 3/],
  ["can't be loaded", "import 'node:no-such-module';", /no-such-module/],
])("a thread that %s fails all that is asked, and all that is asked later", async (_, code, message) => {
  const line = lineOf(code);
  const asked = await Promise.allSettled([line.ask(1), line.ask(2)]);
  for (const outcome of asked) {
    expect(outcome).toMatchObject({ status: "rejected", reason: expect.any(WorkerCrashError) });
    expect(outcome).toMatchObject({ reason: { message: expect.stringMatching(message) } });
  }
  await expect(line.ask(3)).rejects.toThrow(message);
});

test("closing refuses what is not answered yet, however busy the thread is", async () => {
  const line = lineOf("parentPort.on('message', () => { for (;;); });");
  const asked = expect(line.ask(1)).rejects.toThrow(WorkerCrashError);
  await line.close();
  await asked;
  await expect(line.ask(2)).rejects.toThrow(WorkerCrashError);
  await line.close();
});
