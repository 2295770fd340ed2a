/** A stranger at every door of a publisher, whose folder holds what must not get out. */
import { execFileSync } from "node:child_process";
import { linkSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ShareProcess } from "../support/command.ts";
import { digestTree, noise, scratch } from "../support/data.ts";

const SECRET = "a secret that is not shared";
const SPLIT = "a\r\nSet-Cookie: pwned=1\r\n\r\n<b>.txt";
let place: ReturnType<typeof scratch>;
let pipe: Server;
let publisher: ShareProcess;
let port: number;
let id: string;
let descriptors: number;

const at = (...parts: string[]) => path.join(place.dir, ...parts);
const openFiles = () => readdirSync(`/proc/${publisher.process.pid}/fd`).length;

beforeAll(async () => {
  place = scratch();
  mkdirSync(at("folder", "sub"), { recursive: true });
  mkdirSync(at("outside"));
  writeFileSync(at("outside", "secret"), SECRET);
  writeFileSync(at("folder", "plain.bin"), noise(300_000, 1));
  writeFileSync(at("folder", "sub", SPLIT), "text");
  linkSync(at("folder", "plain.bin"), at("folder", "hard link"));
  symlinkSync(at("outside", "secret"), at("folder", "link to a file"));
  symlinkSync(at("outside"), at("folder", "link to a folder"));
  symlinkSync("/etc", at("folder", "sub", "etc"));
  symlinkSync("..", at("folder", "sub", "circle"));
  execFileSync("mkfifo", [at("folder", "fifo")]);
  execFileSync("mknod", [at("folder", "zero"), "c", "1", "5"]);
  pipe = createServer();
  await new Promise<void>((resolve) => pipe.listen(at("folder", "socket"), resolve));
  publisher = new ShareProcess(
    ["publish", "folder", "--bind", "127.0.0.1", "--port", "0", "--cache-dir", "cache"],
    { cwd: place.dir },
  );
  const ready = await publisher.event("ready", 20_000);
  id = String(ready["share"]);
  port = Number(publisher.lastEvent("listening")?.["port"]);
  await talk(`GET /s/${id} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`);
  descriptors = openFiles();
});
afterAll(async () => {
  await publisher.stop();
  pipe.close();
  place.remove();
});

/** What is answered to `bytes`, until it is enough, or the other side closes, or is silent for `patience` milliseconds. */
function talk(
  bytes: string,
  patience = 10_000,
  isEnough: (said: string) => boolean = () => false,
): Promise<string> {
  return new Promise((resolve) => {
    let said = "";
    const socket = connect({ port, host: "127.0.0.1" });
    socket.setEncoding("latin1").setTimeout(patience, () => socket.destroy());
    socket.on("data", (part: string) => {
      said += part;
      if (isEnough(said)) socket.destroy();
    });
    socket.on("error", () => {}).once("close", () => resolve(said));
    socket.write(bytes, "latin1");
  });
}

const get = (target: string, headers = "") =>
  talk(`GET ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\n${headers}Connection: close\r\n\r\n`);

