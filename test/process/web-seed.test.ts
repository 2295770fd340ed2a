/** Downloads from web servers (BEP 19), with scripted ones on real sockets: good, slow, lying, and none that could be one. */
import { hash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openRanges } from "../../src/client/http/http-ranges.ts";
import { systemClock } from "../../src/platform/clock.ts";
import { nodeHashes } from "../../src/platform/hashes.ts";
import { encodeBencode } from "../../src/protocol/encode.ts";
import { parseMetainfo } from "../../src/protocol/parse-metainfo.ts";
import type { GetEvent } from "../../src/share/events.ts";
import { get } from "../../src/share/get/get.ts";
import type { Download, GetOptions } from "../../src/share/get/get-types.ts";
import { publish } from "../../src/share/publish/publish.ts";
import { noise } from "../support/data.ts";
import { FileServer } from "../support/file-server.ts";
import { useScratch } from "../support/use-scratch.ts";

const PIECE = 65_536;

interface Spec {
  readonly path: string;
  readonly data: Uint8Array;
  readonly pad?: boolean;
}

const place = useScratch();
let servers: FileServer[];
let running: Download[];
let events: GetEvent[];

beforeEach(() => {
  servers = [];
  running = [];
  events = [];
});
afterEach(async () => {
  await Promise.all(running.map((download) => download.close()));
  await Promise.all(servers.map((server) => server.close()));
});

async function server(): Promise<{ readonly seed: FileServer; readonly base: string }> {
  const seed = new FileServer();
  servers.push(seed);
  return { seed, base: await seed.listen() };
}

/** A torrent file of a folder, or of one file when its path is the name. */
function torrent(name: string, specs: readonly Spec[], urls: readonly string[], announce?: string): string {
  const stream = Buffer.concat(specs.map(({ data }) => data));
  const hashes: Buffer[] = [];
  for (let at = 0; at < stream.length; at += PIECE) {
    hashes.push(hash("sha1", stream.subarray(at, at + PIECE), "buffer"));
  }
  const [first] = specs;
  const isOne = specs.length === 1 && first?.path === name;
  const bytes = encodeBencode({
    announce,
    info: {
      ...(isOne
        ? { length: stream.length }
        : {
            files: specs.map(({ path: at, data, pad }) => ({
              length: data.length,
              path: at.split("/"),
              attr: pad ? "p" : undefined,
            })),
          }),
      name,
      "piece length": PIECE,
      pieces: Buffer.concat(hashes),
    },
    "url-list": [...urls],
  });
  const file = path.join(place.dir, "made.torrent");
  writeFileSync(file, bytes);
  return file;
}

async function download(source: string, options: GetOptions = {}): Promise<Download> {
  const directory = path.join(place.dir, "out");
  mkdirSync(directory, { recursive: true });
  const made = await get(source, {
    directory,
    port: 0,
    timeoutSeconds: 15,
    ...options,
    onEvent: (event) => events.push(event),
  });
  running.push(made);
  return made;
}

const got = (...parts: string[]) => readFileSync(path.join(place.dir, "out", ...parts));
const warnings = () => events.flatMap((event) => (event.event === "warning" ? [event.message] : []));

