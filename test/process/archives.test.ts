/** A share as one file, over real sockets and from real files. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  statSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createWeb } from "../../src/httpd/app.ts";
import type { Share, SharedFile } from "../../src/httpd/model.ts";
import type { SendLimit } from "../../src/httpd/pump.ts";
import { type Listener, listen } from "../../src/platform/listener.ts";
import { share, sharedFile } from "../support/catalog.ts";
import { noise } from "../support/data.ts";
import { useScratch } from "../support/use-scratch.ts";

const place = useScratch();
let listener: Listener;
let files: SharedFile[];
let shares: Map<string, Share>;
let limit: SendLimit | undefined;

beforeEach(async () => {
  files = [
    sharedFile(place.dir, ["a.bin"], noise(1_000_003, 1)),
    sharedFile(place.dir, ["empty"], ""),
    ...Array.from({ length: 50 }, (_, i) => sharedFile(place.dir, ["sub", `${i} ü`], noise(i * 31, i + 2))),
    sharedFile(place.dir, ["z.bin"], noise(2_000_001, 60)),
  ];
  shares = new Map();
  shares.set("k3f9x2", share({ files }));
  limit = undefined;
  const shared = { listed: () => [...shares.values()], get: (id: string) => shares.get(id) };
  listener = await listen(
    { port: 0, bind: ["127.0.0.1"] },
    { request: createWeb({ catalog: shared, version: "", hostNames: () => [], limit: () => limit }) },
  );
});
afterEach(async () => {
  await listener.close();
});

/** The same files as if nobody had asked for them before: nothing is known of their sums. */
function forget(): void {
  shares.set("k3f9x2", share({ files: [...files] }));
}

async function ask(
  path: string,
  headers: Record<string, string> = {},
  method = "GET",
): Promise<IncomingMessage> {
  const request = httpRequest({
    port: listener.port,
    host: "127.0.0.1",
    path,
    headers,
    method,
    agent: false,
  });
  request.end();
  const [answer] = (await once(request, "response")) as [IncomingMessage];
  return answer;
}

async function bodyOf(answer: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of answer) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

const fetchAll = async (path: string, headers?: Record<string, string>) => bodyOf(await ask(path, headers));

/** How much comes before the connection ends, however it ends. */
async function received(answer: IncomingMessage): Promise<number> {
  let bytes = 0;
  answer.on("data", (part: Buffer) => {
    bytes += part.length;
  });
  answer.on("error", () => {});
  await new Promise((resolve) => {
    answer.once("close", resolve);
  });
  return bytes;
}

/** Our own descriptors that are open on files of the share (Linux). */
function openFiles(): number {
  return readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(place.dir);
    } catch {
      return false;
    }
  }).length;
}

const bodyless = (length: number): SharedFile => ({
  path: ["huge"],
  absolutePath: join(place.dir, "huge"),
  length,
  executable: false,
  mtimeNs: 0n,
  ctimeNs: 0n,
  inode: 0n,
});