describe("what is in the folder but no file of it", () => {
  it("is told to whoever publishes, and isn't in the share", async () => {
    const told = publisher.events
      .filter(({ event }) => event === "warning")
      .map(({ code, message }) => `${code} ${String(message).split(":")[0]}`);
    for (const name of ["fifo", "zero", "socket"]) expect(told).toContain(`special "${name}"`);
    for (const name of ["link to a file", "link to a folder", "sub/etc", "sub/circle"])
      expect(told).toContain(`symlink "${name}"`);
    const { files } = (await (
      await fetch(`http://127.0.0.1:${port}/s/${id}`, { headers: { Accept: "application/json" } })
    ).json()) as { files: number };
    expect(files).toBe(3);
  });

  it.each([
    "link%20to%20a%20file",
    "link%20to%20a%20folder/secret",
    "sub/etc/passwd",
    "sub/circle/sub/circle/plain.bin",
    "fifo",
    "zero",
    "socket",
    "../outside/secret",
    "..%2foutside%2fsecret",
    "%2e%2e/outside/secret",
    "..%5coutside%5csecret",
    "%252e%252e%252foutside/secret",
    "sub/../../outside/secret",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "plain.bin/",
    "plain.bin/../../outside/secret",
    "plain.bin%00.txt",
    "PLAIN.BIN",
    "",
    ".",
    "..",
  ])("comes out of no door: %s", async (name) => {
    const doors = [
      `/s/${id}/files/${name}`,
      `/s/${id}/seed/folder/${name}`,
      `/s/${id}/seed/${name}`,
      `/${name}`,
      `/s/${name}`,
      `/announce/${name}`,
    ];
    for (const door of doors) {
      const answer = await get(door);
      expect(answer, door).toMatch(/^HTTP\/1\.1 (400|404|200|308) /);
      expect(answer, door).not.toContain(SECRET);
      expect(answer, door).not.toContain("root:");
      if (answer.startsWith("HTTP/1.1 200"))
        expect(answer, door).toMatch(/content-type: (text|application\/(x-bittorrent|json))|d14:failure/i);
    }
    for (const format of ["zip", "tar"]) {
      const answer = await get(`/s/${id}.${format}?select=${name}`);
      expect(answer).not.toContain(SECRET);
      expect(answer).not.toContain("root:");
    }
  });

  it("is in no archive", async () => {
    const tar = await get(`/s/${id}.tar`);
    expect(tar).toContain("plain.bin");
    for (const name of ["fifo", "link to", "etc/", "socket", SECRET]) expect(tar).not.toContain(name);
  });
});

