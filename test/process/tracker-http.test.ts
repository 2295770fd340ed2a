import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { networkInterfaces } from "node:os";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../src/platform/clock.ts";
import { systemRandom } from "../../src/platform/random.ts";
import { type BencodeDict, decodeBencode } from "../../src/protocol/bencode.ts";
import { fromLatin1, toLatin1 } from "../../src/protocol/bytes.ts";
import { decodeCompactPeers, decodeCompactPeers6 } from "../../src/protocol/compact-peers.ts";
import { infoHash, peerId } from "../../src/protocol/ids.ts";
import { parseNetwork } from "../../src/protocol/proxy-rule.ts";
import { TrackerStore } from "../../src/tracker/core/store.ts";
import { createTrackerHttp } from "../../src/tracker/http.ts";

const HASH = infoHash(fromLatin1("\u0000& %+=?#/\u00ff0123456789"));
const HIDDEN = infoHash(new Uint8Array(20).fill(0x68));
const OWN = peerId(fromLatin1("-BJ0100-own-seeder-0"));

let store: TrackerStore;
let server: Server;
let port: number;
/** What the tracker takes for its own names at the moment. */
let names: readonly string[];

beforeEach(async () => {
  store = new TrackerStore({ clock: systemClock, random: systemRandom });
  store.register({ id: "k3f9x2ab", infoHash: HASH, listed: true, totalBytes: 1000, seeder: OWN });
  store.register({ id: "hidden00", infoHash: HIDDEN, listed: false, totalBytes: 1000 });
  names = ["bench", "bench.local"];
  const proxies = [parseNetwork("127.0.0.3") ?? expect.fail("no network")];
  server = createServer(createTrackerHttp({ store, hostNames: () => names, proxies }));
  server.listen(0, "::");
  await once(server, "listening");
  port = (server.address() as AddressInfo).port; // a TCP server has such an address
});

afterEach(async () => {
  server.close();
  server.closeAllConnections();
  store.close();
  await once(server, "close");
});

interface Reply {
  readonly status: number;
  readonly headers: string;
  readonly body: Uint8Array;
}

/** One raw request, so that nothing is tidied on the way. */
async function ask(
  target: string,
  options: { host?: string; to?: string; from?: string; method?: string; extra?: string } = {},
) {
  const to = options.to ?? "127.0.0.1";
  const host = options.host ?? `${to.includes(":") ? `[${to}]` : to}:${port}`;
  const from = options.from === undefined ? {} : { localAddress: options.from };
  const socket = connect({ port, host: to, ...from });
  const parts: Buffer[] = [];
  socket.on("data", (part: Buffer) => parts.push(part));
  const head = `${options.method ?? "GET"} ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${options.extra ?? ""}\r\n`;
  socket.end(Buffer.from(head, "latin1"));
  await once(socket, "close");
  const all = Buffer.concat(parts).toString("latin1");
  const split = all.indexOf("\r\n\r\n");
  const reply: Reply = {
    status: Number(all.slice(9, 12)),
    headers: all.slice(0, split).toLowerCase(),
    body: fromLatin1(all.slice(split + 4)),
  };
  return reply;
}

function dict(reply: Reply): BencodeDict {
  const value = decodeBencode(reply.body);
  if (!(value instanceof Map)) throw new Error("the reply is no dictionary");
  return value;
}

function text(reply: Reply, key: string): string {
  const value = dict(reply).get(key);
  return value instanceof Uint8Array ? toLatin1(value) : `${String(value)}`;
}

function peersOf(reply: Reply): string[] {
  const bytes = (key: string) => {
    const value = dict(reply).get(key);
    return value instanceof Uint8Array ? value : new Uint8Array();
  };
  return [...decodeCompactPeers(bytes("peers")), ...decodeCompactPeers6(bytes("peers6"))].map(
    ({ host, port }) => `${host} ${port}`,
  );
}

