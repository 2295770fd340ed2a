/** A look at a swarm from outside: which pieces its peers have. */
import type { Dial, PeerAddress, Transport } from "../platform/transport.ts";
import type { Clock, Millis, Timer } from "../protocol/ambient.ts";
import { Bitfield } from "../protocol/bitfield.ts";
import { toLatin1 } from "../protocol/bytes.ts";
import type { InfoHash, PeerId, PieceIndex } from "../protocol/ids.ts";
import type { PieceLayout } from "../protocol/layout.ts";
import type { Prove } from "./core/proof.ts";
import { Wire } from "./wire.ts";
import type { PeerIdentity, WireHandler } from "./wire-types.ts";

export interface PieceSurveyOptions {
  readonly infoHash: InfoHash;
  /** Ours, for this look alone. */
  readonly peerId: PeerId;
  readonly layout: PieceLayout;
  readonly dial: Dial;
  readonly clock: Clock;
  /** What we say we are, e.g. "Boojum 0.1.0". */
  readonly client: string;
  /** Shows that we know the torrent's token; absent when it has none. */
  readonly prove?: Prove | undefined;
}

/** What the peers showed that answered. */
export interface PieceSurvey {
  /** Peers that answered, however little they have. */
  readonly peers: number;
  /** Those of them that have every piece. */
  readonly complete: number;
  /**
   * Distributed copies: how often the rarest piece is there, and, as a fraction, how many pieces are there more often.
   * Below 1 these peers can't complete the torrent.
   */
  readonly copies: number;
}

const AT_ONCE = 30;
/** More tell little that these don't. */
const MAX_PEERS = 120;
/** From the handshake on; who has nothing may never say so. */
const PATIENCE: Millis = 3_000;
/** Some clients send part of their bitfield, and the rest as `have`. */
const AFTERTHOUGHTS: Millis = 400;

/**
 * Connects to each peer until it has said what it has; asks for nothing and gives nothing.
 * A seeder that shows its pieces one by one (BEP 16) looks like a beginner.
 */
export async function surveyPieces(
  addresses: readonly PeerAddress[],
  options: PieceSurveyOptions,
  signal: AbortSignal,
): Promise<PieceSurvey> {
  const waiting = addresses.slice(0, MAX_PEERS);
  // By peer id: one that was named by several of its addresses is one.
  const seen = new Map<string, Bitfield>();
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const met = await look(next, options, signal);
      if (met === undefined) continue;
      const key = toLatin1(met.peerId);
      // The second connection of one peer is hung up before it shows anything.
      const known = seen.get(key);
      if (known === undefined || known.count < met.pieces.count) seen.set(key, met.pieces);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, waiting.length) }, worker));
  signal.throwIfAborted();
  const found = [...seen.values()];
  return {
    peers: found.length,
    complete: found.filter((pieces) => pieces.isComplete).length,
    copies: countCopies(found, options.layout.pieceCount),
  };
}

/** See {@link PieceSurvey.copies}. */
export function countCopies(found: readonly Bitfield[], pieceCount: number): number {
  const counts = new Uint32Array(pieceCount);
  for (const pieces of found) for (const piece of pieces) counts[piece] = (counts[piece] ?? 0) + 1;
  let rarest = Number.POSITIVE_INFINITY;
  for (const count of counts) rarest = Math.min(rarest, count);
  if (rarest === Number.POSITIVE_INFINITY) return 0;
  let more = 0;
  for (const count of counts) if (count > rarest) more++;
  return rarest + more / pieceCount;
}

interface Met {
  readonly peerId: PeerId;
  readonly pieces: Bitfield;
}

/** @returns undefined when nobody of this torrent is there. */
async function look(
  address: PeerAddress,
  options: PieceSurveyOptions,
  signal: AbortSignal,
): Promise<Met | undefined> {
  let transport: Transport;
  try {
    transport = await options.dial(address, signal);
  } catch {
    return undefined;
  }
  return await new Promise((resolve) => new Visit(transport, options, signal, resolve));
}

/** One connection, from its handshake to its end. */
class Visit implements WireHandler {
  readonly #options: PieceSurveyOptions;
  readonly #wire: Wire;
  readonly #signal: AbortSignal;
  readonly #done: (met: Met | undefined) => void;
  readonly #abort = () => this.#wire.close();
  #pieces: Bitfield | undefined;
  #timer: Timer | undefined;

  constructor(
    transport: Transport,
    options: PieceSurveyOptions,
    signal: AbortSignal,
    done: (met: Met | undefined) => void,
  ) {
    const { infoHash, peerId, layout, clock } = options;
    this.#options = options;
    this.#signal = signal;
    this.#done = done;
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

  onExtendedHandshake(): void {
    if (this.#options.prove !== undefined)
      this.#wire.sendPieces(new Bitfield(this.#options.layout.pieceCount));
  }

  onPieces(pieces: Bitfield): void {
    this.#pieces = pieces;
    this.#closeIn(pieces.isComplete ? 0 : AFTERTHOUGHTS);
  }

  onHave(piece: PieceIndex): void {
    this.#pieces?.add(piece);
  }

  onClose(): void {
    this.#timer?.cancel();
    this.#signal.removeEventListener("abort", this.#abort);
    const { identity } = this.#wire;
    const pieces = this.#pieces;
    this.#done(identity && pieces && { peerId: identity.peerId, pieces });
  }

  // We want nothing and give nothing.
  onChoke(): void {}
  onUnchoke(): void {}
  onInterested(): void {}
  onNotInterested(): void {}
  onRequest(): void {}
  onCancel(): void {}
  onReject(): void {}
  onAllowedFast(): void {}
  onSuggest(): void {}
  onBlock(): void {}
  onExtended(): void {}
  onDrain(): void {}

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
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(delay, () => this.#wire.close());
  }
}
