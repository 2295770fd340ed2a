import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createWeb } from "../../src/httpd/app.ts";
import type { Share, SharedFile } from "../../src/httpd/model.ts";
import type { SendLimit } from "../../src/httpd/pump.ts";
import { type Listener, listen } from "../../src/platform/listener.ts";
import { catalog, share, sharedFile } from "../support/catalog.ts";

const run = promisify(execFile);
const big = randomBytes(3_000_001);
const huge = 64 * 1024 * 1024;

let root: string;
let shares: Share[];
let listener: Listener;
let limit: SendLimit | undefined;
const sockets: Socket[] = [];

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "boojum-web-"));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

beforeEach(async () => {
  // A test that failed may have left a link or a FIFO there: writing to that would wait for ever.
  rmSync(join(root, "big.bin"), { force: true });
  const files = [
    sharedFile(root, ["big.bin"], big),
    sharedFile(root, ["empty"], ""),
    sharedFile(root, ["sub dir", "naïve <b>.html"], "<script>alert(1)</script>"),
  ];
  writeFileSync(join(root, "secret"), "not shared");
  shares = [
    share({ files }),
    share({ id: "one", name: "big.bin", oneFile: true, files: files.slice(0, 1) }),
    share({ id: "hashing", files, state: { name: "hashing", bytesDone: 1, bytesTotal: 2 } }),
  ];
  const shared = catalog(...shares);
  limit = undefined;
  const web = createWeb({
    catalog: shared,
    version: "1.2.3",
    hostNames: () => ["studio.local"],
    publicUrl: "https://share.example.org/dir/",
    limit: () => limit,
  });
  listener = await listen({ port: 0, bind: ["127.0.0.1"] }, { request: web });
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await listener.close();
});

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

function fetchRaw(path: string, headers: Record<string, string> = {}, method = "GET"): Promise<Answer> {
  return new Promise((resolve, reject) => {
    httpRequest(
      // An answer that is shorter than it says would be waited for as long as the connection lasts.
      {
        port: listener.port,
        host: "127.0.0.1",
        path,
        headers,
        method,
        agent: false,
        signal: AbortSignal.timeout(45_000),
      },
      (response) => {
        const pieces: Buffer[] = [];
        response.on("data", (piece: Buffer) => pieces.push(piece));
        response.on("error", reject);
        response.on("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(pieces),
          }),
        );
      },
    )
      .on("error", reject)
      .end();
  });
}

async function dial(): Promise<Socket> {
  const socket = connect({ port: listener.port, host: "127.0.0.1" });
  socket.on("error", () => {});
  sockets.push(socket);
  await once(socket, "connect");
  return socket;
}

/** Sends raw bytes and reads until the end of the connection. */
async function talk(text: string): Promise<string> {
  const socket = await dial();
  let answer = "";
  socket.setEncoding("latin1").on("data", (piece: string) => {
    answer += piece;
  });
  socket.write(text);
  await once(socket, "close");
  return answer;
}

/** How many of our own descriptors are open on files below the root (Linux). */
function openFiles(): number {
  return readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(root);
    } catch {
      return false;
    }
  }).length;
}

const allClosed = () => expect.poll(openFiles, { timeout: 5_000 }).toBe(0);
const sha = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const file = (index: number): SharedFile => {
  const found = shares[0]?.files[index];
  if (found === undefined) throw new Error("no such file");
  return found;
};

