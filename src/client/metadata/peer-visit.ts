/** A call on one peer to see what it has, and perhaps to be given something; nothing is given. */
import type { Dial, PeerAddress, Transport } from "../../platform/transport.ts";
import type { Clock, Millis, Timer } from "../../protocol/ambient.ts";
import { Bitfield } from "../../protocol/bitfield.ts";
import type { InfoHash, PeerId, PieceIndex } from "../../protocol/ids.ts";
import type { PieceLayout } from "../../protocol/layout.ts";
import { clientName } from "../core/client-name.ts";
import type { Prove } from "../core/proof.ts";
import { Wire } from "../peers/wire.ts";
import type { ExtendedHandshake, PeerIdentity } from "../peers/wire-types.ts";
import { DeafPeer } from "./deaf-peer.ts";

export interface PeerVisitOptions {
  readonly infoHash: InfoHash;
  /** Ours, for these visits alone. */
  readonly peerId: PeerId;
  readonly layout: PieceLayout;
  readonly dial: Dial;
  readonly clock: Clock;
  /** What we say we are, e.g. "Boojum 0.1.0". */
  readonly client: string;
  /** Shows that we know the torrent's token; absent when it has none. */
  readonly prove?: Prove | undefined;
  /** Chooses, of what the peer has, what it is asked for; undefined: nothing. Not asked by default. */
  readonly choose?: (pieces: Bitfield) => Wanted | undefined;
}

/** The first `length` bytes of a piece. */
export interface Wanted {
  readonly piece: PieceIndex;
  readonly length: number;
}

/** What a peer showed that answered. */
export interface PeerVisit {
  readonly peerId: PeerId;
  /** What it calls itself, not escaped. */
  readonly client: string;
  readonly pieces: Bitfield;
  /** What was asked for, whole; owned by the caller. */
  readonly given: { readonly piece: PieceIndex; readonly bytes: Uint8Array } | undefined;
  /** It let us ask. */
  readonly unchoked: boolean;
}

/** From the handshake on; who has nothing may never say so. */
const PATIENCE: Millis = 3_000;
/** Some clients send part of their bitfield, and the rest as `have`. */
const AFTERTHOUGHTS: Millis = 400;
/** For what was asked for: whoever serves others first looks for somebody new every ten seconds. */
const GIVING: Millis = 15_000;
const BLOCK = 16_384;

/**
 * Connects to a peer and stays until it has said what it has, and given what `choose` wants of it.
 * A seeder that shows its pieces one by one (BEP 16) looks like a beginner.
 * @throws {Error} nobody of this torrent is there: why; the reason of `signal`.
 */
export async function visitPeer(
  address: PeerAddress,
  options: PeerVisitOptions,
  signal: AbortSignal,
): Promise<PeerVisit> {
  const transport = await options.dial(address, signal);
  return await new Promise((resolve, reject) => new Call(transport, options, signal, { resolve, reject }));
}

interface Settle {
  resolve(visit: PeerVisit): void;
  reject(reason: unknown): void;
}

interface Gift {
  readonly piece: PieceIndex;
  readonly bytes: Uint8Array;
  /** Where the blocks begin that haven't come: each counts once. */
  readonly missing: Set<number>;
}

/** One connection, from its handshake to its end. */
class Call extends DeafPeer {
  readonly #options: PeerVisitOptions;
  readonly #wire: Wire;
  readonly #signal: AbortSignal;
  readonly #settle: Settle;
  readonly #abort = () => this.#wire.close();
  #client: string | undefined;
  #pieces: Bitfield | undefined;
  #gift: Gift | undefined;
  #unchoked = false;
  #timer: Timer | undefined;

