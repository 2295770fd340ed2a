/** Puts an info dictionary together from parts that several strangers send, of whom some may lie (BEP 9). */
import { MAX_METADATA, METADATA_PART, partsOf } from "./metadata-messages.ts";

/** The caller's name for a peer. */
type Key = number;

/** Bytes that are claimed to be the metadata, as far as they are here. */
interface Attempt {
  readonly size: number;
  /** Only this peer gives parts; after parts of several made something wrong. */
  readonly alone: Key | undefined;
  readonly parts: Map<number, { readonly bytes: Uint8Array; readonly from: Key }>;
  /** Whom each missing part was asked of. */
  readonly asked: Map<number, Set<Key>>;
}

export type Received =
  /** It was not asked for, or of another length than it must have. */
  | { readonly kind: "unwanted" }
  | { readonly kind: "more" }
  /** This is it: owned by the caller. */
  | { readonly kind: "complete"; readonly metadata: Uint8Array }
  /** Everything came and it's wrong; these are known to have lied, when it can be told. */
  | { readonly kind: "wrong"; readonly liars: readonly Key[] };

/** Attempts at a time: each may grow to {@link MAX_METADATA}. */
const MOST_ATTEMPTS = 6;
/** Peers that are asked for the same part when there is nothing else to ask them for. */
const MOST_ASKED = 2;

/**
 * Peers that claim the same size work on one attempt together. When what they gave is wrong and several gave it, each
 * has to give all of it alone, which shows who lies: one honest peer is enough, whatever the others do.
 */
export class MetadataAssembly {
  readonly #matches: (metadata: Uint8Array) => boolean;
  readonly #claims = new Map<Key, number>();
  readonly #attempts = new Set<Attempt>();
  /** Sizes of which a joint attempt was wrong. */
  readonly #distrusted = new Set<number>();

  /** @param matches whether these bytes have the info hash. */
  constructor(matches: (metadata: Uint8Array) => boolean) {
    this.#matches = matches;
  }

  /** The furthest attempt: bytes here and bytes in all; zeros while nobody says how many there are. */
  get progress(): { readonly bytesDone: number; readonly bytesTotal: number } {
    let best = { bytesDone: 0, bytesTotal: 0 };
    for (const { size, parts } of this.#attempts) {
      const bytesDone = Math.min(size, parts.size * METADATA_PART);
      if (best.bytesTotal === 0 || bytesDone > best.bytesDone) best = { bytesDone, bytesTotal: size };
    }
    return best;
  }

  /** @param size what the peer says it is, in bytes. @returns false for a size that no torrent has. */
  join(peer: Key, size: number): boolean {
    if (!Number.isInteger(size) || size <= 0 || size > MAX_METADATA) return false;
    if (this.#claims.get(peer) === size) return true;
    this.leave(peer);
    this.#claims.set(peer, size);
    return true;
  }

  /** It's gone, or to be asked for nothing more. */
  leave(peer: Key): void {
    this.#claims.delete(peer);
    for (const attempt of this.#attempts) {
      for (const askers of attempt.asked.values()) askers.delete(peer);
      if (attempt.alone === peer) this.#attempts.delete(attempt);
    }
    this.#dropIdle();
  }

  /** The part to ask `peer` for now; undefined when there is none for it. It counts as asked from now on. */
  next(peer: Key): number | undefined {
    const attempt = this.#attemptOf(peer);
    if (attempt === undefined) return undefined;
    let again: number | undefined;
    for (let part = 0; part < partsOf(attempt.size); part++) {
      if (attempt.parts.has(part)) continue;
      const askers = attempt.asked.get(part);
      if (askers === undefined || askers.size === 0) return this.#ask(attempt, part, peer);
      if (askers.size < MOST_ASKED && !askers.has(peer)) again ??= part;
    }
    return again === undefined ? undefined : this.#ask(attempt, again, peer);
  }

  /** It won't come, or took too long. */
  release(peer: Key, part: number): void {
    for (const attempt of this.#attempts) attempt.asked.get(part)?.delete(peer);
  }

  /** `bytes` is copied. */
  receive(peer: Key, part: number, bytes: Uint8Array): Received {
    const attempt = this.#attemptOf(peer);
    if (attempt === undefined || attempt.asked.get(part)?.delete(peer) !== true) return { kind: "unwanted" };
    const expected = Math.min(METADATA_PART, attempt.size - part * METADATA_PART);
    if (bytes.length !== expected) return { kind: "unwanted" };
    // A copy even of a Buffer, whose `slice` makes none.
    if (!attempt.parts.has(part)) attempt.parts.set(part, { bytes: new Uint8Array(bytes), from: peer });
    return attempt.parts.size < partsOf(attempt.size) ? { kind: "more" } : this.#judge(attempt);
  }

  #judge(attempt: Attempt): Received {
    const metadata = new Uint8Array(attempt.size);
    const givers = new Set<Key>();
    for (const [part, { bytes, from }] of attempt.parts) {
      metadata.set(bytes, part * METADATA_PART);
      givers.add(from);
    }
    if (this.#matches(metadata)) return { kind: "complete", metadata };
    this.#attempts.delete(attempt);
    if (givers.size > 1) {
      this.#distrusted.add(attempt.size);
      return { kind: "wrong", liars: [] };
    }
    for (const liar of givers) this.leave(liar);
    return { kind: "wrong", liars: [...givers] };
  }

  #attemptOf(peer: Key): Attempt | undefined {
    const size = this.#claims.get(peer);
    if (size === undefined) return undefined;
    const alone = this.#distrusted.has(size) ? peer : undefined;
    for (const attempt of this.#attempts) {
      if (attempt.size === size && attempt.alone === alone) return attempt;
    }
    if (this.#attempts.size >= MOST_ATTEMPTS) return undefined;
    const attempt = { size, alone, parts: new Map(), asked: new Map() };
    this.#attempts.add(attempt);
    return attempt;
  }

  #ask(attempt: Attempt, part: number, peer: Key): number {
    const askers = attempt.asked.get(part) ?? new Set();
    askers.add(peer);
    attempt.asked.set(part, askers);
    return part;
  }

  /** Attempts that nobody works on make room for others. */
  #dropIdle(): void {
    const sizes = new Set(this.#claims.values());
    for (const attempt of this.#attempts) if (!sizes.has(attempt.size)) this.#attempts.delete(attempt);
  }
}
