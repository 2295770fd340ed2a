/** The first 68 bytes in each direction (BEP 3, "peer protocol"). */
import { ProtocolError } from "../../protocol/errors.ts";
import { type InfoHash, infoHash, type PeerId, peerId } from "../../protocol/ids.ts";

export const HANDSHAKE_LENGTH = 68;

const NAME = "BitTorrent protocol";
const RESERVED = 20;
const INFO_HASH = 28;
const PEER_ID = 48;
/** Reserved byte 7, bit 0x04: fast extension (BEP 6). */
const FAST_BIT = 0x04;
/** Reserved byte 7, bit 0x01: a node of the DHT (BEP 5). */
const DHT_BIT = 0x01;
/** Reserved byte 5, bit 0x10: extension protocol (BEP 10). */
const EXTENDED_BIT = 0x10;

export interface Handshake {
  readonly infoHash: InfoHash;
  readonly peerId: PeerId;
  /** The sender speaks the fast extension (BEP 6). */
  readonly fast: boolean;
  /** The sender speaks the extension protocol (BEP 10). */
  readonly extended: boolean;
  /** The sender is a node of the DHT (BEP 5); not by default. */
  readonly dht?: boolean;
}

/** @returns 68 bytes, owned by the caller: 19, the protocol's name, 8 reserved bytes, info hash, peer id. */
export function encodeHandshake(handshake: Handshake): Uint8Array {
  const bytes = new Uint8Array(HANDSHAKE_LENGTH);
  bytes[0] = NAME.length;
  for (let i = 0; i < NAME.length; i++) bytes[1 + i] = NAME.charCodeAt(i);
  if (handshake.extended) bytes[RESERVED + 5] = EXTENDED_BIT;
  bytes[RESERVED + 7] = (handshake.fast ? FAST_BIT : 0) | (handshake.dht === true ? DHT_BIT : 0);
  bytes.set(handshake.infoHash, INFO_HASH);
  bytes.set(handshake.peerId, PEER_ID);
  return bytes;
}

/** Puts together a handshake that arrives in parts. */
export class HandshakeReader {
  readonly #bytes = new Uint8Array(HANDSHAKE_LENGTH);
  #length = 0;

  /**
   * Takes bytes until the handshake is whole.
   * @returns how many it took: the rest are the messages after it.
   * @throws {ProtocolError} as soon as they are not the BitTorrent protocol.
   */
  push(bytes: Uint8Array): number {
    const taken = Math.min(HANDSHAKE_LENGTH - this.#length, bytes.length);
    this.#bytes.set(bytes.subarray(0, taken), this.#length);
    const before = this.#length;
    this.#length += taken;
    for (let i = before; i < Math.min(this.#length, RESERVED); i++) {
      const expected = i === 0 ? NAME.length : NAME.charCodeAt(i - 1);
      if (this.#bytes[i] !== expected) throw new ProtocolError("the peer does not speak BitTorrent");
    }
    return taken;
  }

  /** The handshake, whose arrays are the caller's; undefined until all of it is there. */
  get handshake(): Handshake | undefined {
    if (this.#length < HANDSHAKE_LENGTH) return undefined;
    const bytes = this.#bytes;
    return {
      infoHash: infoHash(bytes.slice(INFO_HASH, PEER_ID)),
      peerId: peerId(bytes.slice(PEER_ID)),
      extended: ((bytes[RESERVED + 5] ?? 0) & EXTENDED_BIT) !== 0,
      fast: ((bytes[RESERVED + 7] ?? 0) & FAST_BIT) !== 0,
      dht: ((bytes[RESERVED + 7] ?? 0) & DHT_BIT) !== 0,
    };
  }
}
