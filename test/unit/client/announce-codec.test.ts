import { describe, expect, test } from "vitest";
import { reasonAgainst } from "../../../src/client/core/announce-guard.ts";
import { parseAnnounceReply } from "../../../src/client/core/announce-reply.ts";
import { type AnnounceParams, TrackerError } from "../../../src/client/core/announce-types.ts";
import { announcePath } from "../../../src/client/core/announce-url.ts";
import { fromLatin1 } from "../../../src/protocol/bytes.ts";
import { infoHash, peerId } from "../../../src/protocol/ids.ts";
import { parseIp } from "../../../src/protocol/ip-address.ts";

const params: AnnounceParams = {
  infoHash: infoHash(
    Uint8Array.of(
      0x12,
      0x34,
      0x56,
      0x78,
      0x9a,
      0xbc,
      0xde,
      0xf1,
      0x23,
      0x45,
      0x67,
      0x89,
      0xab,
      0xcd,
      0xef,
      0x12,
      0x00,
      0x20,
      0x2b,
      0x7e,
    ),
  ),
  peerId: peerId(fromLatin1("-BJ0100-a_b.c~d/e&f=")),
  port: 6881,
  uploaded: 0,
  downloaded: 1,
  left: 2 ** 40,
  key: "00ff",
  numwant: 50,
};

describe("announcePath", () => {
  test("escapes every byte but the unreserved ones", () => {
    expect(announcePath(new URL("http://t.example/announce"), { ...params, event: "started" })).toBe(
      "/announce?info_hash=%124Vx%9A%BC%DE%F1%23Eg%89%AB%CD%EF%12%00%20%2B~&peer_id=-BJ0100-a_b.c~d%2Fe%26f%3D&port=6881&uploaded=0&downloaded=1&left=1099511627776&compact=1&numwant=50&key=00ff&event=started",
    );
  });

  test("keeps the query that the tracker's URL has, and gives its id back", () => {
    const path = announcePath(new URL("http://t.example/announce.php?passkey=a%20b&x"), {
      ...params,
      trackerId: "id\u00ff&",
    });
    expect(path).toMatch(/^\/announce\.php\?passkey=a%20b&x&info_hash=%12/);
    expect(path).toMatch(/&key=00ff&trackerid=id%FF%26$/);
  });

  test("says where others reach us, if that isn't where it comes from", () => {
    expect(announcePath(new URL("http://t.example/announce"), { ...params, ip: "2001:db8::1" })).toMatch(
      /&key=00ff&ip=2001%3Adb8%3A%3A1$/,
    );
  });

  test("does not trip over an empty query", () => {
    expect(announcePath(new URL("http://t.example/announce?"), params)).toMatch(/^\/announce\?info_hash=/);
  });
});

