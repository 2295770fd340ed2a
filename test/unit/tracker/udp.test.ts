import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { fromLatin1, toLatin1 } from "../../../src/protocol/bytes.ts";
import { infoHash, peerId } from "../../../src/protocol/ids.ts";
import { parseIp } from "../../../src/protocol/ip-address.ts";
import { TrackerStore } from "../../../src/tracker/core/store.ts";
import { readAnnounce, readHeader } from "../../../src/tracker/core/udp-codec.ts";
import { createTrackerUdp } from "../../../src/tracker/udp.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import {
  announceRequest,
  connectRequest,
  MAGIC,
  scrapeRequest,
  u16,
  u32,
  urlData,
} from "../../support/udp-tracker.ts";

const HASH = infoHash(new Uint8Array(20).fill(0xaa));
const HIDDEN = infoHash(new Uint8Array(20).fill(0xbb));
const UNKNOWN = new Uint8Array(20).fill(0xcc);
const OWN = peerId(fromLatin1("-BJ0100-own-seeder-0"));
const ip = (text: string) => parseIp(text) ?? expect.fail(`${text} is no address`);

let clock: FakeClock;
let store: TrackerStore;
let answer: ReturnType<typeof createTrackerUdp>;

beforeEach(() => {
  clock = new FakeClock(1e9);
  const random = seededRandom(3);
  store = new TrackerStore({ clock, random });
  store.register({ id: "k3f9x2ab", infoHash: HASH, listed: true, totalBytes: 1000, seeder: OWN });
  store.register({ id: "hidden00", infoHash: HIDDEN, listed: false, totalBytes: 1000 });
  answer = createTrackerUdp({ store, clock, random });
});

function send(datagram: Uint8Array, from = "10.0.0.9"): Uint8Array | undefined {
  const reachedAs = { ip: ip(from.includes(":") ? "fd00::1" : "10.0.0.1"), port: 6881 };
  return answer(datagram, { address: ip(from), reachedAs });
}

function connect(from?: string): Uint8Array {
  return (send(connectRequest(), from) ?? expect.fail("no answer to connect")).subarray(8);
}

function announce(
  fields: Partial<Parameters<typeof announceRequest>[0]> = {},
  from?: string,
): number[] | undefined {
  const reply = send(announceRequest({ connection: connect(from), infoHash: HASH, ...fields }), from);
  return reply && [...reply];
}

function errorOf(reply: readonly number[] | undefined): string {
  expect(reply?.slice(0, 8)).toEqual([...u32(3), ...u32(0x0a0b0c0d)]);
  return toLatin1(Uint8Array.from(reply?.slice(8) ?? []));
}

