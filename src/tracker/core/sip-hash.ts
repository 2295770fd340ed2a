/**
 * SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed hash for short messages whose output tells nothing of the key.
 * Its 64-bit words are pairs of 32-bit numbers here, since BigInt would cost fifty times as much.
 */
export class SipHash {
  /** v0 to v3, high and low half of each in turn. */
  readonly #v = new Int32Array(8);
  readonly #key: Int32Array;

  /** @param key 16 bytes. */
  constructor(key: Uint8Array) {
    this.#key = Int32Array.of(word(key, 4), word(key, 0), word(key, 12), word(key, 8));
  }

  /** Writes the 8 bytes of the hash of `message` to `out` at `at`, as the paper orders them. */
  hash(message: Uint8Array, out: Uint8Array, at: number): void {
    const v = this.#v;
    for (let i = 0; i < 8; i++) v[i] = half(INITIAL, i) ^ half(this.#key, i & 3);
    const { length } = message;
    let read = 0;
    for (; read + 8 <= length; read += 8) this.#take(word(message, read + 4), word(message, read));
    let low = 0;
    let high = length << 24;
    for (let i = 0; read + i < length; i++) {
      const bits = byte(message, read + i) << (8 * (i & 3));
      if (i < 4) low |= bits;
      else high |= bits;
    }
    this.#take(high, low);
    v[5] = half(v, 5) ^ 0xff;
    rounds(v, 4);
    putWord(out, at, half(v, 1) ^ half(v, 3) ^ half(v, 5) ^ half(v, 7));
    putWord(out, at + 4, half(v, 0) ^ half(v, 2) ^ half(v, 4) ^ half(v, 6));
  }

  #take(high: number, low: number): void {
    const v = this.#v;
    v[6] = half(v, 6) ^ high;
    v[7] = half(v, 7) ^ low;
    rounds(v, 2);
    v[0] = half(v, 0) ^ high;
    v[1] = half(v, 1) ^ low;
  }
}

/** "somepseudorandomlygeneratedbytes". */
const INITIAL = Int32Array.of(
  0x736f6d65,
  0x70736575,
  0x646f7261,
  0x6e646f6d,
  0x6c796765,
  0x6e657261,
  0x74656462,
  0x79746573,
);

/** The state in local variables, or each step would be two reads and a write of memory. */
function rounds(v: Int32Array, count: number): void {
  let h0 = half(v, 0);
  let l0 = half(v, 1);
  let h1 = half(v, 2);
  let l1 = half(v, 3);
  let h2 = half(v, 4);
  let l2 = half(v, 5);
  let h3 = half(v, 6);
  let l3 = half(v, 7);
  for (let i = 0; i < count; i++) {
    // v0 += v1, v1 <<<= 13, v1 ^= v0, v0 <<<= 32
    let sum = (l0 >>> 0) + (l1 >>> 0);
    h0 = (h0 + h1 + (sum > 0xffffffff ? 1 : 0)) | 0;
    l0 = sum | 0;
    let turned = (h1 << 13) | (l1 >>> 19);
    l1 = ((l1 << 13) | (h1 >>> 19)) ^ l0;
    h1 = turned ^ h0;
    turned = h0;
    h0 = l0;
    l0 = turned;
    // v2 += v3, v3 <<<= 16, v3 ^= v2
    sum = (l2 >>> 0) + (l3 >>> 0);
    h2 = (h2 + h3 + (sum > 0xffffffff ? 1 : 0)) | 0;
    l2 = sum | 0;
    turned = (h3 << 16) | (l3 >>> 16);
    l3 = ((l3 << 16) | (h3 >>> 16)) ^ l2;
    h3 = turned ^ h2;
    // v0 += v3, v3 <<<= 21, v3 ^= v0
    sum = (l0 >>> 0) + (l3 >>> 0);
    h0 = (h0 + h3 + (sum > 0xffffffff ? 1 : 0)) | 0;
    l0 = sum | 0;
    turned = (h3 << 21) | (l3 >>> 11);
    l3 = ((l3 << 21) | (h3 >>> 11)) ^ l0;
    h3 = turned ^ h0;
    // v2 += v1, v1 <<<= 17, v1 ^= v2, v2 <<<= 32
    sum = (l2 >>> 0) + (l1 >>> 0);
    h2 = (h2 + h1 + (sum > 0xffffffff ? 1 : 0)) | 0;
    l2 = sum | 0;
    turned = (h1 << 17) | (l1 >>> 15);
    l1 = ((l1 << 17) | (h1 >>> 15)) ^ l2;
    h1 = turned ^ h2;
    turned = h2;
    h2 = l2;
    l2 = turned;
  }
  v[0] = h0;
  v[1] = l0;
  v[2] = h1;
  v[3] = l1;
  v[4] = h2;
  v[5] = l2;
  v[6] = h3;
  v[7] = l3;
}

// Both are only asked for what is there.
function half(words: Int32Array, at: number): number {
  return words[at] ?? 0;
}

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}

/** Little-endian, as SipHash has it. */
function word(bytes: Uint8Array, at: number): number {
  return (
    byte(bytes, at) | (byte(bytes, at + 1) << 8) | (byte(bytes, at + 2) << 16) | (byte(bytes, at + 3) << 24)
  );
}

function putWord(bytes: Uint8Array, at: number, value: number): void {
  for (let i = 0; i < 4; i++) bytes[at + i] = value >>> (8 * i);
}
