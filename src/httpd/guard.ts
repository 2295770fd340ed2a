/** The password in front of everything a person opens: HTTP Basic (RFC 7617), with a limit on guessing. */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { networkOf } from "../protocol/ip-address.ts";

/** `wait`: too many wrong ones from there; nothing was compared. */
type Verdict = "ok" | "missing" | "wrong" | { readonly waitSeconds: number };

export interface GuardOptions {
  readonly password: string;
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number;
}

/** Wrong passwords that one address has for nothing, and how often it gets another one. */
const FREE_TRIES = 10;
const TRY_EVERY = 6_000;
/** All addresses together: whoever has a whole network of them is no faster than this. */
const FREE_TRIES_OF_ALL = 200;
const TRY_OF_ALL_EVERY = 1_000;
const MAX_ADDRESSES = 10_000;
const MAX_HEADER = 1_024;

/** Wrong tries, forgotten one by one: the time at which all of them are forgotten says how many there are. */
class Tries {
  readonly #free: number;
  readonly #every: number;
  forgottenAt = 0;

  constructor(free: number, every: number) {
    this.#free = free;
    this.#every = every;
  }

  /** Milliseconds until another one is allowed; 0 for at once. */
  wait(now: number): number {
    return Math.max(0, this.forgottenAt - now - (this.#free - 1) * this.#every);
  }

  failed(now: number): void {
    this.forgottenAt = Math.max(now, this.forgottenAt) + this.#every;
  }
}

export class Guard {
  readonly #now: () => number;
  /** Of this run, so that digests can be compared: their length and bytes tell nothing about the password. */
  readonly #key = randomBytes(32);
  readonly #expected: Buffer;
  readonly #byAddress = new Map<string, Tries>();
  readonly #ofAll = new Tries(FREE_TRIES_OF_ALL, TRY_OF_ALL_EVERY);

  constructor({ password, now }: GuardOptions) {
    this.#now = now;
    this.#expected = this.#digest(password);
  }

  /** Judges an `Authorization` header; the user's name doesn't matter. `address` is where the request came from. */
  check(header: string | undefined, address: string): Verdict {
    const password = header === undefined ? undefined : passwordIn(header);
    if (password === undefined) return "missing";
    const now = this.#now();
    const key = networkOf(address);
    const tries = this.#byAddress.get(key);
    const wait = Math.max(tries?.wait(now) ?? 0, this.#ofAll.wait(now));
    if (wait > 0) return { waitSeconds: Math.ceil(wait / 1_000) };
    if (timingSafeEqual(this.#digest(password), this.#expected)) return "ok";
    this.#ofAll.failed(now);
    this.#triesOf(key, now).failed(now);
    return "wrong";
  }

  #digest(password: string): Buffer {
    // Keyboards and browsers differ in how they compose an "é".
    return createHmac("sha256", this.#key).update(password.normalize("NFC")).digest();
  }

  #triesOf(key: string, now: number): Tries {
    const known = this.#byAddress.get(key);
    if (known !== undefined) return known;
    if (this.#byAddress.size >= MAX_ADDRESSES) this.#makeRoom(now);
    const tries = new Tries(FREE_TRIES, TRY_EVERY);
    this.#byAddress.set(key, tries);
    return tries;
  }

  #makeRoom(now: number): void {
    for (const [key, { forgottenAt }] of this.#byAddress) if (forgottenAt <= now) this.#byAddress.delete(key);
    const [oldest] = this.#byAddress.keys();
    if (this.#byAddress.size >= MAX_ADDRESSES && oldest !== undefined) this.#byAddress.delete(oldest);
  }
}

/** Undefined when it is no Basic header: nothing was tried then. */
function passwordIn(header: string): string | undefined {
  if (header.length > MAX_HEADER) return undefined;
  const [, encoded] = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(header.trim()) ?? [];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, "base64").toString("utf8");
  const colon = text.indexOf(":");
  return colon < 0 ? undefined : text.slice(colon + 1);
}
