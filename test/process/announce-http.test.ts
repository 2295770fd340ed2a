import type { lookup } from "node:dns";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { reasonAgainst } from "../../src/client/core/announce-guard.ts";
import { type AnnounceParams, TrackerError } from "../../src/client/core/announce-types.ts";
import { readProxyRules } from "../../src/client/core/proxy-choice.ts";
import { type AskHttpOptions } from "../../src/client/discovery/ask-http.ts";
import { createHttpAnnounce } from "../../src/client/discovery/tracker-http.ts";
import { systemClock } from "../../src/platform/clock.ts";
import { systemRandom } from "../../src/platform/random.ts";
import { fromLatin1 } from "../../src/protocol/bytes.ts";
import { infoHash, peerId } from "../../src/protocol/ids.ts";
import { TrackerStore } from "../../src/tracker/core/store.ts";
import { createTrackerHttp } from "../../src/tracker/http.ts";

const REPLY = Buffer.from("d8:intervali300e5:peers6:\n\0\0\u0001\u001a\u00e1e", "latin1");
const params: AnnounceParams = {
  infoHash: infoHash(fromLatin1("\u0000& %+=?#/\u00ff0123456789")),
  peerId: peerId(fromLatin1("-BJ0100-abcdefghijkl")),
  port: 7000,
  uploaded: 0,
  downloaded: 0,
  left: 100,
  key: "k",
  numwant: 50,
  event: "started",
};
const never = new AbortController().signal;

let handle: (request: IncomingMessage, response: ServerResponse) => void;
let server: Server;
let port: number;
const sockets = new Set<Socket>();

beforeEach(async () => {
  handle = (_request, response) => response.end(REPLY);
  server = createServer((request, response) => handle(request, response));
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  server.listen(0, "::");
  await once(server, "listening");
  port = (server.address() as AddressInfo).port; // a TCP server has such an address
});

afterEach(async () => {
  server.close();
  server.closeAllConnections();
  await once(server, "close");
});

function ask(path = "/announce", options: AskHttpOptions = {}, host = "127.0.0.1", signal = never) {
  return createHttpAnnounce(options)(`http://${host}:${port}${path}`, params, signal);
}

/** The reason of the {@link TrackerError} that an announce must end with. */
async function failure(asked: Promise<unknown>): Promise<string> {
  const error = await asked.then(
    () => expect.fail("it was answered"),
    (reason: unknown) => reason,
  );
  if (!(error instanceof TrackerError)) throw error;
  return error.reason;
}

/** Every name is 127.0.0.1. */
const toUs = ((_name: string, _options: object, callback: (error: null, found: object[]) => void) =>
  callback(null, [{ address: "127.0.0.1", family: 4 }])) as typeof lookup; // the only one of its forms that is used