describe("a web seed alone", () => {
  it("gives one file, by ranges of several pieces, on kept connections", async () => {
    const { seed, base } = await server();
    const data = noise(40 * 1024 * 1024 + 17, 1);
    seed.files.set("/a%20b.bin", data);
    await (await download(torrent("a b.bin", [{ path: "a b.bin", data }], [base]))).done;
    expect(got("a b.bin").equals(data)).toBe(true);
    // 4 MiB in each request: neither one a piece nor one for all; four connections at the most.
    expect(seed.requests.length).toBeLessThanOrEqual(12);
    expect(seed.requests.length).toBeGreaterThanOrEqual(10);
    expect(seed.connections).toBeLessThanOrEqual(4);
    expect(new Set(seed.requests).size).toBe(seed.requests.length);
  });

  it("gives one file by a URL that is the file's own", async () => {
    const { seed, base } = await server();
    const data = noise(200_000, 2);
    seed.files.set("/elsewhere/other-name?x=1", data);
    seed.files.set("/elsewhere/other-name", data);
    await (await download(torrent("f.bin", [{ path: "f.bin", data }], [`${base}elsewhere/other-name`]))).done;
    expect(got("f.bin").equals(data)).toBe(true);
  });

  it("gives a folder, names escaped as BEP 19 says, borders of files inside pieces, pad files not fetched", async () => {
    const { seed, base } = await server();
    const specs: Spec[] = [
      { path: "ü (1)/100%?#&+.bin", data: noise(PIECE + 5, 3) },
      { path: "empty", data: new Uint8Array(0) },
      { path: "b'c!*/日本.txt", data: noise(1000, 4) },
      { path: ".pad/7", data: new Uint8Array(30_000), pad: true },
      { path: "last", data: noise(3 * PIECE - 1, 5) },
    ];
    const at = (path: string) =>
      `/deep/My%20Folder/${path
        .split("/")
        .map((part) =>
          encodeURIComponent(part).replace(
            /[!'()*]/g,
            (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
          ),
        )
        .join("/")}`;
    for (const { path, data, pad } of specs) if (!pad) seed.files.set(at(path), data);
    // A slash at the end is what BEP 19 wants of a folder, and some writers forget.
    const file = torrent("My Folder", specs, [`${base}deep`]);
    await (await download(file)).done;
    const { files } = parseMetainfo(readFileSync(file), nodeHashes);
    for (const [i, { data, pad }] of specs.entries()) {
      // Stored under names that every system can hold, fetched by those of the torrent.
      if (!pad) expect(got("My Folder", ...(files[i]?.path ?? [])).equals(data), String(i)).toBe(true);
    }
    expect(files[0]?.path.join("/")).not.toBe(specs[0]?.path);
    expect(seed.requests.filter((request) => request.includes(".pad"))).toEqual([]);
    expect(seed.requests.filter((request) => request.includes("empty"))).toEqual([]);
  });

  it("shows itself in the progress, and keeps to the download limit", async () => {
    const { seed, base } = await server();
    const data = noise(1_000_000, 6);
    seed.files.set("/f", data);
    const started = performance.now();
    await (await download(torrent("f", [{ path: "f", data }], [base]), { limitDown: 400_000 })).done;
    expect(performance.now() - started).toBeGreaterThan(1_800);
    const shown = events.filter((event) => event.event === "progress");
    expect(shown.some(({ webSeeds, downRate }) => webSeeds === 1 && downRate > 0)).toBe(true);
  });

  it("is asked again after a broken connection, from where it broke", async () => {
    const { seed, base } = await server();
    const data = noise(2_000_000, 7);
    seed.files.set("/f", data);
    let broken = 0;
    seed.whim = (request, response, file) => {
      const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
      if (file === undefined || first === undefined || broken++ > 0) return false;
      const part = file.subarray(Number(first), Number(last) + 1);
      const head = {
        "content-length": part.length,
        "content-range": `bytes ${first}-${last}/${file.length}`,
      };
      response.writeHead(206, head).write(part.subarray(0, 300_000), () => response.destroy());
      return true;
    };
    await (await download(torrent("f", [{ path: "f", data }], [base]))).done;
    expect(got("f").equals(data)).toBe(true);
    // 18 whole blocks were here already, and are not fetched again.
    expect(seed.requests.sort()).toEqual([
      "/f bytes=0-1999999",
      "/f bytes=294912-327679",
      "/f bytes=327680-1999999",
    ]);
  }, 20_000);

  it("waits as long as a busy server asks", async () => {
    const { seed, base } = await server();
    const data = noise(100_000, 8);
    seed.files.set("/f", data);
    const times: number[] = [];
    seed.whim = (_, response) => {
      times.push(performance.now());
      if (times.length > 1) return false;
      response.writeHead(503, { "retry-after": "2" }).end();
      return true;
    };
    await (await download(torrent("f", [{ path: "f", data }], [base]))).done;
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(1_900);
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeLessThan(4_500);
  });

  it("follows redirects to another server", async () => {
    const [front, back] = [await server(), await server()];
    const data = noise(300_000, 9);
    back.seed.files.set("/mirror/f", data);
    front.seed.whim = (_, response) => {
      response.writeHead(302, { location: `${back.base}mirror/f` }).end();
      return true;
    };
    await (await download(torrent("f", [{ path: "f", data }], [front.base]))).done;
    expect(got("f").equals(data)).toBe(true);
  });
});

