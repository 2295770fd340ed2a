import { ProtocolError } from "../../protocol/errors.ts";
import {
  encodeMetadataData,
  encodeMetadataReject,
  METADATA_PART,
  parseMetadataMessage,
  partsOf,
  UT_METADATA,
} from "../core/metadata-messages.ts";
import type { Extension } from "../peers/extensions.ts";
import type { Peer } from "../peers/peer.ts";
import type { RateLimiter } from "../peers/upload.ts";

/** How often one connection may have the whole of it; more is of no use to anybody. */
const COPIES = 4;
/** Requests beyond that are rejected, and after so many more the peer is a flood. */
const PATIENCE = 1000;
/** While so many bytes wait to be sent to a peer it gets no metadata: whoever asks must read. */
const MOST_WAITING = 1024 * 1024;

/** Gives the info dictionary to peers that have a magnet link only (BEP 9). */
export class MetadataServer implements Extension {
  readonly name = UT_METADATA;
  readonly #metadata: Uint8Array;
  readonly #limiter: RateLimiter;
  readonly #asked = new WeakMap<Peer, number>();
  /** What waits for the upload limit. */
  readonly #waiting = new Map<Peer, Set<() => void>>();

  /**
   * @param metadata the info dictionary's own bytes, which must not change.
   * @param limiter what leaves this machine asks it first.
   */
  constructor(metadata: Uint8Array, limiter: RateLimiter) {
    this.#metadata = metadata;
    this.#limiter = limiter;
  }

  onMessage(peer: Peer, payload: Uint8Array): void {
    const message = parseMetadataMessage(payload);
    // We have all of it, so answers are to nothing that we asked.
    if (message?.kind !== "request") return;
    const parts = partsOf(this.#metadata.length);
    const asked = (this.#asked.get(peer) ?? 0) + 1;
    this.#asked.set(peer, asked);
    if (asked > COPIES * parts + PATIENCE)
      throw new ProtocolError("the peer asks for the metadata without end");
    const waiting = this.#waiting.get(peer)?.size ?? 0;
    const isRefused =
      message.part >= parts ||
      asked > COPIES * parts ||
      peer.wire.transport.bufferedBytes + waiting * METADATA_PART > MOST_WAITING;
    if (isRefused) peer.sendExtended(this.name, encodeMetadataReject(message.part));
    else this.#give(peer, message.part);
  }

  gone(peer: Peer): void {
    for (const granted of this.#waiting.get(peer) ?? []) this.#limiter.forget(granted);
    this.#waiting.delete(peer);
  }

  #give(peer: Peer, part: number): void {
    const granted = () => {
      this.#waiting.get(peer)?.delete(granted);
      peer.sendExtended(this.name, encodeMetadataData(this.#metadata, part));
    };
    if (this.#limiter.take(Math.min(METADATA_PART, this.#metadata.length), granted)) {
      granted();
      return;
    }
    const waiting = this.#waiting.get(peer) ?? new Set();
    this.#waiting.set(peer, waiting.add(granted));
  }
}
