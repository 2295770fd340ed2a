import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { type AnnounceParams, TrackerError } from "../../../src/client/core/announce-types.ts";
import { encodeUdpAnnounce, readUdpReply } from "../../../src/client/core/udp-announce.ts";
import { type AskUdpOptions, createUdpAnnounce } from "../../../src/client/discovery/tracker-udp.ts";
import type { DatagramListener } from "../../../src/platform/datagram-channel.ts";
import { fromLatin1 } from "../../../src/protocol/bytes.ts";
import { infoHash, peerId } from "../../../src/protocol/ids.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { announceRequest, MAGIC, u16, u32, urlData } from "../../support/udp-tracker.ts";

const HASH = infoHash(new Uint8Array(20).fill(0xaa));
const params: AnnounceParams = {
  infoHash: HASH,
  peerId: peerId(new Uint8Array(20).fill(0x70)),
  port: 7000,
  uploaded: 33,
  downloaded: 11,
  left: 1000,
  key: "abcdef01",
  numwant: 50,
  event: "started",
};
const ID = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const never = new AbortController().signal;

/** What the tracker does with a request: the reply's bytes after the transaction, with the action before; or nothing. */
type Script = (request: number[], to: string) => { action: number; rest: number[] } | Error | undefined;

let clock: FakeClock;
let script: Script;
/** `seconds address first-byte-of-action`, one a datagram. */
let sent: string[];
let open: number;

/** A tracker that knows connection id {@link ID} and gives one peer. */
const good: Script = (request) =>
  request[11] === 0
    ? { action: 0, rest: [...ID] }
    : { action: 1, rest: [...u32(600), ...u32(2), ...u32(1), 10, 0, 0, 5, ...u16(7001)] };

beforeEach(() => {
  clock = new FakeClock(1e6);
  script = good;
  sent = [];
  open = 0;
});

function announcer(overrides: Partial<AskUdpOptions> = {}) {
  return createUdpAnnounce({
    clock,
    random: seededRandom(1),
    resolve: async () => ["203.0.113.5"],
    dial: async (address) => {
      open++;
      let listener: DatagramListener | undefined;
      return {
        listen: (next) => {
          listener = next;
        },
        close: () => open--,
        send: (bytes) => {
          const request = [...bytes];
          sent.push(`${(clock.now() - 1e6) / 1000} ${address} ${request[11]}`);
          const reply = script(request, address);
          queueMicrotask(() => {
            if (reply instanceof Error) listener?.error(reply);
            else if (reply !== undefined) {
              listener?.message(
                Uint8Array.from([...u32(reply.action), ...request.slice(12, 16), ...reply.rest]),
              );
            }
          });
        },
      };
    },
    ...overrides,
  });
}

async function outcome(asked: Promise<unknown>): Promise<unknown> {
  const settled = asked.catch((error: unknown) => error);
  await clock.advance(60_000);
  expect([open, clock.pending]).toEqual([0, 0]);
  return await settled;
}

async function failure(asked: Promise<unknown>): Promise<string> {
  const error = await outcome(asked);
  if (!(error instanceof TrackerError)) throw error;
  return error.reason;
}