describe("an answer can't be split", () => {
  const isOneAnswer = (answer: string) => {
    const [head = ""] = answer.split("\r\n\r\n", 1);
    expect(head).not.toMatch(/^set-cookie/im);
    expect(head).not.toMatch(/[^\r]\n|\r[^\n]/);
    return head;
  };

  it("by the name of a file", async () => {
    const name = encodeURIComponent(SPLIT);
    const head = isOneAnswer(await get(`/s/${id}/files/sub/${name}`));
    expect(head).toMatch(/^HTTP\/1\.1 200/);
    isOneAnswer(await get(`/s/${id}.zip?select=sub/${name}`));
    isOneAnswer(await get(`/s/${id}.tar?select=sub/${name}`));
  });

  it.each([
    "/s/x%0d%0aSet-Cookie:%20a=1",
    "/s/ID/?a=%0d%0aSet-Cookie:%20a=1",
    "/s/ID?open=%0d%0aSet-Cookie:%20a=1",
    "/s/ID.zip?select=%0d%0aSet-Cookie:%20a=1",
    "/announce/ID?info_hash=%0d%0aSet-Cookie:%20a=1",
    "/s/ID/",
    "/s/ID/files/%E2%80%A8%0dSet-Cookie:",
  ])("by what is asked for: %s", async (target) => {
    isOneAnswer(await get(target.replace("ID", id)));
  });

  it("by the Host that it repeats in its URLs", async () => {
    for (const host of [
      "127.0.0.1\r\n X",
      "127.0.0.1%0d%0aSet-Cookie:a",
      "127.0.0.1:6881:1",
      "[::1",
      "127.0.0.1:99999",
      "127.0.0.1/x?",
    ]) {
      const answer = await talk(`GET /s/${id} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
      expect(answer).toMatch(/^HTTP\/1\.1 4(00|21) /);
    }
  });
});

describe("a page on the internet, whose name leads to this machine", () => {
  it.each([
    "/",
    "/s/ID",
    "/s/ID.torrent",
    "/s/ID/files/",
    "/s/ID/events",
    "/api/shares",
    "/announce/ID?info_hash=x",
    "/scrape/ID",
  ])("gets nothing under that name: %s", async (target) => {
    // Live events don't end.
    const isHead = (said: string) => said.includes("\r\n\r\n");
    const under = (host: string) => {
      const head = `GET ${target.replace("ID", id)} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
      return talk(head, undefined, isHead);
    };
    for (const host of ["evil.example", `evil.example:${port}`, "127.0.0.1.evil.example", "localhost.evil"]) {
      expect(await under(host)).toMatch(/^HTTP\/1\.1 421 /);
    }
    expect(await under(`localhost:${port}`)).toMatch(/^HTTP\/1\.1 (?!421)\d{3} /);
  });
});

describe("requests that others might read otherwise", () => {
  it.each<[string, string]>([
    [
      "both lengths",
      "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    ],
    ["two lengths", "Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde"],
    ["a signed length", "Content-Length: +4\r\n\r\nabcd"],
    ["an unknown coding", "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"],
    ["a coding in disguise", "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"],
    ["a folded header", "X: a\r\n b\r\n\r\n"],
    ["a NUL", "X: a\0b\r\n\r\n"],
    ["a bare line end", "X: a\nY: b\r\n\r\n"],
    ["a header without a name", ": a\r\n\r\n"],
    ["a chunk of impossible length", "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nx"],
    [
      "a flood of chunk extensions",
      `Transfer-Encoding: chunked\r\n\r\n1;${"a".repeat(40_000)}\r\nx\r\n0\r\n\r\n`,
    ],
    ["17 KiB of headers", `X: ${"a".repeat(17_000)}\r\n\r\n`],
  ])("are refused for %s", async (_, rest) => {
    const answer = await talk(`GET /s/${id} HTTP/1.1\r\nHost: 127.0.0.1\r\n${rest}`);
    expect(answer).toMatch(/^HTTP\/1\.1 4(00|13|31) /);
    expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1);
  });

  it.each(["GET /s/ID HTTP/9.9", "GET /s/ID FTP/1.0", "G\0T / HTTP/1.1", "get / HTTP/1.1"])(
    "have a proper first line, or get no share: %j",
    async (line) => {
      const answer = await talk(`${line.replace("ID", id)}\r\nHost: 127.0.0.1\r\n\r\n`, 1_000);
      expect(answer).not.toMatch(/^HTTP\/1\.1 200/);
    },
  );

  it.each(["POST", "PUT", "DELETE", "PATCH", "CONNECT", "TRACE", "PROPFIND"])(
    "change nothing: %s",
    async (method) => {
      const answer = await talk(
        `${method} /s/${id} HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://evil.example\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab`,
      );
      expect(answer).toMatch(/^HTTP\/1\.1 40[05] |^$/);
      expect(answer).not.toMatch(/access-control-allow/i);
    },
  );
});

describe("ranges", () => {
  it.each<[string, RegExp]>([
    [
      `bytes=${Array.from({ length: 10_000 }, (_, i) => `${i * 2}-${i * 2}`)
        .join(",")
        .slice(0, 15_000)}`,
      /^HTTP\/1\.1 (200|416|400|431) /,
    ],
    [`bytes=${"0-,".repeat(3_000)}0-`, /^HTTP\/1\.1 (200|206|416) /],
    ["bytes=9-3", /^HTTP\/1\.1 (200|416) /],
    ["bytes=-0", /^HTTP\/1\.1 416 /],
    ["bytes=300000-", /^HTTP\/1\.1 416 /],
    ["bytes=-999999999999999999999", /^HTTP\/1\.1 (200|206|416) /],
    ["bytes=0-18446744073709551616", /^HTTP\/1\.1 (200|206|416) /],
  ])("of the wild are bounded: %.40s", async (range, expected) => {
    const answer = await get(`/s/${id}/files/plain.bin`, `Range: ${range}\r\n`);
    expect(answer).toMatch(expected);
    expect(answer.length).toBeLessThan(310_000);
  });
});

it("after all of that serves the folder as it was, with no more open than before", async () => {
  const getter = new ShareProcess(["get", `http://127.0.0.1:${port}/s/${id}`, "-o", "out", "--no-lan"], {
    cwd: place.dir,
  });
  await getter.succeed(30_000);
  const digests = await digestTree(at("out/folder"));
  expect(digests.get("plain.bin")).toBe((await digestTree(at("folder"))).get("plain.bin"));
  expect(digests.size).toBe(3);
  await publisher.until(() => (openFiles() <= descriptors + 4 ? true : undefined), 20_000);
  expect(publisher.stderr).toEqual([]);
});
