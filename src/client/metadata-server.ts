import { ProtocolError } from "../protocol/errors.ts";
import {
  encodeMetadataData,
  encodeMetadataReject,
  parseMetadataMessage,
  partsOf,
  UT_METADATA,
} from "./core/metadata-messages.ts";
import type { Extension } from "./extensions.ts";
import type { Peer } from "./peer.ts";

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
  readonly #asked = new WeakMap<Peer, number>();

  /** @param metadata the info dictionary's own bytes, which must not change. */
  constructor(metadata: Uint8Array) {
    this.#metadata = metadata;
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
    const isRefused =
      message.part >= parts || asked > COPIES * parts || peer.wire.transport.bufferedBytes > MOST_WAITING;
    peer.sendExtended(
      this.name,
      isRefused ? encodeMetadataReject(message.part) : encodeMetadataData(this.#metadata, message.part),
    );
  }
}
