/** What a datagram of the DHT must look like before anything else reads it (BEP 5, "KRPC protocol"). */
import { type BencodeDict, type BencodeValue, bytesAt, decodeBencode } from "../../protocol/bencode.ts";
import { toLatin1 } from "../../protocol/bytes.ts";
import { BencodeError } from "../../protocol/errors.ts";

/** No message of BEP 5 is longer; what is would be cut into pieces on its way. */
const MAX_LENGTH = 1500;
const ID_LENGTH = 20;
/** A node: id, IPv4 address, port. A peer: address, port. */
const NODE_LENGTH = 26;
const PEER_LENGTH = 6;
const MAX_TRANSACTION = 32;
const QUERIES = new Set(["ping", "find_node", "get_peers", "announce_peer"]);

export type KrpcKind = "query" | "reply";

/**
 * Whether it's the beginning of a bencoded dictionary with a short key, such as `d1:` or `d2:`, and the end of one. A request to
 * a UDP tracker looks so by chance only, once in hundreds of millions.
 */
export function looksLikeKrpc(bytes: Uint8Array): boolean {
  const [first, digit = 0, colon] = bytes;
  return first === 0x64 && digit > 0x30 && digit <= 0x39 && colon === 0x3a && bytes.at(-1) === 0x65;
}

/** @returns undefined for anything that isn't a well-formed message of BEP 5, other extensions' queries included. */
export function kindOfKrpc(bytes: Uint8Array): KrpcKind | undefined {
  const message = decode(bytes);
  if (message === undefined) return undefined;
  const transaction = bytesAt(message, "t");
  if (transaction === undefined || transaction.length === 0 || transaction.length > MAX_TRANSACTION) {
    return undefined;
  }
  switch (textAt(message, "y")) {
    case "q":
      return isQuery(message) ? "query" : undefined;
    case "r":
      return isReply(message) ? "reply" : undefined;
    case "e":
      return Array.isArray(message.get("e")) ? "reply" : undefined;
    default:
      return undefined;
  }
}

function isQuery(message: BencodeDict): boolean {
  const args = message.get("a");
  const name = textAt(message, "q");
  if (name === undefined || !QUERIES.has(name) || !(args instanceof Map) || !isId(args.get("id")))
    return false;
  if (name === "find_node") return isId(args.get("target"));
  if (name === "ping") return true;
  if (!isId(args.get("info_hash"))) return false;
  if (name === "get_peers") return true;
  const port = args.get("port");
  return args.get("token") instanceof Uint8Array && (port === undefined || typeof port === "number");
}

function isReply(message: BencodeDict): boolean {
  const result = message.get("r");
  if (!(result instanceof Map) || !isId(result.get("id"))) return false;
  const [nodes, values, token] = [result.get("nodes"), result.get("values"), result.get("token")];
  if (nodes !== undefined && !(nodes instanceof Uint8Array && nodes.length % NODE_LENGTH === 0)) return false;
  if (token !== undefined && !(token instanceof Uint8Array)) return false;
  if (values === undefined) return true;
  return (
    Array.isArray(values) &&
    values.every((value) => value instanceof Uint8Array && value.length === PEER_LENGTH)
  );
}

function isId(value: BencodeValue | undefined): boolean {
  return value instanceof Uint8Array && value.length === ID_LENGTH;
}

function textAt(dict: BencodeDict, key: string): string | undefined {
  const bytes = bytesAt(dict, key);
  return bytes && toLatin1(bytes);
}

function decode(bytes: Uint8Array): BencodeDict | undefined {
  if (bytes.length > MAX_LENGTH) return undefined;
  try {
    const value = decodeBencode(bytes, { maxDepth: 4, maxTokens: 400 });
    return value instanceof Map ? value : undefined;
  } catch (error) {
    if (error instanceof BencodeError) return undefined;
    throw error;
  }
}
