/** What of DNS messages multicast DNS needs (RFC 6762, 18), as values. */

/** All integers are unsigned; `ttl` is in seconds, 0 for a goodbye (RFC 6762, 10.1). */
interface RecordHead {
  /** Without the dot at the end; compared without case. */
  readonly name: string;
  readonly ttl: number;
  /** What is known of this name and type from others on this link is no longer true (10.2). */
  readonly flush: boolean;
}

export interface PtrRecord extends RecordHead {
  readonly type: "PTR";
  readonly target: string;
}

interface SrvRecord extends RecordHead {
  readonly type: "SRV";
  readonly port: number;
  readonly target: string;
}

interface TxtRecord extends RecordHead {
  readonly type: "TXT";
  /** `key=value`, each at most 255 bytes. */
  readonly entries: readonly string[];
}

export interface AddressRecord extends RecordHead {
  readonly type: "A" | "AAAA";
  /** A canonical IP literal. */
  readonly address: string;
}

export type DnsRecord = PtrRecord | SrvRecord | TxtRecord | AddressRecord;

export interface Question {
  readonly name: string;
  readonly type: DnsRecord["type"] | "ANY";
}

export interface DnsMessage {
  /** 0 but between an ordinary resolver and whoever answers it (18.1). */
  readonly id: number;
  readonly isResponse: boolean;
  readonly questions: readonly Question[];
  /** In a query: what the asker knows already (7.1). */
  readonly answers: readonly DnsRecord[];
  /** In a probe: what the asker is going to claim (8.2). */
  readonly authorities: readonly DnsRecord[];
  readonly additionals: readonly DnsRecord[];
}

export function query(
  questions: readonly Question[],
  more: Partial<Pick<DnsMessage, "answers" | "authorities">> = {},
): DnsMessage {
  return { id: 0, isResponse: false, questions, answers: [], authorities: [], additionals: [], ...more };
}

export function response(answers: readonly DnsRecord[], additionals: readonly DnsRecord[] = []): DnsMessage {
  return { id: 0, isResponse: true, questions: [], answers, authorities: [], additionals };
}

/** An ordinary resolver keeps no watch, and must not keep for long what may change (6.7). Seconds. */
const RESOLVER_TTL = 10;

/**
 * What an ordinary resolver understands (6.7): its number, its questions, and records without the bit that only multicast
 * DNS has, one packet of them.
 * @param answers what it asked for; what it is going to ask for next is in `additionals`
 */
export function resolverResponse(
  { id, questions }: DnsMessage,
  answers: readonly DnsRecord[],
  additionals: readonly DnsRecord[],
): DnsMessage {
  const [fitting = []] = inMessages([...answers, ...additionals]);
  const records = fitting.map((record) => ({
    ...record,
    ttl: Math.min(record.ttl, RESOLVER_TTL),
    flush: false,
  }));
  const answered = Math.min(answers.length, records.length);
  return { ...response(records.slice(0, answered), records.slice(answered)), id, questions };
}

/** DNS compares ASCII letters without case (RFC 1035, 2.3.3). */
export function sameName(a: string, b: string): boolean {
  return foldName(a) === foldName(b);
}

export function foldName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** What a record says besides name, type and time to live, as one word: equal words, equal data. */
function dataOf(record: DnsRecord): string {
  switch (record.type) {
    case "PTR":
      return foldName(record.target);
    case "SRV":
      return `${record.port} ${foldName(record.target)}`;
    case "TXT":
      return JSON.stringify(record.entries);
    case "A":
    case "AAAA":
      return record.address;
  }
}

/** Name, type and data as one word. */
export function keyOf(record: DnsRecord): string {
  return `${record.type} ${foldName(record.name)} ${dataOf(record)}`;
}

export function answersQuestion(record: DnsRecord, { name, type }: Question): boolean {
  return (type === "ANY" || type === record.type) && sameName(record.name, name);
}

/** With the headers and the rest of a message it fits the smallest usual packet; bytes. */
const MAX_RECORDS_LENGTH = 1_200;

/** Cuts a list, so that each part fits one packet as long as each record does. */
export function inMessages(records: readonly DnsRecord[]): readonly (readonly DnsRecord[])[] {
  const messages: DnsRecord[][] = [];
  let length = Number.POSITIVE_INFINITY;
  for (const record of records) {
    const own = lengthOf(record);
    if (length + own > MAX_RECORDS_LENGTH) {
      messages.push([]);
      length = 0;
    }
    messages.at(-1)?.push(record);
    length += own;
  }
  return messages;
}

/** In bytes, without compression: type, class, time to live, length, and what is between the names. */
function lengthOf(record: DnsRecord): number {
  const between = 10 + 6 + 2 * 2;
  return between + new TextEncoder().encode(record.name + dataOf(record)).length;
}