describe("the UDP tracker", () => {
  test("answers connect with its transaction and an id, in 16 bytes", () => {
    const reply = send(connectRequest(0xdeadbeef));
    expect([...(reply ?? [])].slice(0, 8)).toEqual([0, 0, 0, 0, 0xde, 0xad, 0xbe, 0xef]);
    expect(reply).toHaveLength(16);
  });

  test("answers an announce with interval, leechers, seeders and 6 bytes a peer", () => {
    expect(announce()).toEqual([
      ...u32(1),
      ...u32(0x0a0b0c0d),
      ...u32(300),
      ...u32(1),
      ...u32(1),
      ...[10, 0, 0, 1, ...u16(6881)],
    ]);
    const second = announce({ peerId: new Uint8Array(20).fill(0x71), left: 0, port: 7001 }, "10.0.0.8");
    expect(second?.slice(12)).toEqual([...u32(1), ...u32(2), ...[10, 0, 0, 9, ...u16(7000)]]);
  });

  test("gives an asker over IPv6 18 bytes a peer, and none of IPv4", () => {
    announce();
    announce({ peerId: new Uint8Array(20).fill(0x71) }, "fd00::5");
    const reply = announce({ peerId: new Uint8Array(20).fill(0x72) }, "fd00::6");
    const six = (last: number, port: number) => [0xfd, ...new Array<number>(14).fill(0), last, ...u16(port)];
    expect(reply?.slice(20)).toEqual([...six(1, 6881), ...six(5, 7000)]);
  });

  test("reads every field of an announce", () => {
    const datagram = announceRequest({
      connection: Uint8Array.from(MAGIC),
      infoHash: HASH,
      left: 2 ** 33,
      numwant: 5,
    });
    expect(readAnnounce(datagram)).toEqual({
      query: {
        ok: true,
        infoHash: HASH,
        peerId: new Uint8Array(20).fill(0x70),
        downloaded: 11,
        left: 2 ** 33,
        uploaded: 33,
        event: "started",
        key: "ABCDEF01",
        numwant: 5,
        port: 7000,
        compact: true,
        noPeerId: true,
      },
      urlData: "",
    });
  });

  test.each([
    ["nothing", [], ""],
    ["one option", urlData("/announce/a"), "/announce/a"],
    ["two that make one", [...urlData("/ann"), 1, 1, ...urlData("ounce?x=1"), 0], "/announce?x=1"],
    ["what follows the end", [0, ...urlData("/announce")], ""],
    ["an unknown option before", [9, 2, 7, 7, ...urlData("/a")], "/a"],
    ["an option that is cut off", [...urlData("/a"), 2, 5, 0x2f], "/a"],
    ["a type without a length", [2], ""],
  ])("reads the URL from %s", (_name, options, url) => {
    const connection = Uint8Array.from(MAGIC);
    expect(readAnnounce(announceRequest({ connection, infoHash: HASH, options })).urlData).toBe(url);
  });

  test("takes peers for the same that announce over HTTP with the same key", () => {
    announce();
    store.announce({
      query: {
        ...readAnnounce(announceRequest({ connection: connect(), infoHash: HASH })).query,
        key: "ABCDEF01",
      },
      address: ip("10.0.0.77"),
      shareId: "k3f9x2ab",
      reachedAs: { ip: ip("10.0.0.1"), port: 1 },
    });
    expect(store.counts(HASH)?.incomplete).toBe(1);
  });

  test("finds an unlisted share by its ID alone", () => {
    expect(errorOf(announce({ infoHash: HIDDEN }))).toMatch(/^unknown torrent/);
    expect(errorOf(announce({ infoHash: HIDDEN, options: urlData("/announce/k3f9x2ab") }))).toMatch(
      /^unknown/,
    );
    expect(announce({ infoHash: HIDDEN, options: urlData("/announce/hidden00") })?.[3]).toBe(1);
    const hashes = [HIDDEN, HASH, UNKNOWN];
    const reply = send(scrapeRequest(connect(), hashes));
    expect([...(reply ?? [])]).toEqual([
      ...u32(2),
      ...u32(7),
      ...new Array<number>(12).fill(0),
      ...u32(1),
      ...u32(0),
      ...u32(0),
      ...new Array<number>(12).fill(0),
    ]);
  });

  test("scrapes 74 torrents at once and refuses more", () => {
    const many = (count: number) =>
      send(
        scrapeRequest(
          connect(),
          Array.from({ length: count }, () => HASH),
        ),
      );
    expect(many(74)).toHaveLength(8 + 74 * 12);
    expect(many(75)?.[3]).toBe(3);
  });

  test.each(["/", ""])("takes the path %j for /announce", (path) => {
    expect(announce({ options: urlData(path) })?.[3]).toBe(1);
  });

  test("refuses other paths", () => {
    expect(errorOf(announce({ options: urlData("/scrape") }))).toBe("not found");
    expect(errorOf(announce({ options: urlData("/announce/a/b/c") }))).toBe("not found");
  });

  test("keeps a reply below what every link carries whole", () => {
    for (let i = 0; i < 300; i++) {
      const id = Uint8Array.from([...u32(i), ...new Uint8Array(16)]);
      announce({ peerId: id, port: 1000 + i, key: i + 1 }, i < 200 ? "fd00::5" : "10.0.0.5");
    }
    expect(announce({ numwant: 10_000 }, "fd00::6")).toHaveLength(20 + 67 * 18);
    expect(announce({}, "fd00::6")).toHaveLength(20 + 50 * 18);
  });

  test("is silent for an id that it never gave, or gave to another address, or long ago", async () => {
    const connection = connect();
    const request = announceRequest({ connection, infoHash: HASH });
    expect(send(request, "10.0.0.8")).toBeUndefined();
    for (let bit = 0; bit < 64; bit++) {
      const forged = connection.slice();
      forged[bit >> 3] = (forged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(send(announceRequest({ connection: forged, infoHash: HASH }))).toBeUndefined();
    }
    expect(store.counts(HASH)?.incomplete).toBe(0);
    await clock.advance(120_000);
    expect(send(request)).toBeDefined();
    await clock.advance(60_000);
    expect(send(request)).toBeUndefined();
    // The time in an id is one byte: it comes again, the hash doesn't.
    await clock.advance(253 * 60_000);
    expect(send(request)).toBeUndefined();
  });

  test("gives ids that begin with 0, as connect does and other protocols on a port don't", () => {
    for (let i = 1; i < 50; i++) expect(connect(`10.0.1.${i}`)[0]).toBe(0);
  });

  test("never sends more than it got before an id is shown, whatever comes", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 200 }),
          fc.uint8Array({ maxLength: 200 }).map((rest) => Uint8Array.from([...MAGIC, ...u32(0), ...rest])),
          fc
            .tuple(
              fc.uint8Array({ minLength: 8, maxLength: 8 }),
              fc.integer({ min: 0, max: 3 }),
              fc.uint8Array({ maxLength: 200 }),
            )
            .map(([id, action, rest]) => Uint8Array.from([...id, ...u32(action), ...rest])),
        ),
        (datagram) => {
          expect(send(datagram)?.length ?? 0).toBeLessThanOrEqual(datagram.length);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test("is silent about every truncation, or refuses it in no more bytes", () => {
    const connection = connect();
    const requests = [
      connectRequest(),
      announceRequest({ connection, infoHash: UNKNOWN, options: urlData("/announce/k3f9x2ab") }),
      scrapeRequest(connection, [HASH, HIDDEN]),
    ];
    for (const whole of requests) {
      for (let length = 0; length < whole.length; length++) {
        const reply = send(whole.subarray(0, length));
        expect(reply?.length ?? 0).toBeLessThanOrEqual(length);
      }
    }
    expect(send(announceRequest({ connection, infoHash: HASH }).subarray(0, 97))).toBeUndefined();
  });

  test("reads a datagram that lies within a longer buffer", () => {
    const request = announceRequest({ connection: connect(), infoHash: HASH, options: urlData("/announce") });
    const padded = new Uint8Array(request.length + 32).fill(0xff);
    padded.set(request, 16);
    expect(send(padded.subarray(16, 16 + request.length))?.[3]).toBe(1);
  });

  test("takes any bytes for a request or for none", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 98, maxLength: 400 }), (bytes) => {
        readHeader(bytes);
        expect(readAnnounce(bytes).urlData.length).toBeLessThanOrEqual(bytes.length);
      }),
    );
  });
});
