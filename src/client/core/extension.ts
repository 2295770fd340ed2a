/** The extension handshake: a dictionary that says which extensions a client speaks (BEP 10, BEP 9, BEP 21). */
import { type BencodeDict, type BencodeValue, decodeBencode, integerAt } from "../../protocol/bencode.ts";
import { encodeBencode } from "../../protocol/encode.ts";
import { BencodeError, ProtocolError } from "../../protocol/errors.ts";

const MAX_EXTENSIONS = 64;
const MAX_NAME = 64;
const MAX_PROOF = 64;
const MAX_TOKENS = 1000;
const MAX_DEPTH = 10;

/** The parts of a peer's extension handshake that we use, checked and bounded (BEP 10, BEP 21). */
export interface ExtendedHandshake {
  /** `v`, at most 64 characters, not escaped. */
  readonly client: string | undefined;
  /** `p`: the TCP port the peer listens on. */
  readonly listenPort: number | undefined;
  /** `reqq`: how many requests the peer queues; at least 1. */
  readonly requestQueue: number | undefined;
  /** `upload_only` (BEP 21): it will not download. */
  readonly uploadOnly: boolean;
  /** `metadata_size` (BEP 9). */
  readonly metadataSize: number | undefined;
  /** `boojum`: that it knows the token, see `proof.ts`. */
  readonly proof: Uint8Array | undefined;
  /** Message ids by extension name, from `m`; 0 means that it's off (again). */
  readonly extensions: ReadonlyMap<string, number>;
}

/** What we say in our own. */
export interface OwnExtensions {
  /** `v`: name and version, e.g. "Boojum 0.1.0". */
  readonly client: string;
  /** `p`: absent when nothing listens. */
  readonly listenPort?: number;
  /** `reqq`: how many requests we queue. */
  readonly requestQueue: number;
  /** `upload_only` (BEP 21): we download nothing more. */
  readonly uploadOnly: boolean;
  /** `metadata_size` (BEP 9), bytes. */
  readonly metadataSize?: number;
  /** `boojum`: see `proof.ts`. */
  readonly proof?: Uint8Array;
  /** `m`: our message ids, 1 to 255, by extension name. */
  readonly extensions: ReadonlyMap<string, number>;
}

/** @returns the payload of extended message 0, owned by the caller. */
export function encodeExtendedHandshake(own: OwnExtensions): Uint8Array {
  return encodeBencode({
    boojum: own.proof,
    m: own.extensions,
    metadata_size: own.metadataSize,
    p: own.listenPort,
    reqq: own.requestQueue,
    upload_only: own.uploadOnly ? 1 : 0,
    v: own.client,
  });
}

/**
 * Reads the payload of extended message 0. Keys that are not what the BEPs say are taken as absent, as other clients
 * do: a strange `reqq` is no reason to part.
 * @throws {ProtocolError} when it is not a bencoded dictionary of reasonable size.
 */
export function parseExtendedHandshake(payload: Uint8Array): ExtendedHandshake {
  const dict = decodeDict(payload);
  const name = dict.get("v");
  return {
    client: name instanceof Uint8Array ? text(name) : undefined,
    listenPort: integerIn(dict, "p", 1, 65_535),
    requestQueue: integerIn(dict, "reqq", 1, 1_000_000),
    uploadOnly: integerAt(dict, "upload_only") === 1,
    metadataSize: integerIn(dict, "metadata_size", 1, 2 ** 31 - 1),
    proof: bytesUpTo(dict, "boojum", MAX_PROOF),
    extensions: extensionIds(dict.get("m")),
  };
}

function decodeDict(payload: Uint8Array): BencodeDict {
  let value: BencodeValue;
  try {
    value = decodeBencode(payload, { maxDepth: MAX_DEPTH, maxTokens: MAX_TOKENS });
  } catch (cause) {
    if (!(cause instanceof BencodeError)) throw cause;
    throw new ProtocolError(`the peer's extension handshake is malformed: ${cause.message}`, { cause });
  }
  if (value instanceof Map) return value;
  throw new ProtocolError("the peer's extension handshake is not a dictionary");
}

function extensionIds(value: BencodeValue | undefined): ReadonlyMap<string, number> {
  const ids = new Map<string, number>();
  if (!(value instanceof Map)) return ids;
  for (const [name, id] of value) {
    if (ids.size === MAX_EXTENSIONS) break;
    if (name.length > MAX_NAME || typeof id !== "number" || id < 0 || id > 255) continue;
    ids.set(name, id);
  }
  return ids;
}

/** A copy, owned by the caller; a Buffer's `slice` would make none. */
function bytesUpTo(dict: BencodeDict, key: string, most: number): Uint8Array | undefined {
  const value = dict.get(key);
  return value instanceof Uint8Array && value.length <= most ? new Uint8Array(value) : undefined;
}

function integerIn(dict: BencodeDict, key: string, least: number, most: number): number | undefined {
  const value = integerAt(dict, key);
  return value !== undefined && value >= least && value <= most ? value : undefined;
}

/** Cut before decoding: nobody needs a megabyte of name. A UTF-8 character has at most 4 bytes. */
function text(bytes: Uint8Array): string | undefined {
  const name = new TextDecoder().decode(bytes.subarray(0, 4 * MAX_NAME)).slice(0, MAX_NAME);
  return name === "" ? undefined : name;
}
