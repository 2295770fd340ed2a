import { describe, expect, it } from "vitest";
import { formatPeerAddress, parsePeerAddress } from "../../../src/protocol/peer-address.ts";

describe("parsePeerAddress", () => {
  it.each([
    ["10.0.0.1:6881", { host: "10.0.0.1", port: 6881 }],
    ["[2001:DB8::1]:80", { host: "2001:db8::1", port: 80 }],
    ["[::ffff:10.0.0.1]:80", { host: "10.0.0.1", port: 80 }],
    ["my-host.local:65535", { host: "my-host.local", port: 65_535 }],
  ])("reads %s", (text, address) => {
    expect(parsePeerAddress(text)).toEqual(address);
  });

  it.each([
    "",
    "10.0.0.1",
    "10.0.0.1:0",
    "10.0.0.1:65536",
    "::1:80",
    "[::1]",
    "[10.0.0.1]:80",
    "[::g]:80",
    "a b:80",
    "host:8e1",
  ])("refuses %j", (text) => {
    expect(parsePeerAddress(text)).toBeUndefined();
  });
});

describe("formatPeerAddress", () => {
  it("puts IPv6 in brackets", () => {
    expect(formatPeerAddress({ host: "::1", port: 80 })).toBe("[::1]:80");
    expect(formatPeerAddress({ host: "10.0.0.1", port: 80 })).toBe("10.0.0.1:80");
  });
});