describe("the datagrams", () => {
  /** Four bytes of an announce. */
  const bytesOf = (said: AnnounceParams, at: number) => [
    ...encodeUdpAnnounce({ connection: ID, transaction: 1, params: said, urlData: "" }).subarray(at, at + 4),
  ];

  test("are those of BEP 15's tables, with the path of BEP 41 behind", () => {
    const request = encodeUdpAnnounce({
      connection: ID,
      transaction: 0x0a0b0c0d,
      params,
      urlData: "/announce/a?x",
    });
    const expected = announceRequest({
      connection: ID,
      infoHash: HASH,
      numwant: 50,
      options: [...urlData("/announce/a?x"), 0],
    });
    expected.fill(0, 84, 88);
    expect([...request]).toEqual([...expected]);
    expect(encodeUdpAnnounce({ connection: ID, transaction: 1, params, urlData: "/" })).toHaveLength(98);
  });

  test.each([
    ["completed", 1],
    ["started", 2],
    ["stopped", 3],
  ] as const)("say the event %s as %d", (event, number) => {
    expect(bytesOf({ ...params, event }, 80)).toEqual(u32(number));
  });

  test("say no event between others", () => {
    const { event: _, ...regular } = params;
    expect(bytesOf(regular, 80)).toEqual(u32(0));
  });

  test.each([
    ["203.0.113.7", [203, 0, 113, 7]],
    ["2001:db8::1", [0, 0, 0, 0]],
    ["nonsense", [0, 0, 0, 0]],
  ])("say that others reach us at %s, if there is room for it", (ip, expected) => {
    expect(bytesOf({ ...params, ip }, 84)).toEqual(expected);
  });

  test("say no key that is no number", () => {
    const keyOf = (key: string) => bytesOf({ ...params, key }, 88);
    expect(["0000000f", "123456789", "secret"].map(keyOf)).toEqual([u32(15), u32(0), u32(0)]);
  });

  test("carry a long path in several options", () => {
    const path = `/announce?${"x".repeat(300)}`;
    const request = encodeUdpAnnounce({ connection: ID, transaction: 1, params, urlData: path });
    expect([...request.subarray(98, 100)]).toEqual([2, 255]);
    expect([...request.subarray(98 + 257, 98 + 259)]).toEqual([2, path.length - 255]);
    expect(request).toHaveLength(98 + 257 + 2 + path.length - 255 + 1);
  });

  test("are read by the family that they came over, other transactions and the cut-off passed over", () => {
    const four = [...u32(1), ...u32(7), ...u32(60), ...u32(2), ...u32(3), 10, 0, 0, 1, ...u16(9), 1, 2];
    const reply = { action: "announce", interval: 60, leechers: 2, seeders: 3 };
    expect(readUdpReply(Uint8Array.from(four), 7, 4)).toEqual({
      ...reply,
      peers: [{ host: "10.0.0.1", port: 9 }],
    });
    expect(readUdpReply(Uint8Array.from(four), 7, 6)).toEqual({ ...reply, peers: [] });
    expect(readUdpReply(Uint8Array.from(four), 8, 4)).toBeUndefined();
    expect(readUdpReply(Uint8Array.from(four).subarray(0, 19), 7, 4)).toBeUndefined();
    expect(readUdpReply(Uint8Array.from([...u32(0), ...u32(7), ...ID.subarray(1)]), 7, 4)).toBeUndefined();
    const error = Uint8Array.from([...u32(3), ...u32(7), ...fromLatin1("no")]);
    expect(readUdpReply(error, 7, 4)).toEqual({ action: "error", message: "no" });
  });

  test("may be any bytes", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.constantFrom(4 as const, 6 as const),
        (bytes, family) => {
          const transaction =
            bytes.length < 8 ? 0 : new DataView(bytes.buffer, bytes.byteOffset).getUint32(4);
          readUdpReply(bytes, transaction, family);
        },
      ),
    );
  });
});

