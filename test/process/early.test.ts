/** Downloading while the publisher is still hashing: a scripted publisher, so that every moment can be had at will. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ShareProcess } from "../support/command.ts";
import { noise } from "../support/data.ts";
import { EARLY_PIECE, EarlyPublisher } from "../support/early-publisher.ts";
import { useScratch } from "../support/use-scratch.ts";

const PIECES = 40;
const LENGTH = PIECES * EARLY_PIECE - 1000;
/** `a` ends inside piece 15. */
const A = 15 * EARLY_PIECE + 7;

const place = useScratch();
let publisher: EarlyPublisher;
let running: ShareProcess[];

beforeEach(async () => {
  running = [];
  const data = noise(LENGTH, 21);
  publisher = new EarlyPublisher([
    { path: "a", data: data.slice(0, A) },
    { path: "sub/b", data: data.slice(A) },
  ]);
  await publisher.open();
});
afterEach(async () => {
  await Promise.all(running.map((child) => child.stop("SIGKILL")));
  await publisher.close();
});

function get(...args: readonly string[]): ShareProcess {
  const child = new ShareProcess([
    "get",
    publisher.url,
    "-o",
    path.join(place.dir, "out"),
    "--port",
    "0",
    "--no-lan",
    "--timeout",
    "20s",
    ...args,
  ]);
  running.push(child);
  return child;
}

/** Waits until `pieces` are verified. */
async function has(child: ShareProcess, pieces: number): Promise<void> {
  const bytes = Math.min(LENGTH, pieces * EARLY_PIECE);
  await child.until(
    () => (Number(child.lastEvent("progress")?.["bytesDone"]) >= bytes ? true : undefined),
    15_000,
  );
}

function expectSame(): void {
  for (const { path: at, data } of publisher.files)
    expect(readFileSync(path.join(place.dir, "out/folder", at)).equals(data), at).toBe(true);
}

