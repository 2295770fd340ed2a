/** Who wins when two probe for one name at the same time (RFC 6762, 8.2). */
import { parseIp } from "../../protocol/ip-address.ts";
import type { DnsRecord } from "./messages.ts";

const TYPE_NUMBERS = { A: 1, PTR: 12, TXT: 16, AAAA: 28, SRV: 33 } as const;

/** Whether the records of one asker come after those of the other, as RFC 6762, 8.2.1 compares them. */
export function isLater(theirs: readonly DnsRecord[], ours: readonly DnsRecord[]): boolean {
  const [a, b] = [theirs, ours].map((records) => records.map(wireOrder).sort(compare));
  for (const [i, each] of (a ?? []).entries()) {
    const other = b?.[i];
    if (other === undefined) return true;
    const order = compare(each, other);
    if (order !== 0) return order > 0;
  }
  return false;
}

/** Type and data as they go over the wire, uncompressed. The class is always the same. */
function wireOrder(record: DnsRecord): Uint8Array {
  const type = TYPE_NUMBERS[record.type];
  return Uint8Array.of(type >> 8, type & 0xff, ...dataOnWire(record));
}

function dataOnWire(record: DnsRecord): Iterable<number> {
  switch (record.type) {
    case "PTR":
      return nameOnWire(record.target);
    case "SRV":
      // Priority and weight are 0.
      return [0, 0, 0, 0, record.port >> 8, record.port & 0xff, ...nameOnWire(record.target)];
    case "TXT":
      return record.entries.flatMap(lengthAndText);
    case "A":
    case "AAAA":
      return parseIp(record.address) ?? [];
  }
}

function nameOnWire(name: string): number[] {
  return [...name.split(".").flatMap(lengthAndText), 0];
}

function lengthAndText(text: string): number[] {
  const bytes = new TextEncoder().encode(text);
  return [bytes.length & 0xff, ...bytes];
}

function compare(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
