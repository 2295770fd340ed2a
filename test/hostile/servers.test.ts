import { existsSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ShareProcess } from "../support/command.ts";
import { digestTree, scratch } from "../support/data.ts";
import { type HttpMischief, listenForHttp, mischiefs, saying } from "../support/hostile-server.ts";
import { rewriteTorrent } from "../support/torrent-file.ts";
import { publishForWire, type WireShare } from "../support/wire-share.ts";

let place: ReturnType<typeof scratch>;
let share: WireShare;
beforeAll(async () => {
  place = scratch();
  share = await publishForWire(place.dir, 1_000_000);
});
afterAll(async () => {
  await share.publisher.stop();
  place.remove();
});

/** What it says reaches a terminal, and must not steer it. */
function expectHarmless(getter: ShareProcess): void {
  for (const { message = "" } of getter.events) expect(String(message)).not.toMatch(/\p{Cc}/u);
  expect(getter.stderr).toEqual([]);
}

async function withServer<T>(mischief: HttpMischief, use: (port: number) => Promise<T>): Promise<T> {
  const server = await listenForHttp(mischief);
  try {
    return await use(server.port);
  } finally {
    await server.stop();
  }
}

let folders = 0;
const folder = () => path.join(place.dir, `out${folders++}`);

describe("a web server that is asked for a torrent", () => {
  const cases = { ...mischiefs, "a page": saying("<!doctype html><p>no torrent here"), nothing: saying("") };

  it.concurrent.each(Object.entries(cases))(
    "gets nobody further than an error by %s",
    async (name, mischief) => {
      await withServer(mischief, async (port) => {
        const out = folder();
        const getter = new ShareProcess(["get", `http://127.0.0.1:${port}/x.torrent`, "-o", out]);
        expect(await getter.end(50_000)).toBe(1);
        expect(getter.events.at(-1)).toMatchObject({ event: "error" });
        expect(String(getter.lastEvent("error")?.["message"]).length).toBeGreaterThan(20);
        // Told by its size, not after all of it was unpacked.
        if (name.startsWith("200 MB in"))
          expect(getter.lastEvent("error")?.["message"]).toContain("sends more than 10 MB");
        expectHarmless(getter);
        expect(existsSync(out)).toBe(false);
      });
    },
  );
});

/** A byte now and then: never still, and never done. */
const dripping =
  (head: string): HttpMischief =>
  (socket) => {
    socket.write(`${head}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`);
    const drip = setInterval(() => socket.write("1\r\nd\r\n"), 100);
    socket.once("close", () => clearInterval(drip));
  };

it.concurrent.each([
  ["an answer", "HTTP/1.1 200 OK\r\n"],
  ["that it isn't ready", "HTTP/1.1 503 Service Unavailable\r\n"],
])("a web server that drips %s is left after a while", async (_, head) => {
  await withServer(dripping(head), async (port) => {
    const url = `http://127.0.0.1:${port}/s/abcdefgh`;
    const getter = new ShareProcess(["get", url, "-o", folder(), "--http-timeout", "3s"]);
    expect(await getter.end(30_000)).toBe(1);
    expect(getter.lastEvent("error")?.["message"]).toContain("it comes too slowly");
  });
});

describe("a tracker", () => {
  const peers = (count: number) =>
    saying(`d8:intervali1800e5:peers${6 * count}:${"\u007f\u0000\u0000\u0001\u0000\u0009".repeat(count)}e`);
  const cases = {
    ...mischiefs,
    "intervals below nothing": saying("d8:intervali-5e12:min intervali-1e5:peers0:e"),
    "intervals of a thousand years": saying("d8:intervali31536000000000e5:peers0:e"),
    "200,000 peers": peers(200_000),
    "peers that don't add up": saying("d8:intervali1800e5:peers7:1234567e"),
    "a refusal that moves the cursor": saying("d14:failure reason12:\u001b[2J\u001b]52;;Ye"),
  };

  it.concurrent.each(Object.entries(cases))("can't hold up a download by %s", async (_, mischief) => {
    await withServer(mischief, async (port) => {
      const out = folder();
      const torrent = rewriteTorrent(
        await readTorrent(),
        [`http://127.0.0.1:${port}/announce`],
        `${out}.torrent`,
      );
      const getter = new ShareProcess([
        "get",
        torrent,
        "-o",
        out,
        "--no-lan",
        "--peer",
        `127.0.0.1:${share.port}`,
      ]);
      await getter.succeed(50_000);
      expect(await digestTree(path.join(out, "folder"))).toEqual(share.digests);
      expectHarmless(getter);
    });
  });
});

async function readTorrent(): Promise<Uint8Array> {
  return new Uint8Array(await (await fetch(`${share.url}.torrent`)).arrayBuffer());
}