describe.each(["zip", "tar"])("a selection as .%s", (format) => {
  const asked = (...paths: string[]) =>
    `/s/k3f9x2.${format}?${new URLSearchParams(paths.map((path): [string, string] => ["select", path]))}`;
  it("has these files and all of these folders, under their paths, and nothing else", async () => {
    const answer = await ask(asked("sub", "z.bin"));
    expect(answer.headers["content-disposition"]).toContain(`filename="folder selection.${format}"`);
    const body = await bodyOf(answer);
    expect(body).toHaveLength(Number(answer.headers["content-length"]));
    // Stored as they are: what is in it can be seen.
    for (const [name, data] of [
      ["folder/z.bin", noise(2_000_001, 60)],
      ["folder/sub/7 ü", noise(217, 9)],
    ] as const) {
      expect(body.includes(name)).toBe(true);
      expect(body.includes(Buffer.from(data))).toBe(true);
    }
    for (const name of ["folder/a.bin", "folder/empty"]) expect(body.includes(name)).toBe(false);
  });

  it("is called like the one thing that is in it", async () => {
    const answer = await ask(asked("sub/7 ü"), {}, "HEAD");
    expect(answer.headers["content-disposition"]).toContain(encodeURIComponent(`7 ü.${format}`));
  });

  it("is the same whatever the order of the paths, and another one with other paths", async () => {
    const tag = async (...paths: string[]) => (await ask(asked(...paths), {}, "HEAD")).headers.etag;
    expect(await tag("z.bin", "sub", "sub")).toBe(await tag("sub", "z.bin"));
    expect(await tag("sub/7 ü", "sub")).toBe(await tag("sub"));
    expect(await tag("sub")).not.toBe(await tag("z.bin"));
    const whole = (await ask(`/s/k3f9x2.${format}`, {}, "HEAD")).headers.etag;
    expect(await tag("a.bin", "empty", "sub", "z.bin")).toBe(whole);
  });

  it("is continued where it stopped, before and after the whole was sent", async () => {
    const path = asked("a.bin", "sub");
    const whole = await fetchAll(path);
    for (const prepare of [forget, () => fetchAll(`/s/k3f9x2.${format}`)]) {
      await prepare();
      const { etag } = (await ask(path, {}, "HEAD")).headers;
      const rest = await ask(path, { range: "bytes=500000-", "if-range": String(etag) });
      expect(rest.statusCode).toBe(206);
      expect((await bodyOf(rest)).equals(whole.subarray(500_000))).toBe(true);
    }
  });

  it.each([
    ["nothing", [""], 400, "Nothing is selected"],
    ["what isn't there", ["sub", "sub/no such file"], 404, '"sub/no such file" is not in this share'],
    ["a part of a name", ["su"], 404, "is not in this share"],
    ["what lies outside", ["../a.bin"], 404, "is not in this share"],
    ["too much", Array.from({ length: 1_001 }, (_, i) => `${i}`), 400, "More than 1000 things"],
  ])("is refused when it is of %s", async (_, paths, status, words) => {
    const answer = await ask(asked(...paths));
    expect(answer.statusCode).toBe(status);
    expect((await bodyOf(answer)).toString()).toContain(words);
  });

  it("leaves the whole as it is, whichever of them was asked for first", async () => {
    const whole = await fetchAll(`/s/k3f9x2.${format}`);
    forget();
    await fetchAll(asked("sub", "z.bin"));
    expect((await fetchAll(`/s/k3f9x2.${format}`)).equals(whole)).toBe(true);
  });

  it("is still right when many others were asked for meanwhile", async () => {
    const first = await fetchAll(asked("sub/1 ü"));
    for (let i = 2; i < 20; i++) await fetchAll(asked(`sub/${i} ü`));
    expect((await fetchAll(asked("sub/1 ü"))).equals(first)).toBe(true);
  });
});

