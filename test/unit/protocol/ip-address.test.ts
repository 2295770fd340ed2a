import { isIPv4, isIPv6 } from "node:net";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatHost, formatIp, ipScope, parseIp } from "../../../src/protocol/ip-address.ts";

const bytes = (text: string) => [...(parseIp(text) ?? [])];

describe("parseIp", () => {
  test("reads dotted decimal", () => {
    expect(bytes("192.168.1.20")).toEqual([192, 168, 1, 20]);
  });

  test.each([
    ["::", new Array(16).fill(0)],
    ["::1", [...new Array(15).fill(0), 1]],
    ["2001:db8::ff", [0x20, 1, 0x0d, 0xb8, ...new Array(11).fill(0), 0xff]],
    ["1:2:3:4:5:6:7:8", [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8]],
    ["64:ff9b::10.0.0.1", [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, 10, 0, 0, 1]],
    ["fe80::1%eth0", [0xfe, 0x80, ...new Array(13).fill(0), 1]],
  ])("reads %s", (text, expected) => {
    expect(bytes(text)).toEqual(expected);
  });

  test.each(["::ffff:10.1.2.3", "::FFFF:0a01:0203", "0:0:0:0:0:ffff:10.1.2.3"])(
    "gives IPv4 for %s",
    (text) => {
      expect(bytes(text)).toEqual([10, 1, 2, 3]);
    },
  );

  test.each([
    "",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.256",
    "01.2.3.4",
    "0x7f.1",
    "2130706433",
    "1.2.3.4 ",
    "localhost",
    ":",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7::8:9",
    "12345::",
    "g::",
    "1.2.3.4::",
    "[::1]",
    "1:2:3:4:5:6:7:",
    ":1:2:3:4:5:6:7",
  ])("refuses %j", (text) => {
    expect(parseIp(text)).toBeUndefined();
  });

  test("agrees with the platform on every text that looks like an address", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9a-f:.]{1,20}$/), (text) => {
        expect(parseIp(text) !== undefined).toBe(isIPv4(text) || isIPv6(text));
      }),
    );
  });
});

describe("formatIp", () => {
  test.each([
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["::", "::"],
    ["::1", "::1"],
    ["1::", "1::"],
    ["1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"],
    ["10.0.0.1", "10.0.0.1"],
  ])("writes %s as %s", (text, canonical) => {
    expect(formatIp(parseIp(text) ?? new Uint8Array())).toBe(canonical);
  });

  test("is read back as the same bytes", () => {
    const address = fc.oneof(fc.ipV4(), fc.ipV6()).map((text) => parseIp(text) ?? new Uint8Array());
    fc.assert(
      fc.property(address, (ip) => {
        expect(parseIp(formatIp(ip))).toEqual(ip);
      }),
    );
  });

  test("brackets IPv6 before a port", () => {
    expect(formatHost(Uint8Array.of(10, 0, 0, 1))).toBe("10.0.0.1");
    expect(formatHost(parseIp("::1") ?? new Uint8Array())).toBe("[::1]");
  });
});

test.each([
  ["127.9.9.9", "loopback"],
  ["::1", "loopback"],
  ["::ffff:127.0.0.1", "loopback"],
  ["0.0.0.0", "unspecified"],
  ["::", "unspecified"],
  ["::2", "public"],
  ["10.1.1.1", "private"],
  ["172.31.255.255", "private"],
  ["172.32.0.0", "public"],
  ["192.168.0.1", "private"],
  ["100.64.0.1", "private"],
  ["100.128.0.1", "public"],
  ["169.254.1.1", "linkLocal"],
  ["fe80::1", "linkLocal"],
  ["fd00::1", "private"],
  ["fec0::1", "private"],
  ["2001:db8::1", "public"],
  ["8.8.8.8", "public"],
  ["224.0.0.251", "multicast"],
  ["255.255.255.255", "multicast"],
  ["ff02::fb", "multicast"],
])("%s is %s", (text, scope) => {
  expect(ipScope(parseIp(text) ?? new Uint8Array())).toBe(scope);
});
