/** The messages of `ut_metadata`: the info dictionary in parts of 16 KiB (BEP 9, "extension message"). */
import { type BencodeValue, decodeBencodePrefix, integerAt } from "../../protocol/bencode.ts";
import { concatBytes } from "../../protocol/bytes.ts";
import { encodeBencode } from "../../protocol/encode.ts";
import { BencodeError, ProtocolError } from "../../protocol/errors.ts";

/** The name in `m`. */
export const UT_METADATA = "ut_metadata";
/** Bytes of each part but the last. */
export const METADATA_PART = 16_384;
/** The longest info dictionary that is asked for or sent, in bytes: what a `.torrent` may have. */
export const MAX_METADATA = 10_000_000;

export type MetadataMessage =
  | { readonly kind: "request"; readonly part: number }
  /** `bytes` is a view of what was parsed. */
  | { readonly kind: "data"; readonly part: number; readonly bytes: Uint8Array }
  | { readonly kind: "reject"; readonly part: number };

/** @returns how many parts `size` bytes have. */
export function partsOf(size: number): number {
  return Math.ceil(size / METADATA_PART);
}

/** @returns a payload, owned by the caller, as are those of the next two. */
export function encodeMetadataRequest(part: number): Uint8Array {
  return encodeBencode({ msg_type: 0, piece: part });
}

/** Part `part` of `metadata`, which must have it. */
export function encodeMetadataData(metadata: Uint8Array, part: number): Uint8Array {
  const start = part * METADATA_PART;
  return concatBytes([
    encodeBencode({ msg_type: 1, piece: part, total_size: metadata.length }),
    metadata.subarray(start, start + METADATA_PART),
  ]);
}

export function encodeMetadataReject(part: number): Uint8Array {
  return encodeBencode({ msg_type: 2, piece: part });
}

/**
 * @returns undefined for kinds of messages that BEP 9 doesn't know, which it says to ignore.
 * @throws {ProtocolError} when it isn't a dictionary with an index, or has data behind it where none belong.
 */
export function parseMetadataMessage(payload: Uint8Array): MetadataMessage | undefined {
  const { value, length } = decode(payload);
  if (!(value instanceof Map)) throw new ProtocolError("the peer's metadata message is not a dictionary");
  const type = integerAt(value, "msg_type");
  const part = integerAt(value, "piece");
  if (type === undefined || part === undefined || part < 0) {
    throw new ProtocolError("the peer's metadata message lacks its type or piece");
  }
  const bytes = payload.subarray(length);
  if (type === 1) return { kind: "data", part, bytes };
  if (bytes.length > 0 && type <= 2) throw new ProtocolError("the peer sent data with a metadata request");
  if (type === 0) return { kind: "request", part };
  return type === 2 ? { kind: "reject", part } : undefined;
}

function decode(payload: Uint8Array): { readonly value: BencodeValue; readonly length: number } {
  try {
    return decodeBencodePrefix(payload, { maxDepth: 5, maxTokens: 100 });
  } catch (cause) {
    if (!(cause instanceof BencodeError)) throw cause;
    throw new ProtocolError(`the peer's metadata message is malformed: ${cause.message}`, { cause });
  }
}
