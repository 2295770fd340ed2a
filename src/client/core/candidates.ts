import type { Millis } from "../../protocol/ambient.ts";

/** Addresses that are remembered; more than any tracker gives and few enough to look through. */
const MAX_CANDIDATES = 2000;
/** The first wait after a failure, while somebody else is there and while nobody is: a publisher may just restart. */
const RETRY: Millis = 60_000;
const RETRY_LONELY: Millis = 3_000;
const MAX_RETRY: Millis = 15 * 60_000;
/** While nobody is there and few are known, asking often costs little: the line may have been dead for a minute. */
const MAX_RETRY_LONELY: Millis = 20_000;
const FEW_KNOWN = 50;

/** An address that may be connected to. `address` is the caller's: this module only reads its two fields. */
export interface Candidate<Source> {
  readonly address: { readonly host: string; readonly port: number };
  readonly source: Source;
  /** Failures and losses in a row since the last time that it was of use. */
  failures: number;
  retryAt: Millis;
  state: "waiting" | "busy" | "useless";
  /** Of those that failed equally often the highest is tried first (BEP 40); 0 while it isn't known. */
  rank: number;
  /** Bad data came from there: asked only when there is nobody else. */
  distrusted: boolean;
  /** How it's called: with an obfuscated handshake or a plain one; undefined before the first call. */
  obfuscated: boolean | undefined;
  /** It's called that way only because it didn't take the other. */
  isSecondTry: boolean;
}

/** The addresses that are known for one torrent, and when to try each again. */
export class Candidates<Source> {
  readonly #known = new Map<string, Candidate<Source>>();
  #rankOf: (address: Candidate<Source>["address"]) => number | undefined = () => undefined;

  /** @returns whether it's new. A full list takes a new address in place of one that failed. */
  add(address: Candidate<Source>["address"], source: Source, now: Millis): boolean {
    const key = keyOf(address);
    if (this.#known.has(key)) return false;
    if (this.#known.size >= MAX_CANDIDATES && !this.#forgetOne()) return false;
    this.#known.set(key, {
      address,
      source,
      failures: 0,
      retryAt: now,
      state: "waiting",
      rank: this.#rankOf(address) ?? 0,
      distrusted: false,
      obfuscated: undefined,
      isSecondTry: false,
    });
    return true;
  }

  get(address: Candidate<Source>["address"]): Candidate<Source> | undefined {
    return this.#known.get(keyOf(address));
  }

  get size(): number {
    return this.#known.size;
  }

  /**
   * The one to try next: the fewest failures, then the highest rank, then the longest wait. It's busy from now on.
   * @param lonely nobody else is connected
   */
  take(now: Millis, lonely: boolean): Candidate<Source> | undefined {
    let best: Candidate<Source> | undefined;
    for (const candidate of this.#known.values()) {
      if (candidate.state !== "waiting" || candidate.retryAt > now) continue;
      if (candidate.distrusted && !lonely) continue;
      if (best === undefined || isBetter(candidate, best)) best = candidate;
    }
    if (best !== undefined) best.state = "busy";
    return best;
  }

  /** Ranks all that are known, and those that will be told of. */
  rankBy(rankOf: (address: Candidate<Source>["address"]) => number | undefined): void {
    this.#rankOf = rankOf;
    for (const candidate of this.#known.values()) candidate.rank = rankOf(candidate.address) ?? 0;
  }

  /** It was of use: the next failure is its first. */
  worked(candidate: Candidate<Source>): void {
    candidate.failures = 0;
  }

  /** It couldn't be reached, or is gone. @param lonely nobody else is connected */
  failed(candidate: Candidate<Source>, lonely: boolean, now: Millis): void {
    if (candidate.state === "useless") return;
    const first = lonely ? RETRY_LONELY : RETRY;
    const longest = lonely && this.#known.size <= FEW_KNOWN ? MAX_RETRY_LONELY : MAX_RETRY;
    candidate.retryAt = now + Math.min(longest, first * 2 ** Math.min(candidate.failures, 10));
    candidate.failures++;
    candidate.state = "waiting";
  }

  /** It's to be called again at once, in another way. */
  again(candidate: Candidate<Source>, now: Millis): void {
    if (candidate.state === "useless") return;
    candidate.retryAt = now;
    candidate.state = "waiting";
  }

  /** It sent bad data: tried again only when there is nobody else. */
  distrust(address: Candidate<Source>["address"], source: Source, now: Millis): void {
    this.add(address, source, now);
    const candidate = this.get(address);
    if (candidate !== undefined) candidate.distrusted = true;
  }

  /** It's ourselves, or connected in another way: never tried again. */
  exclude(address: Candidate<Source>["address"], source: Source, now: Millis): void {
    this.add(address, source, now);
    const candidate = this.get(address);
    if (candidate !== undefined) candidate.state = "useless";
  }

  /** As if it had never been told of; but who must not be called, or is not trusted, stays so. */
  forget(address: Candidate<Source>["address"]): void {
    const candidate = this.get(address);
    if (candidate?.state !== "useless" && candidate?.distrusted !== true) this.#known.delete(keyOf(address));
  }

  #forgetOne(): boolean {
    for (const [key, candidate] of this.#known) {
      if (candidate.state !== "waiting" || candidate.failures === 0 || candidate.distrusted) continue;
      this.#known.delete(key);
      return true;
    }
    return false;
  }
}

function isBetter(one: Candidate<unknown>, other: Candidate<unknown>): boolean {
  if (one.failures !== other.failures) return one.failures < other.failures;
  if (one.rank !== other.rank) return one.rank > other.rank;
  return one.retryAt < other.retryAt;
}

function keyOf(address: { readonly host: string; readonly port: number }): string {
  return `${address.host} ${address.port}`;
}