describe("while the publisher hashes", () => {
  it("fetches what it has hashed and no more, and is done only when the torrent is there", async () => {
    const child = get();
    const started = await child.event("started");
    expect(started).toMatchObject({ infoHash: null, name: "folder", files: 2, bytes: LENGTH });
    publisher.reveal(20);
    await has(child, 20);
    expect(child.lastEvent("progress")).toMatchObject({ bytesDone: 20 * EARLY_PIECE, peers: 0 });
    publisher.reveal(PIECES);
    await has(child, PIECES);
    expect(child.lastEvent("done")).toBeUndefined();
    publisher.finish();
    await child.succeed();
    const names = child.events.map(({ event }) => event).filter((event) => event !== "progress");
    expect(names).toEqual(["started", "identified", "done"]);
    expect(child.lastEvent("done")?.["infoHash"]).toBe(child.lastEvent("identified")?.["infoHash"]);
    expectSame();
    expect(publisher.bytesAsked).toBe(LENGTH);
    expect(existsSync(path.join(place.dir, "out/.folder.boojum"))).toBe(false);
  });

  it("goes on with what it has when it's interrupted, killed, and the publisher still hashes", async () => {
    publisher.reveal(20);
    const first = get();
    await has(first, 20);
    expect(await first.stop("SIGINT")).toBe(130);
    publisher.reveal(30);
    const second = get();
    await has(second, 30);
    await second.stop("SIGKILL");
    publisher.reveal(PIECES);
    const third = get();
    await has(third, PIECES);
    publisher.finish();
    await third.succeed();
    expectSame();
    expect(publisher.bytesAsked).toBe(LENGTH);
  });

  it("goes on with what it has when the publisher is ready by then", async () => {
    publisher.reveal(20);
    const first = get();
    await has(first, 20);
    await first.stop("SIGINT");
    publisher.finish();
    const second = get();
    await second.succeed();
    expect(second.lastEvent("started")).toMatchObject({ resumedBytes: 20 * EARLY_PIECE });
    expectSame();
    expect(publisher.bytesAsked).toBe(LENGTH);
  });

  it("waits for a publisher that is killed and comes back, and fetches nothing twice", async () => {
    publisher.reveal(20);
    const child = get();
    await has(child, 20);
    await publisher.close();
    await child.until(() =>
      child.events.filter(({ event }) => event === "progress").length > 3 ? true : undefined,
    );
    await publisher.open();
    publisher.reveal(PIECES);
    await has(child, PIECES);
    publisher.finish();
    await child.succeed();
    expectSame();
    expect(publisher.bytesAsked).toBe(LENGTH);
  });

  it("fetches again what has changed at a publisher that began anew", async () => {
    publisher.reveal(20);
    const child = get();
    await has(child, 20);
    await publisher.close();
    publisher.files[0]?.data.fill(7, 3 * EARLY_PIECE, 3 * EARLY_PIECE + 10);
    await publisher.open();
    publisher.finish();
    await child.succeed();
    expectSame();
    expect(publisher.bytesAsked).toBe(LENGTH + EARLY_PIECE);
  });

  it("begins anew with a publisher whose list of files has changed, and keeps what is the same", async () => {
    publisher.reveal(20);
    const child = get();
    await has(child, 20);
    await publisher.close();
    publisher.files.push({ path: "sub/c", data: noise(100_000, 22) });
    await publisher.open();
    publisher.finish();
    await child.succeed();
    expectSame();
    expect(child.events.filter(({ event }) => event === "started")).toHaveLength(1);
    expect(publisher.bytesAsked).toBe(LENGTH + 100_000);
  });

  it("fails with the publisher, saying why, and keeps what it has", async () => {
    publisher.reveal(20);
    const child = get();
    await has(child, 20);
    publisher.fail("A file changed.");
    expect(await child.end()).toBe(1);
    expect(child.lastEvent("error")?.["message"]).toContain("isn't shared any more");
    expect(existsSync(path.join(place.dir, "out/folder/a"))).toBe(true);
  });

  it("takes nothing that doesn't fit its hash", async () => {
    const [, b] = publisher.files;
    const right = b?.data.slice();
    publisher.reveal(PIECES);
    // Another version of the file than the one that was hashed.
    const child = get();
    b?.data.fill(9, 100_000, 1_000_000);
    await child.until(() => (publisher.fetched.length > 0 ? true : undefined));
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    if (b !== undefined && right !== undefined) b.data = right;
    publisher.finish();
    await child.succeed();
    expectSame();
  });

  it("leaves files alone that it can't judge yet, and judges them by the torrent", async () => {
    mkdirSync(path.join(place.dir, "out/folder"), { recursive: true });
    writeFileSync(path.join(place.dir, "out/folder/a"), new Uint8Array(A));
    publisher.reveal(20);
    const child = get();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    publisher.finish();
    expect(await child.end()).toBe(1);
    expect(child.lastEvent("error")).toMatchObject({ code: "output-exists" });
    expect(publisher.fetched).toEqual([]);
    expect(readFileSync(path.join(place.dir, "out/folder/a")).every((byte) => byte === 0)).toBe(true);
  });

  it("keeps a second download out of the same place, and serves one in another", async () => {
    publisher.reveal(20);
    const first = get();
    await has(first, 20);
    const second = get();
    expect(await second.end()).toBe(1);
    expect(second.lastEvent("error")).toMatchObject({ code: "output-locked" });
    const third = get("-o", path.join(place.dir, "other"));
    await has(third, 20);
    publisher.finish();
    await Promise.all([first.succeed(), third.succeed()]);
    expectSame();
  });

  it("fetches only what was selected", async () => {
    const child = get("--select", "a");
    publisher.reveal(PIECES);
    await child.event("started");
    publisher.finish();
    await child.succeed();
    expect(
      readFileSync(path.join(place.dir, "out/folder/a")).equals(publisher.files[0]?.data ?? new Uint8Array()),
    ).toBe(true);
    expect(existsSync(path.join(place.dir, "out/folder/sub"))).toBe(false);
    expect(publisher.bytesAsked).toBe(16 * EARLY_PIECE);
  });

  it("gives up when nothing comes for too long", async () => {
    const child = get("--timeout", "2s");
    expect(await child.end()).toBe(5);
  });
});