describe("parseAnnounceReply", () => {
  const parse = (latin1: string) => parseAnnounceReply(fromLatin1(latin1));

  test("reads compact peers of both families", () => {
    const six = "\u0020\u0001\u000d\u00b8" + "\0".repeat(11) + "\u0001\u001a\u00e1";
    expect(
      parse(
        `d8:completei5e10:incompletei7e8:intervali300e12:min intervali60e5:peers12:\n\0\0\u0001\u001a\u00e1\n\0\0\u0002\u00ff\u00ff6:peers618:${six}e`,
      ),
    ).toEqual({
      ok: true,
      reply: {
        interval: 300,
        minInterval: 60,
        seeders: 5,
        leechers: 7,
        peers: [
          { host: "10.0.0.1", port: 6881 },
          { host: "10.0.0.2", port: 65535 },
          { host: "2001:db8::1", port: 6881 },
        ],
      },
    });
  });

  test("reads a list of dictionaries and passes over what nobody can connect to", () => {
    const peer = (ip: string, port: string) =>
      `d2:ip${ip.length}:${ip}7:peer id20:${"p".repeat(20)}4:porti${port}ee`;
    const list = [
      peer("10.0.0.1", "1"),
      peer("::ffff:10.0.0.2", "2"),
      peer("fd00::1", "65535"),
      peer("peer.example", "1"),
      peer("10.0.0.3", "0"),
      peer("10.0.0.4", "65536"),
      peer("10.0.0.5", "-1"),
      "d4:porti6ee",
      "d2:ip8:10.0.0.6e",
      "i7e",
      "le",
    ];
    const parsed = parse(`d8:intervali300e5:peersl${list.join("")}ee`);
    expect(parsed.ok && parsed.reply.peers).toEqual([
      { host: "10.0.0.1", port: 1 },
      { host: "10.0.0.2", port: 2 },
      { host: "fd00::1", port: 65535 },
    ]);
  });

  test.each([
    ["i1e", 10, 10],
    ["i-5e", 10, 10],
    ["i9223372036854775807e", 1800, 300],
    ["i999999999e", 86400, 300],
    ["3:abc", 1800, 300],
    ["i60e", 60, 60],
  ])("brings interval %s within bounds", (interval, expected, minimum) => {
    expect(parse(`d8:interval${interval}5:peers0:e`)).toMatchObject({
      ok: true,
      reply: { interval: expected, minInterval: minimum, peers: [] },
    });
  });

  test("keeps min interval between ten seconds and the interval", () => {
    expect(parse("d8:intervali100e12:min intervali500e5:peers0:e")).toMatchObject({
      reply: { minInterval: 100 },
    });
    expect(parse("d8:intervali100e12:min intervali0e5:peers0:e")).toMatchObject({
      reply: { minInterval: 10 },
    });
  });

  test("reads tracker id and warning, unless they are too long", () => {
    expect(parse("d5:peers0:10:tracker id2:x\u00ff15:warning message4:slowe")).toMatchObject({
      reply: { trackerId: "x\u00ff", warning: "slow" },
    });
    const long = parse(
      `d5:peers0:10:tracker id201:${"x".repeat(201)}15:warning message300:${"w".repeat(300)}e`,
    );
    expect(long.ok && long.reply.trackerId).toBeUndefined();
    expect(long.ok && long.reply.warning).toBe("w".repeat(200));
  });

  test("tells a refusal from nonsense", () => {
    expect(parse("d14:failure reason15:unknown torrente")).toEqual({
      ok: false,
      refused: true,
      reason: "unknown torrent",
    });
    expect(parse("d14:failure reasoni1ee")).toMatchObject({ ok: false, refused: true });
  });

  test.each([
    ["5:nevere", Number.POSITIVE_INFINITY],
    ["1:5e", 300],
    ["i5ee", 300],
    ["i0ee", 10],
    ["9:999999999e", 86_400],
    ["4:soone", undefined],
    ["lee", undefined],
  ])("reads when to try again from %s (BEP 31)", (value, seconds) => {
    expect(parse(`d14:failure reason1:x8:retry in${value}`)).toEqual({
      ok: false,
      refused: true,
      reason: "x",
      ...(seconds === undefined ? {} : { retryIn: seconds }),
    });
  });

  test.each([
    "",
    "<html>",
    "le",
    "i1e",
    "d5:peers5:12345e",
    "d6:peers65:12345e",
    "d5:peers6:1234",
    "d".repeat(5000),
  ])("calls %j no answer", (body) => {
    expect(parse(body)).toMatchObject({ ok: false, refused: false });
  });

  test("bears a line end after the reply, which some trackers send", () => {
    expect(parse("d8:intervali300e5:peers0:e\r\n").ok).toBe(true);
  });

  test("keeps at most 2,000 peers", () => {
    const parsed = parse(`d5:peers${6 * 3000}:${"\u0001".repeat(6 * 3000)}e`);
    expect(parsed.ok && parsed.reply.peers).toHaveLength(2000);
  });
});

describe("reasonAgainst", () => {
  const hop = (ip: string, path: string, sentByPublic = false) =>
    reasonAgainst({ ip: parseIp(ip) ?? new Uint8Array(), path, sentByPublic });

  test.each([
    ["8.8.8.8", "/whatever"],
    ["2001:db8::1", "/"],
    ["192.168.1.20", "/announce"],
    ["127.0.0.1", "/announce/k3f9x2"],
    ["::1", "/announce"],
    ["10.0.0.1", "/passkey/announce.php"],
  ])("lets an announce go to %s%s", (ip, path) => {
    expect(hop(ip, path)).toBeUndefined();
  });

  test.each([
    "192.168.1.1",
    "127.0.0.1",
    "::1",
    "fe80::1",
    "fd00::1",
    "169.254.169.254",
    "0.0.0.0",
    "100.64.0.1",
  ])("lets nothing but an announce go to %s", (ip) => {
    expect(hop(ip, "/reboot")).toMatch(/must have \/announce/);
  });

  test("lets nothing but an announce go through a proxy, which resolves names itself", () => {
    const through = (path: string) => reasonAgainst({ ip: undefined, path, sentByPublic: false });
    expect(["/announce", "/x/scrape.php"].map(through)).toEqual([undefined, undefined]);
    expect(through("/reboot")).toBe("a tracker behind a proxy must have /announce in its path");
  });

  test("lets no public server send us to a local address", () => {
    expect(hop("192.168.1.20", "/announce", true)).toMatch(/redirected/);
    expect(hop("8.8.8.8", "/anything", true)).toBeUndefined();
  });
});

test("TrackerError says what happened, where, and what to do", () => {
  expect(new TrackerError("http://t/announce", "unknown torrent").message).toBe(
    'Tracker http://t/announce refused the announce: "unknown torrent". Is it published there?',
  );
  expect(new TrackerError("http://t/announce", "it took too long", { unanswered: true }).message).toBe(
    "Tracker http://t/announce gave no answer: it took too long. Does it run, and can this machine reach it?",
  );
});