  constructor(transport: Transport, options: PeerVisitOptions, signal: AbortSignal, settle: Settle) {
    super();
    const { infoHash, peerId, layout, clock } = options;
    this.#options = options;
    this.#signal = signal;
    this.#settle = settle;
    this.#wire = new Wire({ transport, infoHash, peerId, layout, clock });
    signal.addEventListener("abort", this.#abort, { once: true });
    this.#wire.start(this);
    if (signal.aborted) this.#wire.close();
  }

  onHandshake(identity: PeerIdentity): void {
    const { layout, prove } = this.#options;
    this.#pieces = new Bitfield(layout.pieceCount);
    this.#closeIn(PATIENCE);
    // Behind a gate nothing but the proof may be said before the peer has shown its own.
    if (prove === undefined) this.#wire.sendPieces(this.#pieces);
    this.#introduce(prove?.("dialler", this.#options.peerId, identity.peerId));
  }

  override onExtendedHandshake({ client }: ExtendedHandshake): void {
    this.#client = client;
    if (this.#options.prove !== undefined)
      this.#wire.sendPieces(new Bitfield(this.#options.layout.pieceCount));
  }

  override onPieces(pieces: Bitfield): void {
    this.#pieces = pieces;
    if (pieces.isComplete) this.#seenAll();
    else this.#after(AFTERTHOUGHTS, () => this.#seenAll());
  }

  override onHave(piece: PieceIndex): void {
    // Said again and again it would keep us for ever.
    if (this.#pieces === undefined || this.#pieces.has(piece)) return;
    this.#pieces.add(piece);
    // A seeder may show nothing but a piece at a time.
    if (this.#gift === undefined && this.#pieces.count === 1)
      this.#after(AFTERTHOUGHTS, () => this.#seenAll());
  }

  override onUnchoke(): void {
    this.#unchoked = true;
    this.#ask();
  }

  override onBlock(piece: PieceIndex, begin: number, data: Uint8Array): void {
    const gift = this.#gift;
    if (gift === undefined || piece !== gift.piece || data.length !== blockLength(gift.bytes, begin)) return;
    if (!gift.missing.delete(begin)) return;
    gift.bytes.set(data, begin);
    if (gift.missing.size === 0) this.#wire.close();
  }

  onClose(reason?: Error): void {
    this.#timer?.cancel();
    this.#signal.removeEventListener("abort", this.#abort);
    const { identity } = this.#wire;
    const pieces = this.#pieces;
    if (identity === undefined || pieces === undefined) {
      const why = reason ?? new Error("it hung up before it said who it is");
      this.#settle.reject(this.#signal.aborted ? this.#signal.reason : why);
      return;
    }
    const gift = this.#gift;
    this.#settle.resolve({
      peerId: identity.peerId,
      client: this.#client ?? clientName(identity.peerId),
      pieces,
      given: gift?.missing.size === 0 ? gift : undefined,
      unchoked: this.#unchoked,
    });
  }

  #seenAll(): void {
    const wanted = this.#pieces && this.#options.choose?.(this.#pieces);
    if (wanted === undefined) {
      this.#closeIn(0);
      return;
    }
    const { piece, length } = wanted;
    const missing = new Set<number>();
    for (let begin = 0; begin < length; begin += BLOCK) missing.add(begin);
    this.#gift = { piece, bytes: new Uint8Array(length), missing };
    this.#closeIn(GIVING);
    this.#wire.interested();
    this.#ask();
  }

  /** Everything at once: it's a piece at the most. */
  #ask(): void {
    const gift = this.#gift;
    if (gift === undefined || !this.#unchoked) return;
    const { piece, bytes, missing } = gift;
    for (const begin of missing) this.#wire.sendRequest({ piece, begin, length: blockLength(bytes, begin) });
  }

  #introduce(proof: Uint8Array | undefined): void {
    this.#wire.sendExtendedHandshake({
      client: this.#options.client,
      // Seeders hang up on those that want nothing, some before they have said what they have.
      uploadOnly: false,
      requestQueue: 1,
      extensions: new Map(),
      ...(proof !== undefined && { proof }),
    });
  }

  #closeIn(delay: Millis): void {
    this.#after(delay, () => this.#wire.close());
  }

  #after(delay: Millis, act: () => void): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(delay, act);
  }
}

function blockLength(piece: Uint8Array, begin: number): number {
  return Math.min(BLOCK, piece.length - begin);
}
