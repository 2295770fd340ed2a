/** The stream cipher of obfuscated peer connections. It hides nothing from anybody who knows the info hash and listens. */
export class Rc4 {
  readonly #state = new Uint8Array(256);
  #i = 0;
  #j = 0;

  /** @param key 1 to 256 bytes. */
  constructor(key: Uint8Array) {
    const state = this.#state;
    for (let i = 0; i < 256; i++) state[i] = i;
    for (let i = 0, j = 0; i < 256; i++) {
      const at = state[i] ?? 0;
      j = (j + at + (key[i % key.length] ?? 0)) & 255;
      state[i] = state[j] ?? 0;
      state[j] = at;
    }
  }

  /** Enciphers or deciphers all of `input` into the beginning of `output`, which may be the same memory. */
  apply(input: Uint8Array, output: Uint8Array): void {
    const state = this.#state;
    let i = this.#i;
    let j = this.#j;
    // The fallbacks never happen: every index is below 256 or below the length.
    for (let n = 0; n < input.length; n++) {
      i = (i + 1) & 255;
      const a = state[i] ?? 0;
      j = (j + a) & 255;
      const b = state[j] ?? 0;
      state[i] = b;
      state[j] = a;
      output[n] = (input[n] ?? 0) ^ (state[(a + b) & 255] ?? 0);
    }
    this.#i = i;
    this.#j = j;
  }

  /** Throws away the next `count` bytes of the key stream. */
  skip(count: number): this {
    const nothing = new Uint8Array(count);
    this.apply(nothing, nothing);
    return this;
  }
}
