import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeCompactPeers,
  decodeCompactPeers6,
  encodeCompactPeers,
  packEndpoint,
  packPeer,
} from "../../../src/protocol/compact-peers.ts";
import { ProtocolError } from "../../../src/protocol/errors.ts";
import { canonicalIp, formatIp, parseIp, unmapIp } from "../../../src/protocol/ip-address.ts";

const bytes = (...values: number[]) => Uint8Array.from(values);

describe("packPeer", () => {
  it("writes address and port big-endian: 6 bytes (BEP 23), 18 for IPv6 (BEP 7)", () => {
    expect(packPeer({ host: "127.0.0.1", port: 6881 })).toEqual(bytes(127, 0, 0, 1, 0x1a, 0xe1));
    expect(packPeer({ host: "2001:db8::1", port: 80 })).toEqual(
      bytes(0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 80),
    );
    expect(packEndpoint(bytes(10, 0, 0, 1), 65_535)).toEqual(bytes(10, 0, 0, 1, 255, 255));
  });

  it("writes an IPv4-mapped address as IPv4, and no name at all", () => {
    expect(packPeer({ host: "::ffff:10.1.2.3", port: 1 })).toEqual(bytes(10, 1, 2, 3, 0, 1));
    expect(packPeer({ host: "example.org", port: 1 })).toBeUndefined();
  });
});

describe("decodeCompactPeers", () => {
  it("reads the peers of a tracker's reply", () => {
    expect(decodeCompactPeers(bytes(192, 168, 1, 20, 0x1a, 0xe1, 10, 0, 0, 9, 0, 80))).toEqual([
      { host: "192.168.1.20", port: 6881 },
      { host: "10.0.0.9", port: 80 },
    ]);
    expect(decodeCompactPeers(bytes())).toEqual([]);
  });

  it("reads IPv6 peers in canonical text", () => {
    const packed = bytes(0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0a, 0x1a, 0xe2);
    expect(decodeCompactPeers6(packed)).toEqual([{ host: "fe80::a", port: 6882 }]);
  });

  it("gives IPv4-mapped peers as IPv4", () => {
    const packed = bytes(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 1, 0, 99);
    expect(decodeCompactPeers6(packed)).toEqual([{ host: "10.0.0.1", port: 99 }]);
  });

  it("leaves out who is known by a name only", () => {
    expect(encodeCompactPeers([{ host: "peer.example", port: 1 }])).toEqual({
      peers: new Uint8Array(0),
      peers6: new Uint8Array(0),
    });
  });

  it("leaves out port 0", () => {
    expect(decodeCompactPeers(bytes(1, 2, 3, 4, 0, 0, 5, 6, 7, 8, 0, 1))).toEqual([
      { host: "5.6.7.8", port: 1 },
    ]);
  });

  it.each([1, 5, 7, 17])("refuses %i bytes", (length) => {
    expect(() => decodeCompactPeers(new Uint8Array(length))).toThrow(ProtocolError);
    expect(() => decodeCompactPeers6(new Uint8Array(length))).toThrow(ProtocolError);
  });

  it("reads back what was written, each family in its list", () => {
    const peer = fc.record({
      host: fc
        .oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 }))
        .map((ip) => formatIp(unmapIp(ip))),
      port: fc.integer({ min: 1, max: 65_535 }),
    });
    fc.assert(
      fc.property(fc.array(peer), (peers) => {
        const { peers: four, peers6: six } = encodeCompactPeers(peers);
        expect(decodeCompactPeers(four)).toEqual(peers.filter(({ host }) => !host.includes(":")));
        expect(decodeCompactPeers6(six)).toEqual(peers.filter(({ host }) => host.includes(":")));
      }),
    );
  });
});

describe("canonicalIp", () => {
  it.each([
    ["2001:DB8:0:0:0:0:0:1", "2001:db8::1"],
    ["::ffff:192.168.0.1", "192.168.0.1"],
    ["fe80::1%eth0", "fe80::1"],
    ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
    ["::", "::"],
    ["10.0.0.1", "10.0.0.1"],
  ])("spells %s as %s", (text, canonical) => {
    expect(canonicalIp(text)).toBe(canonical);
  });

  it("gives any address back that it formats", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (ip) => {
        expect(parseIp(formatIp(ip))).toEqual(unmapIp(ip));
      }),
    );
  });

  it("knows no names", () => {
    expect(canonicalIp("localhost")).toBeUndefined();
  });
});
