import { beforeEach, describe, expect, it, test } from "vitest";
import {
  encodeLanAnnouncement,
  LAN_GROUP_4,
  LAN_GROUP_6,
  parseLanAnnouncement,
} from "../../../src/client/core/lan-messages.ts";
import { LanDiscovery } from "../../../src/client/discovery/lan.ts";
import { fromLatin1, toHex, toLatin1 } from "../../../src/protocol/bytes.ts";
import { infoHash } from "../../../src/protocol/ids.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { seededRandom } from "../../support/seeded-random.ts";

const HASH = infoHash(new Uint8Array(20).fill(0xab));
const OTHER = infoHash(new Uint8Array(20).fill(0xcd));

test("the datagram is that of BEP 14", () => {
  const announcement = { port: 6881, infoHashes: [HASH, OTHER], cookie: "x1" };
  const text = toLatin1(encodeLanAnnouncement(announcement, LAN_GROUP_4));
  expect(text).toBe(
    `BT-SEARCH * HTTP/1.1\r\nHost: 239.192.152.143:6771\r\nPort: 6881\r\nInfohash: ${"ab".repeat(20)}\r\n` +
      `Infohash: ${"cd".repeat(20)}\r\ncookie: x1\r\n\r\n\r\n`,
  );
  expect(toLatin1(encodeLanAnnouncement(announcement, LAN_GROUP_6))).toContain(
    "Host: [ff15::efc0:988f]:6771\r\n",
  );
  expect(parseLanAnnouncement(fromLatin1(text))).toEqual(announcement);
});

test("other spellings are read: upper-case hashes, odd case of names, no cookie", () => {
  const text = `BT-SEARCH * HTTP/1.1\r\nHOST: x\r\nport:6882\r\nInfoHash: ${"AB".repeat(20)}\r\n\r\n`;
  expect(parseLanAnnouncement(fromLatin1(text))).toEqual({
    port: 6882,
    infoHashes: [HASH],
    cookie: undefined,
  });
});

test("without a cookie none is said", () => {
  const announcement = { port: 6881, infoHashes: [HASH], cookie: undefined };
  const bytes = encodeLanAnnouncement(announcement, LAN_GROUP_4);
  expect(toLatin1(bytes)).not.toContain("cookie");
  expect(parseLanAnnouncement(bytes)).toEqual(announcement);
});

test.each([
  "",
  "M-SEARCH * HTTP/1.1\r\nPort: 1\r\n",
  `BT-SEARCH * HTTP/1.1\r\nPort: 0\r\nInfohash: ${"ab".repeat(20)}\r\n`,
  `BT-SEARCH * HTTP/1.1\r\nPort: 65536\r\nInfohash: ${"ab".repeat(20)}\r\n`,
  "BT-SEARCH * HTTP/1.1\r\nPort: 5\r\nInfohash: ab\r\n",
  `BT-SEARCH * HTTP/1.1\r\nPort: 5\r\n${`Infohash: ${"ab".repeat(20)}\r\n`.repeat(200)}`,
])("what can't be one is none: %j", (text) => {
  expect(parseLanAnnouncement(fromLatin1(text))).toBeUndefined();
});

describe("discovery", () => {
  let clock: FakeClock;
  let sent: string[];
  let hear: (bytes: Uint8Array, host: string) => void;
  let lan: LanDiscovery;
  let found: string[];
  let closed: number;

  const from = (hash: Uint8Array, port = 7000, cookie = "other") =>
    encodeLanAnnouncement({ port, infoHashes: [infoHash(hash)], cookie }, LAN_GROUP_4);

  beforeEach(async () => {
    clock = new FakeClock();
    sent = [];
    found = [];
    closed = 0;
    lan = new LanDiscovery({
      port: 6881,
      clock,
      random: seededRandom(1),
      open: (groups, onDatagram) => {
        expect(groups).toHaveLength(2);
        hear = (bytes, host) => onDatagram(bytes, { host });
        return Promise.resolve({
          send: (to, bytes) => sent.push(`${clock.now() / 1000} ${to.address} ${toLatin1(bytes)}`),
          close: () => {
            closed++;
            return Promise.resolve();
          },
        });
      },
    });
    await lan.start();
    lan.seek(HASH, ({ host, port }) => found.push(`${host} ${port}`));
  });

  it("announces at once on both families, then every five minutes", async () => {
    expect(sent.map((line) => line.split(" ", 2).join(" "))).toEqual([
      `0 ${LAN_GROUP_4}`,
      `0 ${LAN_GROUP_6}`,
    ]);
    expect(sent[0]).toContain(toHex(HASH));
    await clock.advance(299_000);
    expect(sent).toHaveLength(2);
    await clock.advance(2_000);
    expect(sent).toHaveLength(4);
  });

  it("tells of peers that have the same torrent, and of nobody else", () => {
    hear(from(HASH), "10.0.0.9");
    hear(from(HASH, 7001), "fe80::9%eth0");
    hear(from(HASH, 7002), "::ffff:10.0.0.7");
    hear(from(OTHER), "10.0.0.8");
    hear(fromLatin1("BT-SEARCH"), "10.0.0.8");
    expect(found).toEqual(["10.0.0.9 7000", "fe80::9%eth0 7001", "10.0.0.7 7002"]);
  });

  it("doesn't hear itself", () => {
    const own = sent[0]?.split(" ").slice(2).join(" ") ?? "";
    hear(fromLatin1(own), "10.0.0.1");
    expect(found).toEqual([]);
  });

  it("answers who asks, but a torrent is never announced twice within a minute", async () => {
    await clock.advance(70_000);
    hear(from(HASH), "10.0.0.9");
    await clock.advance(4_000);
    expect(sent).toHaveLength(4);
    for (let i = 0; i < 50; i++) {
      hear(from(HASH), "10.0.0.9");
      await clock.advance(1_000);
    }
    expect(sent).toHaveLength(4);
  });

  it("looks at no more than a hundred datagrams a second", async () => {
    for (let i = 0; i < 5_000; i++) hear(from(HASH, 1 + i), "10.0.0.66");
    expect(found).toHaveLength(100);
    await clock.advance(1_000);
    hear(from(HASH), "10.0.0.9");
    expect(found).toHaveLength(101);
  });

  it("is silent about what is no longer sought, and leaves nothing behind", async () => {
    lan.seek(OTHER, () => {})();
    await lan.close();
    await clock.advance(400_000);
    expect(sent.some((line) => line.includes(toHex(OTHER)) && !line.startsWith("0 "))).toBe(false);
    expect(sent.filter((line) => !line.startsWith("0 "))).toEqual([]);
    expect(clock.pending).toBe(0);
    expect(closed).toBe(1);
  });
});
