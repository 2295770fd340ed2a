/** The built command's web server, where its parts have to agree. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ShareProcess } from "../support/command.ts";
import { noise } from "../support/data.ts";
import { useScratch } from "../support/use-scratch.ts";

const data = noise(1_500_000, 1);
const place = useScratch();
let publisher: ShareProcess;

beforeEach(() => {
  writeFileSync(join(place.dir, "file.bin"), data);
});
afterEach(async () => {
  await publisher.stop();
});

function publish(...flags: string[]): void {
  const cache = join(place.dir, "cache");
  publisher = new ShareProcess([
    join(place.dir, "file.bin"),
    "--bind",
    "127.0.0.1",
    "--cache-dir",
    cache,
    ...flags,
  ]);
}

it("holds downloads over HTTP to --limit-up", async () => {
  publish("--limit-up", "1MB/s");
  const { url } = await publisher.event("ready");
  const start = performance.now();
  const body = Buffer.from(await (await fetch(`${url}/files/file.bin`)).arrayBuffer());
  expect(body.equals(data)).toBe(true);
  expect(performance.now() - start).toBeGreaterThan(1_000);
});

it("ends while somebody downloads", async () => {
  publish("--limit-up", "100KB/s");
  const { url } = await publisher.event("ready");
  const download = fetch(`${url}/files/file.bin`).then((answer) => answer.arrayBuffer());
  const outcome = expect(download).rejects.toThrow();
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(await publisher.stop("SIGINT")).toBe(0);
  await outcome;
});
