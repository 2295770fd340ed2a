import type { Millis } from "../../protocol/ambient.ts";
import { Bitfield } from "../../protocol/bitfield.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { encodeMetadataRequest, parseMetadataMessage, UT_METADATA } from "../core/metadata-messages.ts";
import type { Wire } from "../peers/wire.ts";
import type { ExtendedHandshake, PeerIdentity } from "../peers/wire-types.ts";
import { DeafPeer } from "./deaf-peer.ts";

/** Who asks a peer for metadata. */
export interface MetadataPeerOwner {
  onIntroduced(peer: MetadataPeer, size: number): void;
  onPart(peer: MetadataPeer, part: number, bytes: Uint8Array): void;
  onRejected(peer: MetadataPeer, part: number): void;
  /** Says who we are, once the handshakes are done. */
  introduce(peer: MetadataPeer): void;
  gone(peer: MetadataPeer, reason: Error | undefined): void;
}

/** Our own message id. */
export const METADATA_ID = 1;
/** Parts that came unasked, or requests for what we don't have: more is a flood. */
const MAX_STRAY = 200;

/**
 * A peer of a torrent of which only the info hash is known: it's asked for the metadata and nothing else. Without that,
 * what it has and wants means nothing.
 */
export class MetadataPeer extends DeafPeer {
  readonly key: number;
  readonly wire: Wire;
  /** When it came. */
  readonly since: Millis;
  /** Asked for and not here, with the time of asking. */
  readonly requests = new Map<number, Millis>();
  /** Not asked before. */
  restUntil: Millis = 0;
  /** Requests that it let time out or rejected. */
  failures = 0;
  /** It has said how long the metadata is. */
  isReady = false;
  readonly #owner: MetadataPeerOwner;
  #id: number | undefined;
  #strays = 0;

  constructor(key: number, owner: MetadataPeerOwner, wire: Wire, now: Millis) {
    super();
    this.key = key;
    this.#owner = owner;
    this.wire = wire;
    this.since = now;
  }

  ask(part: number, now: Millis): void {
    if (this.#id === undefined) return;
    this.requests.set(part, now);
    this.wire.sendExtended(this.#id, encodeMetadataRequest(part));
  }

  onHandshake(identity: PeerIdentity): void {
    if (!identity.extended) {
      this.wire.close(new ProtocolError("the peer has no extensions, so no metadata"));
      return;
    }
    // Of however many pieces there are: none.
    this.wire.sendPieces(new Bitfield(1));
    this.#owner.introduce(this);
  }

  override onExtendedHandshake({ extensions, metadataSize }: ExtendedHandshake): void {
    const id = extensions.get(UT_METADATA);
    if (id !== undefined) this.#id = id === 0 ? undefined : id;
    if (this.#id !== undefined && metadataSize !== undefined) this.#owner.onIntroduced(this, metadataSize);
  }

  override onExtended(id: number, payload: Uint8Array): void {
    if (id !== METADATA_ID) return;
    const message = parseMetadataMessage(payload);
    if (message === undefined) return;
    if (message.kind === "request" || !this.requests.delete(message.part)) {
      if (++this.#strays > MAX_STRAY) throw new ProtocolError("the peer floods us with metadata messages");
      return;
    }
    if (message.kind === "data") this.#owner.onPart(this, message.part, message.bytes);
    else this.#owner.onRejected(this, message.part);
  }

  onClose(reason?: Error): void {
    this.#owner.gone(this, reason);
  }
}
