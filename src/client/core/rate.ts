import type { Millis } from "../../protocol/ambient.ts";

const SLOTS = 10;

/** Bytes a second over the last moments, kept in ten slots. */
export class RateMeter {
  readonly #slotLength: Millis;
  readonly #slots = new Float64Array(SLOTS);
  readonly #since: Millis;
  #slot: number;
  #sum = 0;
  #total = 0;

  /** @param span over how many milliseconds the rate is taken; less while the meter is younger than that. */
  constructor(span: Millis, now: Millis) {
    this.#slotLength = span / SLOTS;
    this.#since = now;
    this.#slot = Math.floor(now / this.#slotLength);
  }

  /** Everything that was ever added, in bytes. */
  get total(): number {
    return this.#total;
  }

  add(bytes: number, now: Millis): void {
    this.#advance(now);
    const at = this.#slot % SLOTS;
    this.#slots[at] = (this.#slots[at] ?? 0) + bytes;
    this.#sum += bytes;
    this.#total += bytes;
  }

  /** Bytes a second. */
  rate(now: Millis): number {
    this.#advance(now);
    const start = Math.max(this.#since, (this.#slot - SLOTS + 1) * this.#slotLength);
    return (this.#sum * 1000) / Math.max(this.#slotLength, now - start);
  }

  #advance(now: Millis): void {
    const slot = Math.floor(now / this.#slotLength);
    if (slot === this.#slot) return;
    const passed = Math.min(slot - this.#slot, SLOTS);
    for (let i = 1; i <= passed; i++) {
      const at = (this.#slot + i) % SLOTS;
      this.#sum -= this.#slots[at] ?? 0;
      this.#slots[at] = 0;
    }
    this.#slot = slot;
  }
}
