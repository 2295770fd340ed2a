/** DNS messages as bytes, by `dns-packet`; whatever arrives is a message within bounds, or nothing. */
import {
  type Answer,
  AUTHORITATIVE_ANSWER,
  type BaseAnswer,
  decode,
  encode,
  type RecordType,
} from "dns-packet";
import { canonicalIp } from "../protocol/ip-address.ts";
import type { DnsMessage, DnsRecord, Question } from "./core/messages.ts";

/** RFC 6762, 17: no message is longer. */
const MAX_LENGTH = 9_000;
const HEADER_LENGTH = 12;
/** Nobody needs more in one message, and each may cost as much as the message has bytes (pointers to pointers). */
const MAX_RECORDS = 128;
const MAX_TXT_ENTRIES = 32;
const QUESTION_TYPES: ReadonlySet<string> = new Set(["PTR", "SRV", "TXT", "A", "AAAA", "ANY"]);

/** @returns owned by the caller. Labels of names have no dots and at most 63 bytes, TXT entries at most 255. */
export function encodeMessage(message: DnsMessage): Uint8Array {
  return encode({
    type: message.isResponse ? "response" : "query",
    id: message.id,
    flags: message.isResponse ? AUTHORITATIVE_ANSWER : 0,
    // The package knows ANY (255), its types don't.
    questions: message.questions.map(({ name, type }) => ({ name, type: type as RecordType })),
    answers: message.answers.map(toAnswer),
    authorities: message.authorities.map(toAnswer),
    additionals: message.additionals.map(toAnswer),
  });
}

/** @returns undefined for what is no DNS message, or larger than any of multicast DNS; records of other types are left out. */
export function decodeMessage(bytes: Uint8Array): DnsMessage | undefined {
  if (bytes.length < HEADER_LENGTH || bytes.length > MAX_LENGTH) return undefined;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  let records = 0;
  for (let at = 4; at < HEADER_LENGTH; at += 2) records += buffer.readUInt16BE(at);
  // Operation and response code are 0 (RFC 6762, 18.3 and 18.11).
  if (records > MAX_RECORDS || (buffer.readUInt16BE(2) & 0x780f) !== 0) return undefined;
  try {
    const { id = 0, type, questions = [], answers = [], authorities = [], additionals = [] } = decode(buffer);
    return {
      id,
      isResponse: type === "response",
      questions: questions.flatMap(fromQuestion),
      answers: answers.flatMap(fromAnswer),
      authorities: authorities.flatMap(fromAnswer),
      additionals: additionals.flatMap(fromAnswer),
    };
  } catch {
    return undefined;
  }
}

function toAnswer(record: DnsRecord): Answer {
  const { name, ttl, flush } = record;
  const head = { name, ttl, flush };
  switch (record.type) {
    case "PTR":
      return { ...head, type: "PTR", data: record.target };
    case "SRV":
      return { ...head, type: "SRV", data: { port: record.port, target: record.target } };
    case "TXT":
      return { ...head, type: "TXT", data: [...record.entries] };
    case "A":
    case "AAAA":
      return { ...head, type: record.type, data: record.address };
  }
}

/** With the bit that asks for a unicast answer the class has no name in the package; all are answered by multicast. */
function fromQuestion({ name, type }: { readonly name: string; readonly type: string }): Question[] {
  // Just tested.
  return QUESTION_TYPES.has(type) ? [{ name, type: type as Question["type"] }] : [];
}

function fromAnswer(answer: Answer): DnsRecord[] {
  switch (answer.type) {
    case "PTR":
      return [{ ...headOf(answer), type: "PTR", target: answer.data }];
    case "SRV":
      return [{ ...headOf(answer), type: "SRV", port: answer.data.port, target: answer.data.target }];
    case "TXT": {
      const parts = Array.isArray(answer.data) ? answer.data : [answer.data];
      const entries = parts.slice(0, MAX_TXT_ENTRIES).map(String);
      return [{ ...headOf(answer), type: "TXT", entries }];
    }
    case "A":
    case "AAAA": {
      const address = canonicalIp(answer.data);
      return address === undefined ? [] : [{ ...headOf(answer), type: answer.type, address }];
    }
    default:
      return [];
  }
}

function headOf({ name, ttl = 0, flush = false }: BaseAnswer<unknown, unknown>) {
  return { name, ttl, flush };
}
