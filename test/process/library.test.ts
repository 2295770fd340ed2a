/** The library's front door, in this very process: what is closed leaves nothing behind. */

import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { expect, it } from "vitest";
import { run } from "../../src/cli/run.ts";
import { type GetEvent, get, InterruptedError, type PublishEvent, publish } from "../../src/share.ts";
import { Child } from "../support/child.ts";
import { digestFile, noise } from "../support/data.ts";
import { useScratch } from "../support/use-scratch.ts";

const place = useScratch();

const at = (...parts: string[]) => path.join(place.dir, ...parts);

function publishHere(file: string, onEvent: (event: PublishEvent) => void = () => {}) {
  return publish([file], { bind: ["127.0.0.1"], cacheDir: at("cache"), onEvent });
}

const SCRIPT = `
import { readdirSync } from "node:fs";
const { get, publish } = await import(process.argv[1]);
const descriptors = () => readdirSync("/proc/self/fd").length;
// With its first stream the system's loop opens /dev/null, and keeps it.
process.stdout.write("");
const before = descriptors();
const publication = await publish(["file.bin"], { bind: ["127.0.0.1"], cacheDir: "cache" });
const [{ url }] = await publication.ready;
const download = await get(url, { directory: "out" });
await download.done;
await download.closed;
await publication.close();
// The system closes sockets in the next turns of the loop.
for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
console.log(descriptors() - before);
console.log(process.getActiveResourcesInfo().filter((name) => name !== "PipeWrap").join());
const closed = performance.now();
process.on("exit", () => console.log(performance.now() - closed < 500 ? "at once" : "late"));
`;

it("leaves no socket, timer, worker or open file when everything is closed: the process ends by itself", async () => {
  // Enough for a thread that checks and writes pieces.
  writeFileSync(at("file.bin"), Buffer.alloc(70_000_000, noise(1_000_003, 5)));
  const built = new URL("../../dist/share.js", import.meta.url).href;
  const child = new Child(process.execPath, ["--input-type=module", "-e", SCRIPT, built], { cwd: place.dir });
  try {
    await child.succeed(20_000);
  } finally {
    await child.stop("SIGKILL");
  }
  expect(await digestFile(at("out/file.bin"))).toBe(await digestFile(at("file.bin")));
  expect(child.stdout).toEqual(["0", "", "at once"]);
});

it("rejects `done` when it is stopped, and has let go of everything by then", async () => {
  writeFileSync(at("file.bin"), noise(3_000_000, 6));
  const publication = await publish([at("file.bin")], {
    bind: ["127.0.0.1"],
    cacheDir: at("cache"),
    limitUp: 500_000,
  });
  try {
    const [ready] = await publication.ready;
    const stop = new AbortController();
    const onEvent = (event: GetEvent) => {
      if (event.event === "progress") stop.abort();
    };
    const download = await get(ready?.url ?? "", { directory: at("out"), onEvent, signal: stop.signal });
    await expect(download.done).rejects.toBeInstanceOf(InterruptedError);
    // Nothing holds the place any more: the same download can begin again.
    const again = await get(ready?.url ?? "", { directory: at("out") });
    await again.close();
  } finally {
    await publication.close();
  }
});

it("starts while the publisher hashes, and tells the info hash when it is known", async () => {
  writeFileSync(at("file.bin"), noise(50_000, 7));
  const publication = await publishHere(at("file.bin"));
  const [ready] = await publication.ready;
  let asked = 0;
  // In front of the real share: it hashes for two answers more.
  const front = createServer((_, response) => {
    if (++asked < 3) {
      response.writeHead(503, { "content-type": "application/json" });
      response.end(JSON.stringify({ name: "file.bin", files: 1, bytes: 50_000, bytesDone: 0 }));
      return;
    }
    void fetch(ready?.torrentUrl ?? "").then(async (answer) =>
      response.end(new Uint8Array(await answer.arrayBuffer())),
    );
  });
  await new Promise<void>((resolve) => front.listen(0, "127.0.0.1", resolve));
  try {
    const events: GetEvent[] = [];
    // listening on TCP, so it is not a pipe's name
    const url = `http://127.0.0.1:${(front.address() as AddressInfo).port}/s/abc`;
    const download = await get(url, { directory: at("out"), onEvent: (event) => events.push(event) });
    await download.done;
    await download.closed;
    expect(events.slice(0, 2)).toEqual([
      { event: "started", infoHash: null, name: "file.bin", bytes: 50_000, files: 1, resumedBytes: 0 },
      { event: "identified", infoHash: ready?.infoHash },
    ]);
    expect(events.at(-1)).toMatchObject({ event: "done", infoHash: ready?.infoHash });
  } finally {
    front.closeAllConnections();
    await new Promise((resolve) => front.close(resolve));
    await publication.close();
  }
});

it("opens the page when asked to", async () => {
  writeFileSync(at("file.bin"), "data");
  const opened: string[] = [];
  const written: string[] = [];
  const readerGone = new AbortController();
  const code = await run([at("file.bin"), "--open", "--bind", "127.0.0.1", "--cache-dir", at("cache")], {
    stdout: { write: (text) => written.push(text) },
    stderr: { write: () => true },
    env: {},
    now: () => performance.now(),
    openUrl: (url) => {
      opened.push(url);
      readerGone.abort();
      return Promise.resolve();
    },
    readerGone: readerGone.signal,
  });
  expect(code).toBe(0);
  expect(opened).toEqual([written[0]?.trimEnd()]);
});