const escape = (bytes: Uint8Array) =>
  [...bytes].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");

function announce(name: string, extra = "", path = "/announce", hash: Uint8Array = HASH): string {
  return `${path}?info_hash=${escape(hash)}&peer_id=${`-XX0000-${name}`.padEnd(20, "_")}&port=7000&left=1000&compact=1&${extra}`;
}

/** An address of this machine that is not loopback, where there is one. */
const elsewhere = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ family, internal }) => family === "IPv4" && !internal)?.address;

describe("announce", () => {
  test("gives our own seeder at the address that was asked, and the intervals", async () => {
    const reply = await ask(announce("one"));
    expect(peersOf(reply)).toEqual([`127.0.0.1 ${port}`]);
    expect(dict(reply).get("interval")).toBe(300);
    expect(dict(reply).get("min interval")).toBe(30);
    expect(reply.headers).toContain("content-type: text/plain");
    expect(reply.headers).toContain(`content-length: ${reply.body.length}`);
  });

  test("tells an asker under which address it came (BEP 24)", async () => {
    const reply = await ask(announce("one"), { from: "127.0.0.2" });
    expect(dict(reply).get("external ip")).toEqual(Uint8Array.of(127, 0, 0, 2));
    const six = dict(await ask(announce("one"), { to: "::1" })).get("external ip");
    expect(six).toEqual(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1));
  });

  test("gives our own seeder at the address in Host, which a port forward may have changed", async () => {
    expect(peersOf(await ask(announce("one"), { host: "203.0.113.9:7777" }))).toEqual(["203.0.113.9 7777"]);
    expect(peersOf(await ask(announce("one"), { host: "203.0.113.9" }))).toEqual(["203.0.113.9 80"]);
  });

  test("takes an IPv6 address without brackets in Host, as libtorrent writes it", async () => {
    const reply = await ask(announce("one"), { to: "::1", host: `::1:${port}` });
    expect([reply.status, peersOf(reply)]).toEqual([200, [`::1 ${port}`]]);
  });

  test.each(["localhost", "bench.local:1234", "0.0.0.0:1", "[::]:1", "224.0.0.1:1"])(
    "gives our own seeder at our end of the connection when Host is %s",
    async (host) => {
      expect(peersOf(await ask(announce("one"), { host }))).toEqual([`127.0.0.1 ${port}`]);
    },
  );

  test("tells peers about each other, IPv6 ones in peers6", async () => {
    await ask(announce("six", "port=7006"), { to: "::1" });
    await ask(announce("four", "port=7004"));
    expect(peersOf(await ask(announce("new")))).toEqual([`127.0.0.1 ${port}`, "127.0.0.1 7004", "::1 7006"]);
  });

  test.skipIf(elsewhere === undefined)(
    "tells others the machine's address for its loopback peers",
    async () => {
      const to = elsewhere ?? "";
      await ask(announce("local", "port=7004"));
      expect(peersOf(await ask(announce("remote"), { to }))).toEqual([`${to} ${port}`, `${to} 7004`]);
      expect(peersOf(await ask(announce("local", "port=7004")))).toEqual([`127.0.0.1 ${port}`, `${to} 7000`]);
    },
  );

  test("gives a list of dictionaries for compact=0, with and without peer ids", async () => {
    const list = dict(await ask(announce("old", "compact=0"))).get("peers");
    expect(list).toEqual([
      new Map<string, unknown>([
        ["ip", fromLatin1("127.0.0.1")],
        ["peer id", OWN],
        ["port", port],
      ]),
    ]);
    const bare = dict(await ask(announce("old", "compact=0&no_peer_id=1"))).get("peers");
    expect(bare).toEqual([
      new Map<string, unknown>([
        ["ip", fromLatin1("127.0.0.1")],
        ["port", port],
      ]),
    ]);
  });

  test("uses the socket's address, whatever ip= and forwarding headers say", async () => {
    await ask(announce("liar", "port=7001&ip=10.6.6.6&ipv4=10.6.6.6"), {
      extra: "X-Forwarded-For: 10.6.6.6\r\nX-Real-IP: 10.6.6.6\r\nForwarded: for=10.6.6.6\r\n",
    });
    expect(peersOf(await ask(announce("asker")))).toEqual([`127.0.0.1 ${port}`, "127.0.0.1 7001"]);
  });

  test("believes a trusted proxy about who asks, and nobody else", async () => {
    const extra = "X-Forwarded-For: 198.51.100.7\r\n";
    const proxied = await ask(announce("one", "port=7001"), { from: "127.0.0.3", extra });
    expect(dict(proxied).get("external ip")).toEqual(Uint8Array.of(198, 51, 100, 7));
    const lied = await ask(announce("two", "port=7002"), { from: "127.0.0.2", extra });
    expect(dict(lied).get("external ip")).toEqual(Uint8Array.of(127, 0, 0, 2));
    expect(peersOf(await ask(announce("asker"))).sort()).toEqual(
      [`127.0.0.1 ${port}`, "127.0.0.2 7002", "198.51.100.7 7001"].sort(),
    );
  });

  test.each([
    ["info_hash of 19 bytes", `/announce?info_hash=${"a".repeat(19)}&peer_id=${"p".repeat(20)}&port=1`],
    ["a bad escape", `/announce?info_hash=%zz&peer_id=${"p".repeat(20)}&port=1`],
    ["a repeated info_hash", announce("x", `info_hash=${escape(HASH)}`)],
    ["nothing at all", "/announce"],
    ["an unknown torrent", announce("x", "", "/announce", new Uint8Array(20))],
    ["an unknown ID", announce("x", "", "/announce/nobody00")],
    ["another share's ID", announce("x", "", "/announce/hidden00")],
    ["an unlisted share without its ID", announce("x", "", "/announce", HIDDEN)],
  ])("refuses %s with a failure reason and status 200", async (_name, target) => {
    const reply = await ask(target);
    expect(reply.status).toBe(200);
    expect([...dict(reply).keys()]).toEqual(["failure reason"]);
    expect(text(reply, "failure reason")).toMatch(/./);
  });

  test("serves an unlisted share under its ID", async () => {
    expect(dict(await ask(announce("x", "", "/announce/hidden00", HIDDEN))).get("incomplete")).toBe(1);
    expect(text(await ask(announce("x", "", "/announce", HIDDEN)), "failure reason")).toMatch(
      /^unknown torrent/,
    );
  });

  test("caps numwant and gives nobody for 0", async () => {
    for (let i = 0; i < 220; i++)
      store.announce({
        query: {
          ok: true,
          infoHash: HASH,
          peerId: peerId(fromLatin1(`-XX0000-${i}`.padEnd(20, "x"))),
          port: 1 + i,
          uploaded: 0,
          downloaded: 0,
          left: 1,
          event: "started",
          numwant: 0,
          compact: true,
          noPeerId: false,
          key: "",
        },
        address: Uint8Array.of(127, 0, 0, 1),
        shareId: undefined,
        reachedAs: { ip: Uint8Array.of(127, 0, 0, 1), port },
      });
    expect(peersOf(await ask(announce("x", "numwant=2147483648")))).toHaveLength(200);
    expect(peersOf(await ask(announce("x", "numwant=-1")))).toHaveLength(50);
    expect(peersOf(await ask(announce("x", "numwant=3")))).toHaveLength(3);
    expect(peersOf(await ask(announce("x", "numwant=0")))).toEqual([]);
  });
});

