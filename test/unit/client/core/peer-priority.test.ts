import { describe, expect, it } from "vitest";
import { crc32c, peerPriority } from "../../../../src/client/core/peer-priority.ts";
import { hex } from "../../../support/scripted-peer.ts";

const at = (host: string, port = 6881) => ({ host, port });

describe("canonical peer priority", () => {
  it("uses CRC-32C", () => {
    expect(crc32c(new TextEncoder().encode("123456789"))).toBe(0xe3069283);
  });

  it.each([
    ["the first example of BEP 40", "123.213.32.10", "98.76.54.32", 0xec2d7224],
    ["the second example of BEP 40", "123.213.32.10", "123.213.32.234", 0x99568189],
  ])("gives %s", (_, a, b, expected) => {
    expect(peerPriority(at(a), at(b))).toBe(expected);
    expect(peerPriority(at(b), at(a))).toBe(expected);
  });

  it.each([
    ["other networks", "10.1.255.255", "10.2.3.4", "0a015555 0a020104"],
    ["one /16", "10.1.255.255", "10.1.3.4", "0a010304 0a01ff55"],
    ["one /24", "10.1.3.255", "10.1.3.4", "0a010304 0a0103ff"],
    [
      "other networks of IPv6",
      "2001:db8:1:ffff::ff",
      "2001:db8:2:ffff::1",
      "20010db8000155550000000000000055 20010db8000255550000000000000001",
    ],
    [
      "one /48",
      "2001:db8:1:ffff::ff",
      "2001:db8:1:12ff::1",
      "20010db8000112550000000000000001 20010db80001ff550000000000000055",
    ],
    [
      "one /56",
      "2001:db8:1:12ff::ff",
      "2001:db8:1:1202::1",
      "20010db8000112020000000000000001 20010db8000112ff0000000000000055",
    ],
    ["one address", "10.1.3.4", "10.1.3.4", "1ae1 1ae2"],
  ])("masks what an attacker could choose: %s", (_, a, b, masked) => {
    expect(peerPriority(at(a, 6882), at(b, 6881))).toBe(crc32c(hex(masked)));
  });

  it("knows nothing of names, or of two families", () => {
    expect(peerPriority(at("seeder"), at("10.0.0.1"))).toBeUndefined();
    expect(peerPriority(at("::1"), at("10.0.0.1"))).toBeUndefined();
  });
});
