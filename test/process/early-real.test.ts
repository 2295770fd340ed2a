/** Our own publisher while it hashes: what it tells, to whom, and downloads that begin before it knows its torrent. */
import { hash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ShareProcess } from "../support/command.ts";
import { digestTree, noise, scratch } from "../support/data.ts";

const place = scratch();
const root = path.join(place.dir, "folder");
/** Takes about a tenth of a second to hash, or more. */
const BIG = 160_000_000;
let running: ShareProcess[] = [];
let jobs = 0;

beforeAll(() => {
  mkdirSync(path.join(root, "sub"), { recursive: true });
  writeFileSync(path.join(root, "big.bin"), noise(BIG, 31));
  writeFileSync(path.join(root, "empty"), "");
  writeFileSync(path.join(root, "sub", "ü b.txt"), noise(70_001, 32));
});
afterEach(async () => {
  await Promise.all(running.map((child) => child.stop("SIGKILL")));
  running = [];
});
afterAll(() => place.remove());

function start(args: readonly string[]): ShareProcess {
  const child = new ShareProcess(args);
  running.push(child);
  return child;
}

/** @returns its URL as soon as that answers, hours before it is ready as the case may be. */
async function publish(
  ...args: readonly string[]
): Promise<{ readonly publisher: ShareProcess; readonly url: string }> {
  const cache = path.join(place.dir, `cache-${++jobs}`);
  const publisher = start([root, "--bind", "127.0.0.1", "--no-lan", "--cache-dir", cache, ...args]);
  const { shares } = await publisher.event("listening");
  const [{ url }] = shares as [{ url: string }];
  return { publisher, url };
}

describe("/s/ID/hashes", () => {
  it("tells the files, then each hash as it is known, then the info hash", async () => {
    const { publisher, url } = await publish();
    let response = await fetch(`${url}/hashes`);
    for (; response.status === 503; response = await fetch(`${url}/hashes`)) await response.text();
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("application/x-ndjson");
    const lines = (await response.text())
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const ready = await publisher.event("ready");
    const pieceLength = Number(ready["pieceLength"]);
    expect(lines[0]).toEqual({
      hashes: 1,
      name: "folder",
      oneFile: false,
      pieceLength,
      bytes: BIG + 70_001,
      files: 3,
      webSeed: "seed/",
    });
    expect(lines.slice(1, 4)).toEqual([
      { path: ["big.bin"], bytes: BIG },
      { path: ["empty"], bytes: 0 },
      { path: ["sub", "ü b.txt"], bytes: 70_001 },
    ]);
    expect(lines.at(-1)).toEqual({ infoHash: ready["infoHash"] });
    const told = Buffer.concat(lines.slice(4, -1).map(({ sha1 }) => Buffer.from(String(sha1), "base64")));
    const stream = Buffer.concat([
      readFileSync(path.join(root, "big.bin")),
      readFileSync(path.join(root, "sub/ü b.txt")),
    ]);
    const expected: Buffer[] = [];
    for (let at = 0; at < stream.length; at += pieceLength)
      expected.push(hash("sha1", stream.subarray(at, at + pieceLength), "buffer"));
    expect(told.equals(Buffer.concat(expected))).toBe(true);
    // A HEAD ends at once.
    expect((await fetch(`${url}/hashes`, { method: "HEAD" })).status).toBe(200);
  });

  it("tells nothing to those without the password, and the path of the web seed to those with it", async () => {
    const { publisher, url } = await publish("--password", "snark");
    await publisher.event("ready");
    expect((await fetch(`${url}/hashes`)).status).toBe(401);
    const authorization = `Basic ${Buffer.from(":snark").toString("base64")}`;
    const [opening = ""] = (
      await (await fetch(`${url}/hashes`, { headers: { authorization } })).text()
    ).split("\n");
    const head = JSON.parse(opening) as Record<string, string>;
    expect(head).toMatchObject({ private: true, unlisted: true, webSeed: `seed/${head["token"]}/` });
    const file = await fetch(new URL(`${head["webSeed"]}folder/empty`, `${url}/hashes`));
    expect(file.status).toBe(200);
  });
});

describe("a download that begins with its publisher", () => {
  it.each([
    ["", []],
    [" of an unlisted share", ["--unlisted"]],
    [" of a share with a password", ["--password", "snark"]],
  ])("completes%s, and counts as a copy", async (_, flags) => {
    const { publisher, url } = await publish(...flags);
    const out = path.join(place.dir, `out-${jobs}`);
    const password = flags[0] === "--password" ? flags : [];
    const getter = start(["get", url, "-o", out, "--port", "0", "--no-lan", "--timeout", "30s", ...password]);
    await getter.succeed();
    expect(await digestTree(path.join(out, "folder"))).toEqual(await digestTree(root));
    expect(getter.lastEvent("done")?.["infoHash"]).toBe(publisher.lastEvent("ready")?.["infoHash"]);
    await publisher.until((child) => child.stdout.find((line) => line.includes('"state":"completed"')));
    expect(publisher.events.filter(({ state }) => state === "completed")).toHaveLength(1);
  });

  it("survives that the publisher is killed while it hashes, and started again", async () => {
    const { publisher, url } = await publish("--limit-up", "30MB");
    const cache = path.join(place.dir, `cache-${jobs}`);
    const out = path.join(place.dir, `out-${jobs}`);
    const getter = start(["get", url, "-o", out, "--port", "0", "--no-lan", "--timeout", "60s"]);
    await getter.event("started");
    await publisher.stop("SIGKILL");
    start([root, "--bind", "127.0.0.1", "--no-lan", "--cache-dir", cache]);
    await getter.succeed();
    expect(await digestTree(path.join(out, "folder"))).toEqual(await digestTree(root));
  });
});