describe("an announce over HTTP", () => {
  test("finds our own tracker's peers with a hash that needs every escape", async () => {
    const store = new TrackerStore({ clock: systemClock, random: systemRandom });
    store.register({
      id: "a",
      infoHash: params.infoHash,
      listed: true,
      totalBytes: 1,
      seeder: params.peerId,
    });
    handle = createTrackerHttp({ store, hostNames: () => [] });
    expect(await failure(ask("/announce/b"))).toMatch(/^unknown torrent/);
    const other = { ...params, peerId: peerId(fromLatin1("-BJ0100-%&+/?# =~.__")) };
    const announce = createHttpAnnounce();
    for (const host of ["127.0.0.1", "[::1]"]) {
      const reply = await announce(`http://${host}:${port}/announce/a`, other, never);
      expect(reply.peers[0]).toEqual({ host: host.replace(/[[\]]/g, ""), port });
    }
    expect(store.peers(params.infoHash, 9).map((peer) => peer.peerId)).toEqual([other.peerId]);
    store.close();
  });

  test("sends the bytes as they were escaped, one Host, and no wish for compression", async () => {
    let target = "";
    let headers: NodeJS.Dict<string | string[]> = {};
    handle = (request, response) => {
      target = request.url ?? "";
      headers = request.headers;
      response.end(REPLY);
    };
    await ask("/announce?pass=a%20b", {}, "[::1]");
    expect(target).toMatch(
      /^\/announce\?pass=a%20b&info_hash=%00%26%20%25%2B%3D%3F%23%2F%FF0123456789&peer_id=-BJ0100-/,
    );
    expect(headers).toMatchObject({ host: `[::1]:${port}`, connection: "close" });
    expect(headers).not.toHaveProperty("accept-encoding");
  });

  test("goes through a proxy only under a path that says so: what it leads to may be local there", async () => {
    const proxies = readProxyRules({ http_proxy: `http://127.0.0.1:${port}` });
    let target = "";
    handle = (request, response) => {
      target = request.url ?? "";
      response.end(REPLY);
    };
    await ask("/announce/x", { proxies }, "tracker.example");
    expect(target).toMatch(/^http:\/\/tracker\.example:\d+\/announce\/x\?info_hash=%00%26/);
    target = "";
    expect(await failure(ask("/reboot", { proxies }, "tracker.example"))).toMatch(/behind a proxy must have/);
    expect(target).toBe("");
  });

  test("reads the reply, also one that is compressed unasked", async () => {
    const expected = { interval: 300, peers: [{ host: "10.0.0.1", port: 6881 }] };
    expect(await ask()).toMatchObject(expected);
    handle = (_request, response) => response.setHeader("Content-Encoding", "gzip").end(gzipSync(REPLY));
    expect(await ask()).toMatchObject(expected);
  });

  test("keeps the tracker's words of refusal, whatever the status", async () => {
    handle = (_request, response) => response.writeHead(404).end("d14:failure reason4:nonee");
    expect(await failure(ask())).toBe("none");
  });

  test.each<[string, RegExp, typeof handle]>([
    ["a status without a reply", /status 503/, (_q, response) => response.writeHead(503).end("busy")],
    ["a reply under a wrong status", /status 403/, (_q, response) => response.writeHead(403).end(REPLY)],
    ["a web page", /no tracker's reply/, (_q, response) => response.end("<html></html>")],
    ["more than 1 MiB", /1 MiB/, (_q, response) => response.end(Buffer.alloc(1024 * 1024 + 1, "d"))],
    [
      "a bomb",
      /larger than|1048576/,
      (_q, response) =>
        response.setHeader("Content-Encoding", "gzip").end(gzipSync(Buffer.alloc(50 * 1024 * 1024))),
    ],
    [
      "an end in the middle",
      /aborted|hang up/,
      (_q, response) => {
        response.writeHead(200, { "Content-Length": 100 });
        response.write("d8:");
        setTimeout(() => response.destroy(), 20);
      },
    ],
    [
      "a redirect in a circle",
      /more than 5 redirects/,
      (_q, response) => response.writeHead(302, { Location: "/announce" }).end(),
    ],
    [
      "a redirect to a file",
      /file: is not HTTP/,
      (_q, response) => response.writeHead(302, { Location: "file:///etc/passwd" }).end(),
    ],
    [
      "a redirect to nowhere",
      /malformed/,
      (_q, response) => response.writeHead(302, { Location: "http://[::" }).end(),
    ],
    [
      "a redirect to something local that is no tracker",
      /must have \/announce/,
      (_q, response) => response.writeHead(302, { Location: "/reboot" }).end(),
    ],
  ])("refuses %s", async (_name, reason, answer) => {
    handle = answer;
    expect(await failure(ask())).toMatch(reason);
    await expect.poll(() => sockets.size).toBe(0);
  });

  test("follows a redirect as it is written", async () => {
    handle = (request, response) => {
      if (request.url?.startsWith("/announce") === true)
        response.writeHead(307, { Location: "/new/announce?moved=%00" }).end();
      else response.end(request.url === "/new/announce?moved=%00" ? REPLY : "x");
    };
    expect((await ask()).peers).toHaveLength(1);
  });

  test("gives up in time, at any stage, and leaves no socket", async () => {
    for (const answer of [
      () => {},
      (_request: IncomingMessage, response: ServerResponse) => void response.write("d8:interval"),
    ]) {
      handle = answer;
      expect(await failure(ask("/announce", { timeout: 150 }))).toBe("it took too long");
      await expect.poll(() => sockets.size).toBe(0);
    }
  });

  test("is over for a tracker that takes the connection for something else", async () => {
    server.on("connection", (socket: Socket) => {
      socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
    });
    expect(await failure(ask())).toBe("it wants to speak something else than HTTP");
  });

  test("ends with the signal's own reason", async () => {
    const stop = new AbortController();
    handle = () => stop.abort(new Error("enough"));
    await expect(ask("/announce", {}, "127.0.0.1", stop.signal)).rejects.toThrow("enough");
    await expect(ask("/announce", {}, "127.0.0.1", stop.signal)).rejects.toThrow("enough");
    await expect.poll(() => sockets.size).toBe(0);
  });

  test("says what is wrong with a URL, a port where nobody listens, a name that nobody knows", async () => {
    const announce = createHttpAnnounce({ timeout: 2000 });
    expect(await failure(announce("http://", params, never))).toMatch(/malformed/);
    expect(await failure(announce("ftp://127.0.0.1/announce", params, never))).toBe("ftp: is not HTTP");
    expect(await failure(announce("http://127.0.0.1:1/announce", params, never))).toMatch(/ECONNREFUSED/);
    const unknown = ((_name: string, _options: object, callback: (error: Error) => void) =>
      callback(new Error("ENOTFOUND"))) as typeof lookup; // the only one of its forms that is used
    expect(await failure(ask("/announce", { lookup: unknown }, "tracker.example"))).toBe("ENOTFOUND");
  });
});

describe("what an announce may reach", () => {
  let asked: string[];
  beforeEach(() => {
    asked = [];
    handle = (request, response) => {
      asked.push(request.url?.split("?")[0] ?? "");
      response.end(REPLY);
    };
  });

  test("excludes local addresses without /announce, as literals and behind names", async () => {
    expect(await failure(ask("/reboot"))).toMatch(/must have \/announce/);
    expect(await failure(ask("/reboot", {}, "[::1]"))).toMatch(/must have \/announce/);
    expect(await failure(ask("/reboot", {}, "[::ffff:127.0.0.1]"))).toMatch(/must have \/announce/);
    expect(await failure(ask("/reboot", { lookup: toUs }, "tracker.example"))).toMatch(
      /must have \/announce/,
    );
    expect(await failure(ask("/reboot?/announce"))).toMatch(/must have \/announce/);
    expect(asked).toEqual([]);
    await ask("/announce", { lookup: toUs }, "tracker.example");
    expect(asked).toEqual(["/announce"]);
  });

  test.each(["127.0.0.1", "[::1]", "localhost", "inside.example"])(
    "excludes %s when a public server redirects there",
    async (host) => {
      handle = (request, response) => {
        asked.push(request.url?.split("?")[0] ?? "");
        response.writeHead(302, { Location: `http://${host}:${port}/announce/inside` }).end();
      };
      // All traffic stays on this machine, so the first hop only plays the public server.
      const options: AskHttpOptions = {
        lookup: toUs,
        reasonAgainst: (hop) =>
          hop.path === "/announce" ? undefined : reasonAgainst({ ...hop, sentByPublic: true }),
      };
      expect(await failure(ask("/announce", options))).toMatch(/redirected the announce to a local address/);
      expect(asked).toEqual(["/announce"]);
    },
  );
});
