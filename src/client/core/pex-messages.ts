/** The messages of `ut_pex`: who has come and gone since the last one (BEP 11). */
import { type BencodeDict, type BencodeValue, bytesAt, decodeBencode } from "../../protocol/bencode.ts";
import { concatBytes } from "../../protocol/bytes.ts";
import { decodeCompactPeers, decodeCompactPeers6, packPeer } from "../../protocol/compact-peers.ts";
import { encodeBencode } from "../../protocol/encode.ts";
import { BencodeError, ProtocolError } from "../../protocol/errors.ts";
import type { PeerAddress } from "../../protocol/peer-address.ts";

/** The name in `m`. */
export const UT_PEX = "ut_pex";
/** Peers added, and dropped, that one message may name. */
export const MAX_PEX_PEERS = 50;

/** Flag of a peer that seeds. */
const SEED = 0x02;
/** Flag of a peer that was connected to, so it can be reached. */
const REACHABLE = 0x10;

export interface PexPeer {
  readonly address: PeerAddress;
  readonly seed: boolean;
  /** We connected to it. */
  readonly reachable: boolean;
}

/** @returns a payload, owned by the caller; hosts that are no IP literals are left out. */
export function encodePex(added: readonly PexPeer[], dropped: readonly PeerAddress[]): Uint8Array {
  const four: Uint8Array[] = [];
  const six: Uint8Array[] = [];
  const flags4: number[] = [];
  const flags6: number[] = [];
  for (const { address, seed, reachable } of added) {
    const packed = packPeer(address);
    if (packed === undefined) continue;
    const isFour = packed.length === 6;
    (isFour ? four : six).push(packed);
    (isFour ? flags4 : flags6).push((seed ? SEED : 0) | (reachable ? REACHABLE : 0));
  }
  const gone = dropped.flatMap((address) => packPeer(address) ?? []);
  return encodeBencode({
    added: concatBytes(four),
    "added.f": Uint8Array.from(flags4),
    added6: concatBytes(six),
    "added6.f": Uint8Array.from(flags6),
    dropped: concatBytes(gone.filter(({ length }) => length === 6)),
    dropped6: concatBytes(gone.filter(({ length }) => length === 18)),
  });
}

/**
 * Reads who was added, at most {@link MAX_PEX_PEERS} a family; who was dropped is of no use to us, who ask everybody ourselves.
 * @throws {ProtocolError} when it is not a dictionary, or a list is cut.
 */
export function parsePex(payload: Uint8Array): readonly PeerAddress[] {
  const dict = decode(payload);
  const four = (bytesAt(dict, "added") ?? EMPTY).subarray(0, 6 * MAX_PEX_PEERS);
  const six = (bytesAt(dict, "added6") ?? EMPTY).subarray(0, 18 * MAX_PEX_PEERS);
  return [...decodeCompactPeers(four), ...decodeCompactPeers6(six)];
}

const EMPTY = new Uint8Array(0);

function decode(payload: Uint8Array): BencodeDict {
  let value: BencodeValue;
  try {
    value = decodeBencode(payload, { maxDepth: 5, maxTokens: 100 });
  } catch (cause) {
    if (!(cause instanceof BencodeError)) throw cause;
    throw new ProtocolError(`the peer's exchange of peers is malformed: ${cause.message}`, { cause });
  }
  if (value instanceof Map) return value;
  throw new ProtocolError("the peer's exchange of peers is not a dictionary");
}