describe("a file", () => {
  it("comes whole, labelled and tagged, while the torrent is still being prepared too", async () => {
    for (const id of ["k3f9x2", "hashing"]) {
      const { status, headers, body } = await fetchRaw(`/s/${id}/files/big.bin`);
      expect(status).toBe(200);
      expect(sha(body)).toBe(sha(big));
      expect(headers).toMatchObject({
        "content-length": String(big.length),
        "content-type": "application/octet-stream",
        "accept-ranges": "bytes",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "content-disposition": expect.stringContaining("attachment"),
        etag: expect.stringMatching(/^"[\w-]+"$/),
      });
    }
    await allClosed();
  });

  it("is a web seed under its NAME, for a folder and for one file", async () => {
    expect(sha((await fetchRaw("/s/k3f9x2/seed/folder/big.bin")).body)).toBe(sha(big));
    expect(sha((await fetchRaw("/s/one/seed/big.bin")).body)).toBe(sha(big));
    expect((await fetchRaw("/s/k3f9x2/seed/big.bin")).status).toBe(404);
    expect((await fetchRaw("/s/one/seed/big.bin/big.bin")).status).toBe(404);
  });

  it("may be empty", async () => {
    expect(await fetchRaw("/s/k3f9x2/files/empty")).toMatchObject({ status: 200, body: Buffer.alloc(0) });
    expect((await fetchRaw("/s/k3f9x2/files/empty", { range: "bytes=0-" })).status).toBe(416);
    await allClosed();
  });

  it("has its head without a body for HEAD", async () => {
    const { status, headers, body } = await fetchRaw("/s/k3f9x2/files/big.bin", {}, "HEAD");
    expect([status, headers["content-length"], body.length]).toEqual([200, String(big.length), 0]);
    await allClosed();
  });

  it.each([
    ["bytes=0-0", 0, 1],
    ["bytes=1000000-2999999", 1_000_000, 3_000_000],
    ["bytes=-5", 2_999_996, 3_000_001],
    ["bytes=3000000-99999999", 3_000_000, 3_000_001],
  ])("comes in part for %s", async (range, start, end) => {
    const { status, headers, body } = await fetchRaw("/s/k3f9x2/files/big.bin", { range });
    expect(status).toBe(206);
    expect(headers["content-range"]).toBe(`bytes ${start}-${end - 1}/${big.length}`);
    expect(headers["content-length"]).toBe(String(end - start));
    expect(body.equals(big.subarray(start, end))).toBe(true);
  });

  it("comes in several parts as RFC 9110 14.6 says", async () => {
    const { status, headers, body } = await fetchRaw("/s/k3f9x2/files/big.bin", {
      range: "bytes=0-1,500000-700000",
    });
    expect(status).toBe(206);
    const boundary = /^multipart\/byteranges; boundary=(\S+)$/.exec(headers["content-type"] ?? "")?.[1];
    const head = (range: string) =>
      `\r\n--${boundary}\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes ${range}/${big.length}\r\n\r\n`;
    const expected = Buffer.concat([
      Buffer.from(head("0-1")),
      big.subarray(0, 2),
      Buffer.from(head("500000-700000")),
      big.subarray(500_000, 700_001),
      Buffer.from(`\r\n--${boundary}--\r\n`),
    ]);
    expect(body.equals(expected)).toBe(true);
    expect(headers["content-length"]).toBe(String(expected.length));
  });

  it.each([
    "bytes=3000001-",
    "bytes=-0",
    "bytes=5-4",
    `bytes=${Array.from({ length: 1_000 }, (_, i) => `${9 * i}-${9 * i}`)}`,
  ])("refuses %s", async (range) => {
    const { status, headers, body } = await fetchRaw("/s/k3f9x2/files/big.bin", { range });
    expect([status, headers["content-range"], body.length]).toEqual([416, `bytes */${big.length}`, 0]);
    await allClosed();
  });

  it("isn't sent again to those who have it, and a range only to those who have a part of this version", async () => {
    const path = "/s/k3f9x2/files/big.bin";
    const tag = (await fetchRaw(path, {}, "HEAD")).headers.etag ?? "";
    expect(await fetchRaw(path, { "if-none-match": `"x", ${tag}` })).toMatchObject({
      status: 304,
      body: Buffer.alloc(0),
    });
    expect((await fetchRaw(path, { range: "bytes=0-9", "if-range": tag })).status).toBe(206);
    expect((await fetchRaw(path, { range: "bytes=0-9", "if-range": '"older"' })).status).toBe(200);
    await allClosed();
  });

  it("that could carry scripts is locked into a sandbox", async () => {
    const { status, headers } = await fetchRaw("/s/k3f9x2/files/sub%20dir/na%C3%AFve%20%3Cb%3E.html");
    expect(status).toBe(200);
    expect(headers["content-security-policy"]).toMatch(/^sandbox; default-src 'none'/);
    expect(headers["content-disposition"]).toBe(
      "inline; filename=\"na_ve <b>.html\"; filename*=UTF-8''na%C3%AFve%20%3Cb%3E.html",
    );
  });

  it("is fetched and continued by curl", async () => {
    const out = join(root, "curl.out");
    const url = `http://127.0.0.1:${listener.port}/s/k3f9x2/files/big.bin`;
    await run("curl", ["-sf", "-r", "0-999999", "-o", out, url]);
    await run("curl", ["-sf", "-C", "-", "-o", out, url]);
    expect(sha(readFileSync(out))).toBe(sha(big));
    unlinkSync(out);
  });
});

