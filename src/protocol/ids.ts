/** The identifiers of the protocol, as brands: each constructor validates and holds the only cast. */
import { ProtocolError } from "./errors.ts";

declare const brand: unique symbol;

/** 20 bytes: SHA-1 of the raw `info` dictionary as received (BEP 3). */
export type InfoHash = Uint8Array & { readonly [brand]: "InfoHash" };
/** 32 bytes: SHA-256 of the raw `info` dictionary of a v2 or hybrid torrent (BEP 52). */
export type InfoHashV2 = Uint8Array & { readonly [brand]: "InfoHashV2" };
/** 20 bytes chosen by a client at start (BEP 3, BEP 20). */
export type PeerId = Uint8Array & { readonly [brand]: "PeerId" };
/** The index of a piece, from 0. */
export type PieceIndex = number & { readonly [brand]: "PieceIndex" };

export function infoHash(bytes: Uint8Array): InfoHash {
  if (bytes.length !== 20) throw new ProtocolError(`an info hash has 20 bytes, not ${bytes.length}`);
  return bytes as InfoHash;
}

export function infoHashV2(bytes: Uint8Array): InfoHashV2 {
  if (bytes.length !== 32) throw new ProtocolError(`a v2 info hash has 32 bytes, not ${bytes.length}`);
  return bytes as InfoHashV2;
}

export function peerId(bytes: Uint8Array): PeerId {
  if (bytes.length !== 20) throw new ProtocolError(`a peer id has 20 bytes, not ${bytes.length}`);
  return bytes as PeerId;
}

export function pieceIndex(value: number): PieceIndex {
  if (!Number.isInteger(value) || value < 0) throw new ProtocolError(`${value} is not a piece index`);
  return value as PieceIndex;
}
