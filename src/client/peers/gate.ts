import type { Clock, Millis, Timer } from "../../protocol/ambient.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import type { PeerId } from "../../protocol/ids.ts";
import type { PeerKey } from "../core/active-piece.ts";
import { isSameProof, type Prove, type Role } from "../core/proof.ts";
import type { BlockTaker, Peer, PeerOwner } from "./peer.ts";
import { PeerTimeoutError } from "./peer-errors.ts";
import type { ExtendedHandshake, PeerIdentity } from "./wire-types.ts";

export interface GateOptions {
  readonly prove: Prove;
  readonly peerId: PeerId;
  readonly clock: Clock;
  /** Why a peer must not stay, whatever it knows. */
  refusal(peer: Peer, identity: PeerIdentity): Error | undefined;
  /** Sends our extension handshake, with this proof in it. */
  introduce(peer: Peer, proof: Uint8Array): void;
  /** The peer has shown that it knows the token; its owner is somebody else from now on. */
  admit(peer: Peer, identity: PeerIdentity): void;
  gone(peer: Peer, reason: Error | undefined): void;
}

const PATIENCE: Millis = 10_000;
const STRANGER = "the peer doesn't show that it knows the token";

/**
 * Owns the peers of a torrent with a token until they have shown that they know it. Until then they are told nothing,
 * not even what we have, and may say nothing else. Who dialled shows it first: otherwise a stranger could call, have
 * us prove ourselves, and pass that on to another peer as its own.
 */
export class Gate implements PeerOwner {
  readonly #options: GateOptions;
  readonly #waiting = new Map<PeerKey, Timer>();

  constructor(options: GateOptions) {
    this.#options = options;
  }

  onHandshake(peer: Peer, identity: PeerIdentity): void {
    const refusal = this.#options.refusal(peer, identity);
    if (refusal !== undefined || !identity.extended) {
      peer.wire.close(refusal ?? new ProtocolError(STRANGER));
      return;
    }
    const late = () => peer.wire.close(new PeerTimeoutError(STRANGER));
    this.#waiting.set(peer.key, this.#options.clock.after(PATIENCE, late));
    if (!peer.wire.isIncoming) this.#introduce(peer, identity, "dialler");
  }

  onExtendedHandshake(peer: Peer, handshake: ExtendedHandshake): void {
    const { identity, isIncoming } = peer.wire;
    if (identity === undefined) return;
    const expected = this.#proof(isIncoming ? "dialler" : "answerer", peer, identity);
    const refusal = isSameProof(handshake.proof, expected)
      ? // Another connection of the same peer may have been quicker.
        this.#options.refusal(peer, identity)
      : new ProtocolError(STRANGER);
    if (refusal !== undefined) {
      peer.wire.close(refusal);
      return;
    }
    this.#forget(peer);
    if (isIncoming) this.#introduce(peer, identity, "answerer");
    this.#options.admit(peer, identity);
    peer.onExtendedHandshake(handshake);
  }

  onClose(peer: Peer, reason: Error | undefined): void {
    this.#forget(peer);
    this.#options.gone(peer, reason);
  }

  readonly #tooEarly = (peer: Peer) => peer.wire.close(new ProtocolError(STRANGER));
  readonly onPieces = this.#tooEarly;
  readonly onHave = this.#tooEarly;
  readonly onRequest = this.#tooEarly;
  readonly choking = { changed: this.#tooEarly };
  readonly extensions = { onMessage: this.#tooEarly };
  readonly blocks: BlockTaker = {
    onChoke: this.#tooEarly,
    onUnchoke: this.#tooEarly,
    onReject: this.#tooEarly,
    onAllowedFast: this.#tooEarly,
    onBlock: this.#tooEarly,
  };

  #introduce(peer: Peer, identity: PeerIdentity, role: Role): void {
    this.#options.introduce(peer, this.#proof(role, peer, identity));
  }

  #proof(role: Role, peer: Peer, { peerId: other }: PeerIdentity): Uint8Array {
    const { prove, peerId: own } = this.#options;
    return peer.wire.isIncoming ? prove(role, other, own) : prove(role, own, other);
  }

  #forget(peer: Peer): void {
    this.#waiting.get(peer.key)?.cancel();
    this.#waiting.delete(peer.key);
  }
}