describe("scrape", () => {
  test("counts ourselves and lists only listed shares without an ID", async () => {
    await ask(announce("one", "event=started"));
    const files = dict(await ask("/scrape")).get("files");
    expect(files).toEqual(
      new Map([
        [
          toLatin1(HASH),
          new Map([
            ["complete", 1],
            ["downloaded", 0],
            ["incomplete", 1],
          ]),
        ],
      ]),
    );
    expect(dict(await ask(`/scrape?info_hash=${escape(HIDDEN)}`)).get("files")).toEqual(new Map());
  });

  test("takes several hashes, and an ID", async () => {
    const both = await ask(`/scrape?info_hash=${escape(HASH)}&info_hash=${escape(new Uint8Array(20))}`);
    expect([...(dict(both).get("files") as BencodeDict).keys()]).toEqual([toLatin1(HASH)]); // a dictionary, by BEP 48
    const hidden = await ask("/scrape/hidden00");
    expect([...(dict(hidden).get("files") as BencodeDict).keys()]).toEqual([toLatin1(HIDDEN)]); // as above
  });

  test("refuses a bad hash", async () => {
    expect(text(await ask("/scrape?info_hash=short"), "failure reason")).toBe(
      "info_hash has 5 bytes, not 20",
    );
  });
});

describe("around the tracker", () => {
  test.each([
    ["evil.example", 421],
    ["evil.example:6881", 421],
    ["a b", 400],
    ["", 400],
  ])("answers Host %j with %i", async (host, status) => {
    expect((await ask(announce("x"), { host })).status).toBe(status);
    expect(store.counts(HASH)?.incomplete).toBe(0);
  });

  test("takes a name for its own only as long as it is", async () => {
    const status = async (host: string) => (await ask("/scrape", { host })).status;
    expect([await status("bench"), await status("bench")]).toEqual([200, 200]);
    names = ["other"];
    expect([await status("bench"), await status("other"), await status("other")]).toEqual([421, 200, 200]);
    names = [];
    expect(await status("other")).toBe(421);
  });

  test("answers HEAD without a body and refuses POST", async () => {
    const head = await ask("/scrape", { method: "HEAD" });
    expect([head.status, head.body.length]).toEqual([200, 0]);
    expect((await ask(announce("x"), { method: "POST", extra: "Content-Length: 0\r\n" })).status).toBe(405);
    expect(store.counts(HASH)?.incomplete).toBe(0);
  });

  test.each(["/announcement", "/announce/a/b/c", "/announce/%00", "/announce/..", "/scrapes", "/"])(
    "does not know %s",
    async (path) => {
      expect((await ask(path)).status).toBe(404);
    },
  );

  test("answers several requests on one connection, a body with a GET among them", async () => {
    const socket = connect(port, "127.0.0.1");
    const request = (extra: string, body: string) =>
      `GET ${announce("x")} HTTP/1.1\r\nHost: 127.0.0.1\r\n${extra}\r\n${body}`;
    socket.end(
      `${request("", "")}${request("Content-Length: 5\r\n", "GET /")}${request("Connection: close\r\n", "")}`,
    );
    let all = "";
    socket.on("data", (part) => {
      all += String(part);
    });
    await once(socket, "close");
    expect(all.split("HTTP/1.1 200 OK").length - 1).toBe(3);
  });

  test("keeps no memory of a hundred thousand unknown info hashes", () => {
    const query = {
      ok: true,
      peerId: OWN,
      port: 1,
      uploaded: 0,
      downloaded: 0,
      left: 1,
      event: "started",
      numwant: 50,
      compact: true,
      noPeerId: false,
      key: "k",
    } as const;
    const here = { ip: Uint8Array.of(127, 0, 0, 1), port };
    for (let i = 0; i < 100_000; i++) {
      const unknown = new Uint8Array(20);
      new DataView(unknown.buffer).setUint32(0, i + 1);
      const outcome = store.announce({
        query: { ...query, infoHash: infoHash(unknown) },
        address: here.ip,
        shareId: undefined,
        reachedAs: here,
      });
      if (outcome.ok) expect.fail("an unknown torrent was tracked");
    }
    expect(store.scrape([], undefined)).toHaveLength(1);
  });
});
