/** The tracker's log on a disk that takes nothing for a while: a pipe that nobody reads. */
import { open } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, it } from "vitest";
import { TrackerLog, type TrackerLogEvent } from "../../src/share/track/tracker-log.ts";
import { run } from "../support/child.ts";
import { scratch } from "../support/data.ts";

const place = scratch();
afterAll(() => place.remove());

/** About 250 bytes as a line. */
const event = (n: number): TrackerLogEvent => ({
  time: new Date(n).toISOString(),
  event: "joined",
  infoHash: "ab".repeat(20),
  address: "127.0.0.1:7000",
  client: "c".repeat(100),
  progress: n,
});

async function openStalled(name: string) {
  const fifo = path.join(place.dir, name);
  await run("mkfifo", [fifo]);
  const errors: Error[] = [];
  const [reader, log] = await Promise.all([
    open(fifo, "r"),
    TrackerLog.open(fifo, (error) => errors.push(error)),
  ]);
  return { log, errors, readAll: async () => (await reader.readFile("utf8")).split("\n").slice(0, -1) };
}

it("takes bounded memory while nothing can be written, and goes on once it can, with whole lines", async () => {
  const { log, errors, readAll } = await openStalled("bounded");
  // The first burst is on its way when the second one comes.
  for (let n = 0; n < 40_000; n++) log.write(event(n));
  await sleep(50);
  for (let n = 40_000; n < 80_000; n++) log.write(event(n));
  const reading = readAll();
  await log.close();
  const lines = await reading;
  const bytes = lines.reduce((sum, line) => sum + line.length + 1, 0);
  // Twice 4 MiB, and the line that goes beyond.
  expect(bytes).toBeLessThan((8 << 20) + 1_000);
  expect(bytes).toBeGreaterThan(8 << 20);
  const numbers = lines.map((line) => Number((JSON.parse(line) as TrackerLogEvent).progress)); // as it was written
  expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
  expect(errors).toEqual([]);
});

it("is closed when the last line is written, not before", async () => {
  const { log, errors, readAll } = await openStalled("last");
  const count = 10_000;
  for (let n = 0; n < count; n++) log.write(event(n));
  let isClosed = false;
  const closed = (async () => {
    await log.close();
    isClosed = true;
  })();
  await sleep(200);
  expect(isClosed).toBe(false);
  const lines = await readAll();
  await closed;
  expect(lines).toHaveLength(count);
  expect(errors).toEqual([]);
});
