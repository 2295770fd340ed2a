import { expect, it } from "vitest";
import type { DnsRecord } from "../../../src/mdns/core/messages.ts";
import { isLater } from "../../../src/mdns/core/probe-order.ts";

const common = { name: "photos._boojum._tcp.local", ttl: 120, flush: true } as const;
const a = (address: string): DnsRecord => ({ ...common, type: "A", address });
const aaaa = (address: string): DnsRecord => ({ ...common, type: "AAAA", address });
const srv = (port: number, target = "kiste.local"): DnsRecord => ({ ...common, type: "SRV", port, target });
const txt = (...entries: string[]): DnsRecord => ({ ...common, type: "TXT", entries });
const ptr = (target: string): DnsRecord => ({ ...common, type: "PTR", target });

// Each pair: the first comes later, and so keeps the name.
it.each<[string, DnsRecord[], DnsRecord[]]>([
  ["the example of RFC 6762, 8.2", [a("169.254.200.50")], [a("169.254.99.200")]],
  ["bytes without a sign", [a("200.0.0.1")], [a("100.0.0.1")]],
  ["a higher type before any data", [txt("")], [a("255.255.255.255")]],
  ["a type above 28 before it", [aaaa("::1")], [txt("\xff")]],
  ["SRV, the highest", [srv(1)], [aaaa("ffff::")]],
  ["the high byte of a port", [srv(0x0200)], [srv(0x01ff)]],
  ["the low byte of a port", [srv(0x0102)], [srv(0x0101)]],
  ["the target behind the port", [srv(7, "b.local")], [srv(7, "a.local")]],
  ["a longer label, by the length before it", [ptr("aa.local")], [ptr("b.local")]],
  ["letters as they are in UTF-8", [ptr("\u{e9}e.local")], [ptr("zzz.local")]],
  ["one more label", [ptr("a.local.x")], [ptr("a.local")]],
  ["one more entry", [txt("a", "b")], [txt("a")]],
  ["a later entry", [txt("a", "c")], [txt("a", "b")]],
  ["one more record", [a("10.0.0.1"), txt("x")], [a("10.0.0.1")]],
  ["a record where the other has none", [a("10.0.0.1")], []],
  ["the second record, in their own order", [srv(9), a("10.0.0.1")], [a("10.0.0.1"), srv(8)]],
])("%s decides between two who probe for one name", (_, later, earlier) => {
  expect(isLater(later, earlier)).toBe(true);
  expect(isLater(earlier, later)).toBe(false);
});

it("nobody is later with the same records, in whatever order", () => {
  expect(isLater([srv(8), a("10.0.0.1")], [a("10.0.0.1"), srv(8)])).toBe(false);
  expect(isLater([], [])).toBe(false);
});
