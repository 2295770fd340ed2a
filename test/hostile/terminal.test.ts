/** Nothing that strangers say, or call their files, steers the terminal that shows it: in words, in JSON, by curl. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { encodeBencode } from "../../src/protocol/encode.ts";
import { Child } from "../support/child.ts";
import { commandPath, type ShareEvent } from "../support/command.ts";
import { noise, scratch } from "../support/data.ts";
import { HostilePeer, listenAsPeer } from "../support/hostile-peer.ts";
import { listenForHttp, saying } from "../support/hostile-server.ts";

/** Moves the cursor, fills the clipboard, sets the title, goes back to the line's start, reorders; and in C1, too. */
const EVIL =
  "\u001b[2J\u001b]52;c;cHduZWQ=\u0007\u001b]0;title\u0007\rline\b\b\u009b2J\u202egpj.exe\u2066\u200f";
/** What must not arrive raw, but for ends of lines. */
const RAW =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what it looks for.
  /[\0-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u;

let place: ReturnType<typeof scratch>;
const running: { stop(): Promise<unknown> }[] = [];
beforeAll(() => {
  place = scratch();
  const folder = path.join(place.dir, `folder${EVIL}`);
  mkdirSync(path.join(folder, `sub${EVIL}`), { recursive: true });
  writeFileSync(path.join(folder, `sub${EVIL}`, `file${EVIL}.txt`), noise(50_000, 1));
  mkdirSync(path.join(place.dir, `empty${EVIL}`));
});
afterEach(async () => {
  for (const each of running.splice(0)) await each.stop();
});
afterAll(() => place.remove());

/** Everything that a program wrote, byte for byte. */
function start(...args: string[]): { readonly child: Child; said(): string } {
  const child = new Child(process.execPath, [commandPath, ...args], { cwd: place.dir });
  running.push(child);
  let said = "";
  for (const stream of [child.process.stdout, child.process.stderr])
    stream?.on("data", (bytes: Buffer) => {
      said += bytes.toString();
    });
  return { child, said: () => said };
}

function expectHarmless(said: string, mention: string): void {
  expect(said).toContain(mention);
  expect(said).not.toMatch(RAW);
}

const publishFlags = ["--bind", "127.0.0.1", "--cache-dir", "cache"];

async function eventOf(child: Child, name: string): Promise<ShareEvent> {
  return await child.until(({ stdout }) =>
    stdout.map((line) => JSON.parse(line) as ShareEvent).find(({ event }) => event === name),
  );
}

describe("names of files", () => {
  it.each([["--json"], ["--verbose"]])("are harmless in what a publisher says (%s)", async (flag) => {
    const { child, said } = start(`folder${EVIL}`, `empty${EVIL}`, ...publishFlags, flag);
    await child.until(({ stdout, stderr }) =>
      [...stdout, ...stderr].some((line) => /"failed"|Stop with/.test(line)) ? true : undefined,
    );
    await child.stop();
    expectHarmless(said(), flag === "--json" ? '"ready"' : "ready");
    expect(said()).toContain(flag === "--json" ? "\\u001b" : "\\x1b");
  });

  it("are harmless in what a web server gives to curl, in words and as JSON, also of what failed", async () => {
    const { child } = start(`folder${EVIL}`, `empty${EVIL}`, ...publishFlags, "--json");
    const { url, name } = await eventOf(child, "ready");
    const { share } = await eventOf(child, "failed");
    expect(name).toBe(`folder${EVIL}`);
    const base = new URL(String(url)).origin;
    for (const target of [
      String(url),
      `${base}/`,
      `${base}/s/${share}`,
      `${base}/s/${share}.torrent`,
      `${base}/stats.json`,
    ])
      for (const Accept of ["*/*", "application/json"]) {
        const answer = await fetch(target, { headers: { Accept } });
        expectHarmless(await answer.text(), "");
        for (const [, value] of answer.headers) expect(value).not.toMatch(RAW);
      }
    const parsed = await (await fetch(String(url), { headers: { Accept: "application/json" } })).json();
    expect(JSON.stringify(parsed)).toContain(JSON.stringify(`file${EVIL}.txt`).slice(1, -1));
  });

  it.each([["get"], ["info"], ["create"], ["publish"]])(
    "are harmless when they become the arguments of `%s`",
    async (command) => {
      for (const argument of [`--${EVIL}`, `./missing${EVIL}`]) {
        const { child, said } = start(command, argument);
        expect(await child.end(20_000)).toBeGreaterThan(0);
        expectHarmless(said(), "error:");
      }
    },
  );

  it("are harmless in a torrent that is shown and got", async () => {
    const pieces = new Uint8Array(20);
    const files = [{ length: 5, path: [`sub${EVIL}`, `a${EVIL}`] }];
    const info = { files, name: `torrent${EVIL}`, "piece length": 16_384, pieces };
    const torrent = path.join(place.dir, "evil.torrent");
    writeFileSync(
      torrent,
      encodeBencode({
        announce: `http://127.0.0.1:9/announce?${EVIL}`,
        comment: EVIL,
        "created by": EVIL,
        info,
      }),
    );
    for (const flags of [[], ["--json"]]) {
      const shown = start("info", torrent, ...flags);
      expect(await shown.child.end(20_000)).toBe(0);
      expectHarmless(shown.said(), "torrent");
      const got = start("get", torrent, "-o", "out", "--no-lan", "--timeout", "2s", "--verbose", ...flags);
      expect(await got.child.end(20_000)).toBe(5);
      expectHarmless(got.said(), "torrent");
    }
  });
});

describe("what peers and trackers say", () => {
  it.each([["--json"], ["--verbose"]])("is harmless when a publisher tells of them (%s)", async (flag) => {
    const { child, said } = start(`folder${EVIL}`, ...publishFlags, "--port", "0", flag);
    const line = await child.until(({ stdout }) => stdout.find((each) => each.includes("/s/")));
    const [url = ""] = /http:[^"\s]+\/s\/\w+/.exec(line) ?? [];
    await child.until(({ stdout, stderr }) =>
      [...stdout, ...stderr].some((each) => /"ready"|Stop with/.test(each)) ? true : undefined,
    );
    const { infoHash } = (await (await fetch(url, { headers: { Accept: "application/json" } })).json()) as {
      infoHash: string;
    };
    const { port } = new URL(url);
    const peer = await HostilePeer.call(Number(port), { infoHash, id: 0x1b });
    running.push({ stop: async () => peer.destroy() });
    const handshake = encodeBencode({ m: {}, v: `client${EVIL}` });
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, handshake.length + 2);
    peer.say(length, Uint8Array.of(20, 0), handshake, Uint8Array.of(0, 0, 0, 1, 15));
    // A peer id is what some take a client's name from.
    const id = Buffer.from(`-${EVIL}`.slice(0, 20).padEnd(20, "\u001b"), "latin1");
    const escaped = [...id].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
    const hash = infoHash.replace(/../g, "%$&");
    await fetch(
      `http://127.0.0.1:${port}/announce/${url.split("/").at(-1)}?info_hash=${hash}&peer_id=${escaped}&port=9&left=1`,
    );
    await child.until(({ stdout, stderr }) =>
      [...stdout, ...stderr].filter((each) => /"joined"|^joined/.test(each)).length >= 2 ? true : undefined,
    );
    await child.stop();
    expectHarmless(said(), "joined");
  });

  it("is harmless when a receiver repeats it", async () => {
    const refusing = await listenForHttp(saying(`d14:failure reason${Buffer.byteLength(EVIL)}:${EVIL}e`));
    const warning = await listenForHttp(
      saying(`d8:intervali1800e5:peers0:15:warning message${Buffer.byteLength(EVIL)}:${EVIL}e`),
    );
    const redirecting = await listenForHttp((socket) =>
      socket.end(
        `HTTP/1.1 302 Found\r\nLocation: http://\u009b2J.example:1/${encodeURI(EVIL)}\r\nContent-Length: 0\r\n\r\n`,
      ),
    );
    const hostile = await listenAsPeer((peer) => peer.say(Buffer.from(EVIL)));
    running.push(refusing, warning, redirecting, hostile);
    const trackers = [refusing, warning, redirecting].map(({ port }) => [
      `http://127.0.0.1:${port}/announce`,
    ]);
    const info = { length: 5, name: "x", "piece length": 16_384, pieces: new Uint8Array(20) };
    const torrent = path.join(place.dir, "told.torrent");
    writeFileSync(
      torrent,
      encodeBencode({ announce: trackers[0]?.[0] ?? "", "announce-list": trackers, info }),
    );
    for (const flag of ["--json", "--verbose"]) {
      const { child, said } = start(
        "get",
        torrent,
        "-o",
        "out2",
        "--no-lan",
        "--timeout",
        "3s",
        "--peer",
        `127.0.0.1:${hostile.port}`,
        flag,
      );
      expect(await child.end(20_000)).toBe(5);
      expectHarmless(said(), "warning");
      expect(said()).toContain("52;c");
    }
    const page = start("get", `http://127.0.0.1:${redirecting.port}/x.torrent`, "-o", "out3");
    expect(await page.child.end(20_000)).toBe(1);
    expectHarmless(page.said(), "error:");
  });

  it("is harmless in a tracker's log and its report", async () => {
    const { child, said } = start(
      "tracker",
      "--port",
      "0",
      "--bind",
      "127.0.0.1",
      "--log",
      "log",
      "--verbose",
    );
    const url = await child.until(({ stdout }) => stdout.find((line) => line.startsWith("http://")));
    const id = "%1b%5d52%3bc%07%9b2J----------";
    await fetch(`${url}?info_hash=${"%1b".repeat(20)}&peer_id=${id}&port=9&left=1`);
    await child
      .until(({ stderr }) => stderr.find((line) => line.startsWith("joined")), 10_000)
      .catch(() => {});
    await child.stop();
    expectHarmless(said(), "joined");
    expectHarmless(readFileSync(path.join(place.dir, "log"), "utf8"), "joined");
    writeFileSync(
      path.join(place.dir, "forged"),
      `${JSON.stringify({ at: `2026-01-01T00:00:00${EVIL}Z`, event: "joined", infoHash: EVIL, peerId: EVIL, address: EVIL, client: EVIL })}\n`,
    );
    const report = start("tracker", "report", "forged");
    await report.child.end(20_000);
    expect(report.said()).not.toMatch(RAW);
  });
});