describe.each(["zip", "tar"])("a .%s", (format) => {
  const path = `/s/k3f9x2.${format}`;

  it("has the length that was promised, a name, and the same bytes each time", async () => {
    const head = await ask(path, {}, "HEAD");
    expect(head.statusCode).toBe(200);
    expect(await bodyOf(head)).toHaveLength(0);
    expect(head.headers["content-disposition"]).toContain(`filename="folder.${format}"`);
    expect(head.headers["accept-ranges"]).toBe("bytes");
    const whole = await fetchAll(path);
    expect(whole).toHaveLength(Number(head.headers["content-length"]));
    forget();
    const again = await ask(path);
    expect(again.headers.etag).toBe(head.headers.etag);
    expect(whole.equals(await bodyOf(again))).toBe(true);
    await expect.poll(openFiles).toBe(0);
  });

  it("gives any range of it, before anybody has had the whole", async () => {
    const size = Number((await ask(path, {}, "HEAD")).headers["content-length"]);
    const ranges = [
      [0, 0],
      [500_000, 500_009],
      [1_000_000, 1_100_000],
      [size - 1_500_000, size - 1],
      [size - 1, size - 1],
    ] as const;
    const parts: Buffer[] = [];
    for (const [start, end] of ranges) {
      forget();
      const answer = await ask(path, { range: `bytes=${start}-${end}` });
      expect(answer.statusCode).toBe(206);
      expect(answer.headers["content-range"]).toBe(`bytes ${start}-${end}/${size}`);
      parts.push(await bodyOf(answer));
    }
    const whole = await fetchAll(path);
    for (const [i, [start, end]] of ranges.entries()) {
      expect(parts[i]?.equals(whole.subarray(start, end + 1)), `${start}-${end}`).toBe(true);
    }
    await expect.poll(openFiles).toBe(0);
  });

  it("is continued when nothing has changed, and sent anew when something has", async () => {
    const etag = String((await ask(path, {}, "HEAD")).headers.etag);
    const range = { range: "bytes=100-" };
    expect((await ask(path, { ...range, "if-range": etag })).statusCode).toBe(206);
    expect((await ask(path, { ...range, "if-range": '"other"' })).statusCode).toBe(200);
    expect((await ask(path, { "if-none-match": etag })).statusCode).toBe(304);
    const [first, ...rest] = files;
    if (first === undefined) throw new Error("no files");
    const versions: SharedFile[] = [
      { ...first, mtimeNs: first.mtimeNs + 1n },
      { ...first, inode: first.inode + 1n },
      { ...first, executable: true },
      { ...first, path: ["b.bin"] },
    ];
    for (const version of versions) {
      shares.set("k3f9x2", share({ files: [version, ...rest] }));
      expect((await ask(path, { ...range, "if-range": etag }, "HEAD")).statusCode).toBe(200);
    }
  });

  it("is cut off when a file in it has changed, vanished or become another", async () => {
    const size = Number((await ask(path, {}, "HEAD")).headers["content-length"]);
    const late = join(place.dir, "z.bin");
    const continued = () => ask(path, { range: "bytes=1000-" });
    utimesSync(late, 1, 1);
    expect(await received(await continued())).toBeLessThan(size - 2_000_000);
    unlinkSync(late);
    expect(await received(await continued())).toBeLessThan(size - 2_000_000);
    mkdirSync(late);
    expect(await received(await continued())).toBeLessThan(size - 2_000_000);
    // What comes before is all there.
    expect(await fetchAll(path, { range: "bytes=0-999999" })).toHaveLength(1_000_000);
    await expect.poll(openFiles).toBe(0);
  });

  it("is cut off when an empty file has got contents since", async () => {
    const size = Number((await ask(path, {}, "HEAD")).headers["content-length"]);
    appendFileSync(join(place.dir, "empty"), "no longer");
    expect(await received(await ask(path, { range: "bytes=1000-" }))).toBeLessThan(size - 2_000_000);
  });

  it("is not begun when a file in it has changed before: the answer says which", async () => {
    writeFileSync(join(place.dir, "sub", "7 ü"), "changed");
    const answer = await ask(path);
    expect(answer.statusCode).toBe(409);
    expect((await bodyOf(answer)).toString()).toContain('"sub/7 ü" has changed');
  });

  it("is cut off, never padded, when a file is written to on the way", async () => {
    const huge = sharedFile(place.dir, ["huge"], Buffer.alloc(64 << 20));
    shares.set("k3f9x2", share({ files: [huge, ...files] }));
    const answer = await ask(path);
    await once(answer, "readable");
    writeFileSync(huge.absolutePath, "x", { flag: "r+" });
    // Together with the header before it: its end is missing, and the files after it.
    expect(await received(answer)).toBeLessThanOrEqual(huge.length);
    await expect.poll(openFiles).toBe(0);
  });

  it("has one file open at a time, and none when its reader has gone", async () => {
    const huge = sharedFile(place.dir, ["huge"], Buffer.alloc(64 << 20));
    shares.set("k3f9x2", share({ files: [...files, huge] }));
    const answer = await ask(path);
    await once(answer, "readable");
    expect(openFiles()).toBe(1);
    answer.destroy();
    await expect.poll(openFiles).toBe(0);
  });

  it("is there while the torrent is being prepared, not before its files are known, nor after it failed", async () => {
    shares.set("k3f9x2", share({ files, state: { name: "hashing", bytesDone: 0, bytesTotal: 1 } }));
    expect((await ask(path)).statusCode).toBe(200);
    shares.set("k3f9x2", share({ files: [], state: { name: "scanning" } }));
    expect((await ask(path)).statusCode).toBe(503);
    shares.set("k3f9x2", share({ files, state: { name: "failed", message: "gone" } }));
    expect((await ask(path)).statusCode).toBe(410);
    expect((await ask(`/s/none.${format}`)).statusCode).toBe(404);
  });

  it("asks the upload limit for every byte, once", async () => {
    let asked = 0;
    limit = {
      grain: 10_000,
      take: (bytes) => {
        asked += bytes;
        return true;
      },
      forget: () => {},
    };
    expect(await fetchAll(path)).toHaveLength(asked);
    forget();
    asked = 0;
    expect(await fetchAll(path, { range: "bytes=1000-" })).toHaveLength(asked);
  });

  it("promises more than 4 GiB without reading any of it", async () => {
    shares.set("k3f9x2", share({ files: [bodyless(5 * 2 ** 30)] }));
    const { headers } = await ask(path, {}, "HEAD");
    expect(Number(headers["content-length"])).toBeGreaterThan(5 * 2 ** 30);
  });
});