describe("an announce over UDP", () => {
  test("connects, announces, and gives what the tracker says", async () => {
    const reply = await outcome(announcer()("udp://t.example:6969/announce", params, never));
    expect(reply).toEqual({
      interval: 600,
      minInterval: 60,
      seeders: 1,
      leechers: 2,
      peers: [{ host: "10.0.0.5", port: 7001 }],
    });
    expect(sent).toEqual(["0 203.0.113.5 0", "0 203.0.113.5 1"]);
  });

  test("uses a connection id again for a minute", async () => {
    const announce = announcer();
    const seen: number[][] = [];
    script = (request, to) => {
      seen.push(request.slice(0, 8));
      return good(request, to);
    };
    void announce("udp://t.example:1/announce", params, never);
    await clock.advance(59_000);
    void announce("udp://t.example:1/announce", params, never);
    await clock.advance(1_000);
    void announce("udp://t.example:1/announce", params, never);
    await clock.advance(0);
    expect(seen).toEqual([[...MAGIC], [...ID], [...ID], [...MAGIC], [...ID]]);
  });

  test("sends again after 2, 4 and 8 seconds, then gives up", async () => {
    script = () => undefined;
    expect(await failure(announcer()("udp://t.example:1/announce", params, never))).toBe("it took too long");
    expect(sent).toEqual(["0 203.0.113.5 0", "2 203.0.113.5 0", "6 203.0.113.5 0"]);
  });

  test.each([
    ["says so", { action: 3, rest: [...fromLatin1("bad id")] }, 0],
    ["is silent", undefined, 2],
  ])("connects anew when a tracker that no longer knows its id %s", async (_name, reply, later) => {
    const announce = announcer();
    void announce("udp://t.example:1/announce", params, never);
    await clock.advance(30_000);
    let refusals = 0;
    script = (request, to) => (request[11] === 1 && refusals++ === 0 ? reply : good(request, to));
    sent.length = 0;
    expect(await outcome(announce("udp://t.example:1/announce", params, never))).toMatchObject({
      seeders: 1,
    });
    const after = 30 + later;
    expect(sent).toEqual(["30 203.0.113.5 1", `${after} 203.0.113.5 0`, `${after} 203.0.113.5 1`]);
  });

  test("passes a refusal on and asks no other address", async () => {
    script = (request, to) =>
      request[11] === 0 ? good(request, to) : { action: 3, rest: [...fromLatin1("not here")] };
    const announce = announcer({ resolve: async () => ["203.0.113.5", "2001:db8::1"] });
    expect(await failure(announce("udp://t.example:1/announce", params, never))).toBe("not here");
    expect(sent).toHaveLength(2);
  });

  test("tries the other family when one is not reached", async () => {
    script = (request, to) => (to === "2001:db8::1" ? new Error("nobody there") : good(request, to));
    const announce = announcer({ resolve: async () => ["2001:db8::1", "2001:db8::2", "203.0.113.5"] });
    expect(await outcome(announce("udp://t.example:1/announce", params, never))).toMatchObject({
      seeders: 1,
    });
    expect(sent).toEqual(["0 2001:db8::1 0", "0 203.0.113.5 0", "0 203.0.113.5 1"]);
  });

  test("asks the other family as well when one is silent for a quarter of a second", async () => {
    script = (request, to) => (to === "2001:db8::1" ? undefined : good(request, to));
    const announce = announcer({ resolve: async () => ["2001:db8::1", "203.0.113.5"] });
    expect(await outcome(announce("udp://t.example:1/announce", params, never))).toMatchObject({
      seeders: 1,
    });
    expect(sent).toEqual(["0 2001:db8::1 0", "0.25 203.0.113.5 0", "0.25 203.0.113.5 1"]);
    expect(open).toBe(0);
  });

  test.each([
    ["udp://192.168.1.1:53/", /must have \/announce in its path/],
    ["udp://[::1]:53", /must have \/announce in its path/],
    ["udp://224.0.0.251:5353/announce", /nobody's/],
    ["udp://t.example/announce", /no port/],
    ["udp://", /no port/],
    ["udp://t:70000", /malformed/],
  ])("does not ask %s", async (url, reason) => {
    expect(await failure(announcer()(url, params, never))).toMatch(reason);
    expect(sent).toEqual([]);
  });

  test("does not follow a name to a local address without /announce", async () => {
    const announce = announcer({ resolve: async () => ["10.0.0.1"] });
    expect(await failure(announce("udp://t.example:53/", params, never))).toMatch(/local address/);
  });

  test("ends with its signal, and leaves nothing behind", async () => {
    script = () => undefined;
    const controller = new AbortController();
    const asked = announcer()("udp://t.example:1/announce", params, controller.signal);
    await clock.advance(100);
    controller.abort(new Error("enough"));
    expect(await outcome(asked)).toEqual(new Error("enough"));
  });
});