describe("a bad web seed beside a good one", () => {
  const data = noise(12_000_000, 10);

  /** Both have a folder of two files; the first server does as `whim` says. */
  async function race(whim: (bad: FileServer) => void) {
    const [bad, good] = [await server(), await server()];
    const specs = [
      { path: "a", data: data.subarray(0, 1_000_000) },
      { path: "b", data: data.subarray(1_000_000) },
    ];
    for (const { seed } of [bad, good])
      for (const { path: at, data: bytes } of specs) seed.files.set(`/d/${at}`, bytes);
    whim(bad.seed);
    const started = performance.now();
    await (await download(torrent("d", specs, [bad.base, good.base]))).done;
    expect(Buffer.concat([got("d", "a"), got("d", "b")]).equals(data)).toBe(true);
    return { bad, good, seconds: (performance.now() - started) / 1000 };
  }

  it("is dropped when it lies, and its pieces come from the other", async () => {
    const { bad } = await race((seed) => {
      const lie = new Uint8Array(11_000_000).fill(0x55);
      for (const [at, bytes] of seed.files) seed.files.set(at, lie.subarray(0, bytes.length));
    });
    expect(warnings()).toEqual([`${bad.base} is not used: sent bad data.`]);
  });

  it("is kept for its other files when only one of them is bad", async () => {
    const { bad } = await race((seed) => seed.files.set("/d/a", new Uint8Array(1_000_000)));
    expect(warnings()).toEqual([]);
    expect(bad.seed.requests.length).toBeLessThan(8);
  });

  it("is dropped when it gives no ranges", async () => {
    await race((seed) => {
      seed.whim = (_, response, file) => {
        response.writeHead(200, { "content-length": file?.length ?? 0 }).end(file);
        return true;
      };
    });
    expect(warnings()).toEqual([expect.stringContaining("gives no ranges, only whole files")]);
  });

  it.each<[string, string, (bad: FileServer) => void]>([
    [
      "gives another range than the one that was asked for",
      "another range",
      (seed) => {
        seed.whim = (request, response) => {
          const size = request.url === "/d/a" ? 1_000_000 : 11_000_000;
          const head = { "content-range": `bytes 7-16/${size}`, "content-length": 10 };
          response.writeHead(206, head).end("0123456789");
          return true;
        };
      },
    ],
    [
      "wants a password",
      "answers 401",
      (seed) => {
        seed.whim = (_, response) => {
          response.writeHead(401).end();
          return true;
        };
      },
    ],
    ["has nothing", "has none of the files", (seed) => seed.files.clear()],
    [
      "has files of another size",
      "has none of the files",
      (seed) => {
        for (const [at, bytes] of seed.files) seed.files.set(at, bytes.subarray(0, bytes.length - 1));
      },
    ],
    [
      "sends more than was asked for",
      "more than it was asked for",
      (seed) => {
        seed.whim = (request, response, file) => {
          const range = (request.headers.range ?? "").replace("bytes=", "bytes ");
          const [first, last] = range.slice(6).split("-").map(Number);
          response.writeHead(206, { "content-range": `${range}/${file?.length}` });
          response.write(file?.subarray(first, (last ?? 0) + 1));
          response.end("and more");
          return true;
        };
      },
    ],
  ])("is dropped when it %s", async (_, said, whim) => {
    await race(whim);
    expect(warnings()).toEqual([expect.stringContaining(said)]);
  });
});

describe("where a web seed may lead", () => {
  it("asks no local address that has a query", async () => {
    const { seed, base } = await server();
    const data = noise(1000, 11);
    seed.files.set("/press?button=1", data);
    const file = torrent("f", [{ path: "f", data }], [`${base}press?button=1`]);
    await expect((await download(file, { timeoutSeconds: 2 })).done).rejects.toThrow(/no piece came/);
    expect(seed.requests).toEqual([]);
  });

  it.each([true, false])(
    "asks a local address if the torrent came from no public server (it did: %s)",
    async (did) => {
      const { seed, base } = await server();
      seed.files.set("/f", noise(1000, 12));
      const options = { userAgent: "test", clock: systemClock, isLocalAddress: () => true };
      const ranges = openRanges({ ...options, cameFromPublic: did });
      const range = { url: `${base}f`, offset: 0, length: 100, fileLength: 1000 };
      const asked = ranges.fetch(range, () => {}, new AbortController().signal);
      await (did ? expect(asked).rejects.toThrow("local network") : asked);
      expect(seed.requests).toHaveLength(did ? 0 : 1);
      ranges.close();
    },
  );
});

describe("the web seed of a publisher that is a peer, too", () => {
  /** A server that is tracker and web seed, as an appliance is; `peers` are the ones that its tracker knows. */
  async function appliance(peers: Buffer, data: Uint8Array) {
    const { seed, base } = await server();
    seed.files.set("/f", data);
    seed.whim = (request, response) => {
      if (!request.url?.startsWith("/announce")) return false;
      response.end(encodeBencode({ interval: 1800, peers }));
      return true;
    };
    const file = torrent("f", [{ path: "f", data }], [base], `${base}announce`);
    return { file, fetches: () => seed.requests.filter((request) => request.startsWith("/f ")).length };
  }

  it("is asked when no peer can be reached, after a moment", async () => {
    const data = noise(500_000, 12);
    const { file, fetches } = await appliance(Buffer.alloc(0), data);
    const started = performance.now();
    await (await download(file)).done;
    expect(performance.now() - started).toBeGreaterThan(1_900);
    expect(performance.now() - started).toBeLessThan(6_000);
    expect(got("f").equals(data)).toBe(true);
    expect(fetches()).toBe(1);
  });

  it("is not asked while peers give what is needed, however slowly", async () => {
    const data = noise(1_000_000, 13);
    writeFileSync(path.join(place.dir, "f"), data);
    const publisher = await publish([path.join(place.dir, "f")], {
      port: 0,
      bind: ["127.0.0.1"],
      limitUp: 250_000,
      pieceLength: PIECE,
      cacheDir: path.join(place.dir, "cache"),
    });
    try {
      await publisher.ready;
      const peer = Buffer.from([127, 0, 0, 1, publisher.port >> 8, publisher.port & 255]);
      const { file, fetches } = await appliance(peer, data);
      await (await download(file)).done;
      expect(got("f").equals(data)).toBe(true);
      expect(fetches()).toBe(0);
    } finally {
      await publisher.close();
    }
  });
});