describe("a file that is not what was shared", () => {
  const path = "/s/k3f9x2/files/big.bin";

  it("is 409 when it grew, was touched, replaced, or became a link", async () => {
    const { absolutePath } = file(0);
    const original = `${absolutePath}.original`;
    const changes: (() => void)[] = [
      () => appendFileSync(absolutePath, "x"),
      () => utimesSync(absolutePath, 1, 1),
      () => {
        renameSync(absolutePath, original);
        writeFileSync(absolutePath, big);
      },
      () => {
        unlinkSync(absolutePath);
        symlinkSync(join(root, "secret"), absolutePath);
      },
    ];
    for (const change of changes) {
      change();
      const { status, body } = await fetchRaw(path);
      expect(status).toBe(409);
      expect(body.toString()).toBe("This file has changed since it was shared.\n");
    }
    await allClosed();
    unlinkSync(absolutePath);
    if (existsSync(original)) unlinkSync(original);
  });

  it("is 404 when it is gone, as page or as text", async () => {
    unlinkSync(file(0).absolutePath);
    expect((await fetchRaw(path)).status).toBe(404);
    const page = await fetchRaw(path, { accept: "text/html" });
    expect([page.status, page.headers["content-type"]]).toEqual([404, "text/html; charset=UTF-8"]);
  });

  it("doesn't wait for a writer when a FIFO took its place", async () => {
    unlinkSync(file(0).absolutePath);
    await run("mkfifo", [file(0).absolutePath]);
    expect((await fetchRaw(path)).status).toBe(409);
    unlinkSync(file(0).absolutePath);
  });

  it.each([
    ["shrinks", (name: string) => truncateSync(name, huge / 2)],
    ["is written to", (name: string) => appendFileSync(name, "x")],
  ])("is cut off, never padded, when it %s on the way", async (_, change) => {
    const whole = sharedFile(root, ["huge.bin"], Buffer.alloc(huge));
    shares[0] = share({ files: [whole] });
    await listener.close();
    listener = await listen(
      { port: 0, bind: ["127.0.0.1"] },
      {
        request: createWeb({ catalog: catalog(...shares), version: "", hostNames: () => [] }),
      },
    );
    const socket = await dial();
    socket.write("GET /s/k3f9x2/files/huge.bin HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    await once(socket, "readable");
    change(whole.absolutePath);
    let received = 0;
    for await (const bytes of socket) received += bytes.length;
    expect(received).toBeLessThan(huge);
    await allClosed();
    unlinkSync(whole.absolutePath);
  });
});

describe("clients that misbehave", () => {
  it("have their files closed when they leave in the middle", async () => {
    for (let i = 0; i < 20; i++) {
      const socket = await dial();
      socket.write("GET /s/k3f9x2/files/big.bin HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
      await once(socket, "readable");
      socket.destroy();
    }
    await allClosed();
  });

  it("open one file at a time, however many requests come in one packet", async () => {
    const socket = await dial();
    socket.pause();
    socket.write("GET /s/k3f9x2/files/big.bin HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".repeat(300));
    await expect.poll(openFiles).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(openFiles()).toBe(1);
    socket.destroy();
    await allClosed();
  });

  it("get all answers in order when they behave", async () => {
    const one = (path: string, rest = "") => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${rest}\r\n`;
    const answer = await talk(
      one("/s/one") + one("/s/one/files/big.bin") + one("/s/none", "Connection: close\r\n"),
    );
    expect(answer).toMatch(/share get[^]*application\/octet-stream[^]*Nothing is shared/);
    expect(answer.length).toBeGreaterThan(big.length);
  });

  it("don't keep others from their download: 500 who don't read, 500 whose headers don't end", async () => {
    const before = process.memoryUsage().rss;
    await Promise.all(
      Array.from({ length: 1_000 }, async (_, i) => {
        const socket = await dial();
        socket.pause();
        socket.write(`GET /s/k3f9x2/files/big.bin HTTP/1.1\r\nHost: 127.0.0.1\r\n${i % 2 ? "X: " : "\r\n"}`);
      }),
    );
    const start = process.cpuUsage();
    expect(sha((await fetchRaw("/s/k3f9x2/files/big.bin")).body)).toBe(sha(big));
    // Time of the processor, in microseconds: what a busy machine adds doesn't count.
    const { user, system } = process.cpuUsage(start);
    expect(user + system).toBeLessThan(10_000_000);
    expect(process.memoryUsage().rss - before).toBeLessThan(200_000_000);
    for (const socket of sockets.splice(0)) socket.destroy();
    await allClosed();
  }, 120_000);
});

describe("the upload limit", () => {
  it("is asked for every block, and forgotten by those who leave", async () => {
    const waiting = new Set<() => void>();
    let asked = 0;
    limit = {
      grain: 65_536,
      take(bytes, granted) {
        asked += bytes;
        waiting.add(granted);
        return false;
      },
      forget: (granted) => waiting.delete(granted),
    };
    const grant = () => {
      for (const granted of [...waiting]) {
        waiting.delete(granted);
        granted();
      }
    };
    let timer = setInterval(grant, 1);
    expect(sha((await fetchRaw("/s/k3f9x2/files/big.bin")).body)).toBe(sha(big));
    expect(asked).toBe(big.length);
    clearInterval(timer);
    const socket = await dial();
    socket.write("GET /s/k3f9x2/files/big.bin HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    await expect.poll(() => waiting.size).toBe(1);
    socket.destroy();
    // It may have shut its own side only, and still read: the next blocks show that nobody does.
    timer = setInterval(grant, 10);
    await allClosed();
    clearInterval(timer);
    expect(waiting.size).toBe(0);
    expect(asked).toBeLessThan(1.5 * big.length);
  });
});

describe("the front door", () => {
  it.each([
    "/s/k3f9x2/files/..%2fsecret",
    "/s/k3f9x2/files/%2e%2e/secret",
    "/s/k3f9x2/files/../secret",
    "/s/k3f9x2/files/..%5csecret",
    "/s/k3f9x2/files/%252e%252e/secret",
    "/s/k3f9x2/files//secret",
    "/s/k3f9x2/files/secret",
    "/s/k3f9x2/files/secret%00",
    "/s/k3f9x2/files/sub%20dir",
    "//etc/passwd",
    "http://127.0.0.1/",
    "*",
  ])("lets nobody reach what isn't shared: %s", async (path) => {
    const answer = await talk(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 40[04] /);
    expect(answer).not.toContain("not shared\n");
  });

  it.each([
    ["Host: 192.168.1.20:6881", 200, "http://192.168.1.20:6881/s/"],
    ["Host: [::0:1]:6881", 200, "http://[::1]:6881/s/"],
    ["Host: LOCALHOST", 200, "http://localhost/s/"],
    ["Host: studio.local:6881", 200, "http://studio.local:6881/s/"],
    ["Host: share.example.org", 200, "https://share.example.org/dir/s/"],
    ["Host: evil.example.org", 421, "--public-url"],
    ["Host: 127.0.0.1.evil.org", 421, ""],
    ["Host: a b", 400, ""],
    ["Host: x@127.0.0.1", 400, ""],
    ["Host:", 400, ""],
    ["Host: 127.0.0.1\r\nHost: evil.example.org", 400, ""],
    ["X-Forwarded-Host: evil.example.org\r\nHost: 127.0.0.1", 200, "http://127.0.0.1/s/"],
  ])("judges %j", async (header, status, text) => {
    const answer = await talk(`GET /s/k3f9x2 HTTP/1.1\r\n${header}\r\nConnection: close\r\n\r\n`);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer).toContain(text);
  });

  it("puts the path of the public URL before the links on its pages", async () => {
    const { body } = await fetchRaw("/s/k3f9x2", { host: "share.example.org", accept: "text/html" });
    expect(body.toString()).toContain('href="/dir/s/k3f9x2/files/big.bin"');
    expect(body.toString()).toContain("share get https://share.example.org/dir/s/k3f9x2");
  });

  it.each(["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])(
    "has nothing for %s to change",
    async (method) => {
      const answer = await talk(
        `${method} /s/k3f9x2 HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\n\r\nhello`,
      );
      expect(answer).toMatch(/^HTTP\/1\.1 405 /);
      expect(answer).toMatch(/Allow: GET, HEAD/i);
    },
  );

  it("answers HEAD as GET, without the body", async () => {
    for (const path of ["/", "/s/k3f9x2", "/s/k3f9x2.torrent", "/s/none"]) {
      const [head, get] = [await fetchRaw(path, {}, "HEAD"), await fetchRaw(path)];
      expect([head.status, head.body.length]).toEqual([get.status, 0]);
      expect(head.headers["content-type"]).toBe(get.headers["content-type"]);
    }
  });
});