describe("the sums in a ZIP", () => {
  /** As the directory at the end has them; names and contents contain nothing that looks like an entry. */
  function directorySums(zip: Buffer): number[] {
    const sums: number[] = [];
    const end = zip.length - 22;
    for (let at = zip.readUInt32LE(end + 16); at < end; ) {
      expect(zip.readUInt32LE(at)).toBe(0x02014b50);
      sums.push(zip.readUInt32LE(at + 16));
      at += 46 + zip.readUInt16LE(at + 28) + zip.readUInt16LE(at + 30);
    }
    return sums;
  }
  const expected = () =>
    files.map((_, i) => {
      const seeds = [1, 0, ...Array.from({ length: 50 }, (_, each) => each + 2), 60];
      const lengths = files.map(({ length }) => length);
      return crc32(noise(lengths[i] ?? 0, seeds[i] ?? 0));
    });

  it("are right, whether made on the way or read for", async () => {
    const whole = await fetchAll("/s/k3f9x2.zip");
    expect(directorySums(whole)).toEqual(expected());
    forget();
    const start = 1_500_000;
    const rest = await fetchAll("/s/k3f9x2.zip", { range: `bytes=${start}-` });
    expect(directorySums(Buffer.concat([whole.subarray(0, start), rest]))).toEqual(expected());
  });

  it.each<[string, (answer: IncomingMessage) => void]>([
    ["leaves", (answer) => answer.destroy()],
    ["says no more", (answer) => answer.socket.end()],
  ])("are no longer read for when whoever waits for them %s", async (_, leave) => {
    const sparse = join(place.dir, "sparse");
    writeFileSync(sparse, "");
    truncateSync(sparse, 200 * 2 ** 30);
    const { ino, mtimeNs, ctimeNs } = statSync(sparse, { bigint: true });
    shares.set(
      "k3f9x2",
      share({ files: [{ ...bodyless(200 * 2 ** 30), absolutePath: sparse, inode: ino, mtimeNs, ctimeNs }] }),
    );
    const answer = await ask("/s/k3f9x2.zip", { range: "bytes=-100" });
    await expect.poll(openFiles).toBe(1);
    leave(answer);
    await expect.poll(openFiles).toBe(0);
  });

  it("serve many who continue at once", async () => {
    const digest = createHash("sha256")
      .update(await fetchAll("/s/k3f9x2.zip"))
      .digest("hex");
    forget();
    const starts = Array.from({ length: 20 }, (_, i) => i * 150_000);
    const parts = await Promise.all(
      starts.map((start) => fetchAll("/s/k3f9x2.zip", { range: `bytes=${start}-${start + 149_999}` })),
    );
    const rest = await fetchAll("/s/k3f9x2.zip", { range: "bytes=3000000-" });
    expect(
      createHash("sha256")
        .update(Buffer.concat([...parts, rest]))
        .digest("hex"),
    ).toBe(digest);
    await expect.poll(openFiles).toBe(0);
  });
});
