import { expect, test } from "vitest";
import { addressTowards, type OwnAddress } from "../../../src/platform/own-address.ts";
import { formatIp, parseIp } from "../../../src/protocol/ip-address.ts";

const ip = (text: string) => parseIp(text) ?? expect.fail(`${text} is no address`);
const own: readonly OwnAddress[] = [
  "127.0.0.1/8",
  "192.168.1.20/24",
  "10.5.0.1/20",
  "fe80::1/64",
  "fd00::1/64",
].map((cidr) => ({ ip: ip(cidr.split("/")[0] ?? ""), prefix: Number(cidr.split("/")[1]) }));

test.each([
  ["192.168.1.99", "192.168.1.20"],
  ["10.5.15.7", "10.5.0.1"],
  ["10.5.16.7", "192.168.1.20"],
  ["203.0.113.1", "192.168.1.20"],
  ["127.0.0.1", "127.0.0.1"],
  ["::1", "::1"],
  ["fe80::5", "fe80::1"],
  ["fd00::5", "fd00::1"],
  ["2001:db8::5", "fd00::1"],
])("%s reaches us at %s", (sender, address) => {
  expect(formatIp(addressTowards(ip(sender), own) ?? new Uint8Array(4))).toBe(address);
});

test("nothing of one family leads to the other", () => {
  expect(addressTowards(ip("fd00::5"), own.slice(0, 3))).toBeUndefined();
});
