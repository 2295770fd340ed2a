import type { OwnExtensions } from "../core/extension.ts";
import type { Peer } from "./peer.ts";
import type { ExtendedHandshake } from "./wire-types.ts";

/**
 * One extension of the peer protocol (BEP 10) in one torrent. Registered in `own-extensions.ts`; told only of peers
 * that have joined.
 */
export interface Extension {
  /** In `m`, e.g. `ut_pex`. */
  readonly name: string;
  /** A message of the peer; `payload` is valid during the call. @throws {ProtocolError} ends the peer. */
  onMessage(peer: Peer, payload: Uint8Array): void;
  /** The peer has said, perhaps again, what it speaks: `peer.extensions` is up to date. */
  onHandshake?(peer: Peer, handshake: ExtendedHandshake): void;
  /** A peer is gone. */
  gone?(peer: Peer): void;
  /** Once a second. */
  tick?(): void;
}

/** What the extension handshake says besides the ids. */
export type Introduction = Omit<OwnExtensions, "extensions">;

/** The one place where extensions meet the wire: gives each its message id, and hands on what comes. */
export class Extensions {
  readonly #list: readonly Extension[];
  readonly #ids: ReadonlyMap<string, number>;
  readonly #introduction: () => Introduction;

  /** @param introduction as it is now. */
  constructor(list: readonly Extension[], introduction: () => Introduction) {
    this.#list = list;
    this.#ids = new Map(list.map(({ name }, i) => [name, i + 1]));
    this.#introduction = introduction;
  }

  /** Sends our extension handshake, again when something in it has changed. */
  introduce(peer: Peer, proof?: Uint8Array): void {
    peer.wire.sendExtendedHandshake({
      ...this.#introduction(),
      ...(proof !== undefined && { proof }),
      extensions: this.#ids,
    });
  }

  onHandshake(peer: Peer, handshake: ExtendedHandshake): void {
    peer.learnExtensions(handshake.extensions);
    for (const extension of this.#list) extension.onHandshake?.(peer, handshake);
  }

  onMessage(peer: Peer, id: number, payload: Uint8Array): void {
    // Ids that we never gave out are passed over, as BEP 10 asks.
    this.#list[id - 1]?.onMessage(peer, payload);
  }

  gone(peer: Peer): void {
    for (const extension of this.#list) extension.gone?.(peer);
  }

  tick(): void {
    for (const extension of this.#list) extension.tick?.();
  }
}
