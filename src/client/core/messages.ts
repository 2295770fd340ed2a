/** The messages that peers exchange after their handshakes, as bytes (BEP 3 "peer messages", BEP 6, BEP 10). */

/** The byte after the length prefix. */
export const MessageId = {
  choke: 0,
  unchoke: 1,
  interested: 2,
  notInterested: 3,
  have: 4,
  bitfield: 5,
  request: 6,
  piece: 7,
  cancel: 8,
  /** BEP 5. */
  port: 9,
  /** BEP 6, as are the next four. */
  suggest: 13,
  haveAll: 14,
  haveNone: 15,
  reject: 16,
  allowedFast: 17,
  /** BEP 10. */
  extended: 20,
} as const;

/** Bytes before the block in a `piece` message: length, id, piece index, begin. */
export const PIECE_HEADER = 13;
/** The longest block that a stranger may ask for or send, in bytes. */
export const MAX_BLOCK = 131_072;

const FIRST_SIZE = 512;

/**
 * Collects messages end to end, so that they leave in one write. All integers are big-endian; each message is its
 * length (4 bytes), its id and its payload.
 */
export class MessageWriter {
  #bytes = new Uint8Array(FIRST_SIZE);
  #length = 0;

  /** Bytes collected. */
  get length(): number {
    return this.#length;
  }

  /** What was collected: a view, valid until {@link clear}. */
  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Begins anew, with the same memory unless it has grown far. */
  clear(): void {
    this.#length = 0;
    if (this.#bytes.length > 16 * FIRST_SIZE) this.#bytes = new Uint8Array(FIRST_SIZE);
  }

  /** Bytes that are a message, or several, already; or a handshake. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** A message of length 0, which has no id. */
  keepAlive(): void {
    this.#reserve(4);
    this.#u32(0);
  }

  choke(): void {
    this.#begin(MessageId.choke, 0);
  }

  unchoke(): void {
    this.#begin(MessageId.unchoke, 0);
  }

  interested(): void {
    this.#begin(MessageId.interested, 0);
  }

  notInterested(): void {
    this.#begin(MessageId.notInterested, 0);
  }

  have(piece: number): void {
    this.#begin(MessageId.have, 4);
    this.#u32(piece);
  }

  /** @param packed as in `Bitfield.bytes`. */
  bitfield(packed: Uint8Array): void {
    this.#begin(MessageId.bitfield, packed.length);
    this.raw(packed);
  }

  request(piece: number, begin: number, length: number): void {
    this.#block(MessageId.request, piece, begin, length);
  }

  cancel(piece: number, begin: number, length: number): void {
    this.#block(MessageId.cancel, piece, begin, length);
  }

  /** Where our node of the DHT is, on the very address that sends this. */
  port(port: number): void {
    this.#begin(MessageId.port, 2);
    this.#bytes[this.#length++] = port >> 8;
    this.#bytes[this.#length++] = port & 0xff;
  }

  haveAll(): void {
    this.#begin(MessageId.haveAll, 0);
  }

  haveNone(): void {
    this.#begin(MessageId.haveNone, 0);
  }

  suggest(piece: number): void {
    this.#begin(MessageId.suggest, 4);
    this.#u32(piece);
  }

  reject(piece: number, begin: number, length: number): void {
    this.#block(MessageId.reject, piece, begin, length);
  }

  allowedFast(piece: number): void {
    this.#begin(MessageId.allowedFast, 4);
    this.#u32(piece);
  }

  /** @param id 0 for the extension handshake, else the id in the receiver's `m` (BEP 10). */
  extended(id: number, payload: Uint8Array): void {
    this.#begin(MessageId.extended, 1 + payload.length);
    this.#bytes[this.#length++] = id;
    this.raw(payload);
  }

  #block(id: number, piece: number, begin: number, length: number): void {
    this.#begin(id, 12);
    this.#u32(piece);
    this.#u32(begin);
    this.#u32(length);
  }

  /** Writes length and id, and makes room for `payload` bytes. */
  #begin(id: number, payload: number): void {
    this.#reserve(5 + payload);
    this.#u32(1 + payload);
    this.#bytes[this.#length++] = id;
  }

  #u32(value: number): void {
    writeU32(this.#bytes, this.#length, value);
    this.#length += 4;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    larger.set(this.written);
    this.#bytes = larger;
  }
}

/**
 * Writes the {@link PIECE_HEADER} bytes that go before a block of `length` bytes (BEP 3, "piece"), so that the block
 * can be read from disk right behind them.
 */
export function writePieceHeader(
  target: Uint8Array,
  at: number,
  block: { readonly piece: number; readonly begin: number; readonly length: number },
): void {
  writeU32(target, at, 9 + block.length);
  target[at + 4] = MessageId.piece;
  writeU32(target, at + 5, block.piece);
  writeU32(target, at + 9, block.begin);
}

/** Many `have` messages, 9 bytes each, in one array owned by the caller: encoded once, sent to every peer. */
export function encodeHaves(pieces: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(9 * pieces.length);
  let at = 0;
  for (const piece of pieces) {
    bytes[at + 3] = 5;
    bytes[at + 4] = MessageId.have;
    writeU32(bytes, at + 5, piece);
    at += 9;
  }
  return bytes;
}

/** Big-endian, unsigned; `at + 4` must not be past the end. */
export function readU32(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] ?? 0) << 24) |
      ((bytes[at + 1] ?? 0) << 16) |
      ((bytes[at + 2] ?? 0) << 8) |
      (bytes[at + 3] ?? 0)) >>>
    0
  );
}

function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}
