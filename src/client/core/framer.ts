import { Bitfield } from "../../protocol/bitfield.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { type PieceIndex, pieceIndex } from "../../protocol/ids.ts";
import type { PieceLayout } from "../../protocol/layout.ts";
import { MAX_BLOCK, MessageId, readU32 } from "./messages.ts";

/** The longest message of an extension, and of a kind that we don't know, in bytes: enough for any known one. */
const MAX_OTHER = 262_144;
const FIRST_SCRATCH = 1024;

/** Told each message in the order of arrival, checked against the protocol and the torrent's size. */
export interface MessageSink {
  onChoke(): void;
  onUnchoke(): void;
  onInterested(): void;
  onNotInterested(): void;
  onHave(piece: PieceIndex): void;
  /** `bitfield`, `have all` or `have none`: at most once, and before any other message but those of extensions. */
  onPieces(pieces: Bitfield): void;
  onRequest(piece: PieceIndex, begin: number, length: number): void;
  onCancel(piece: PieceIndex, begin: number, length: number): void;
  onReject(piece: PieceIndex, begin: number, length: number): void;
  onAllowedFast(piece: PieceIndex): void;
  onSuggest(piece: PieceIndex): void;
  /** `data` is valid during the call. */
  onBlock(piece: PieceIndex, begin: number, data: Uint8Array): void;
  /** `payload` is valid during the call. */
  onExtended(id: number, payload: Uint8Array): void;
}

export interface FramerOptions {
  readonly sink: MessageSink;
  readonly layout: PieceLayout;
  /** BEP 6 was agreed: its messages are an error otherwise. */
  readonly fast: boolean;
  /** BEP 10 was agreed: its messages are skipped otherwise. */
  readonly extended: boolean;
  /** The peer's node of the DHT listens there (BEP 5); its message is skipped when nobody wants to know. */
  readonly onPort?: ((port: number) => void) | undefined;
  /** Takes a bitfield that comes later for the `have` messages that it stands for, see `lateBitfields`; not by default. */
  readonly lateBitfields?: boolean;
  /** Skips all messages but those of extensions: the torrent's size is not known yet. Not by default. */
  readonly extensionsOnly?: boolean;
}

/**
 * Cuts the stream after the handshake into messages (BEP 3, "peer messages"). A message that lies whole in what
 * arrived is handed over from there; others are put together in memory that is reused and never exceeds the longest
 * message allowed.
 */
export class Framer {
  readonly #sink: MessageSink;
  readonly #layout: PieceLayout;
  readonly #fast: boolean;
  readonly #extended: boolean;
  readonly #onPort: ((port: number) => void) | undefined;
  readonly #lateBitfields: boolean;
  readonly #extensionsOnly: boolean;
  /** The beginning of a message whose end has not arrived yet, with its length prefix. */
  #scratch = new Uint8Array(FIRST_SCRATCH);
  #held = 0;
  /** Bytes to ignore: the rest of an unknown message. */
  #skip = 0;
  /** Past the point where the peer may say which pieces it has. */
  #begun = false;
  #stopped = false;

  constructor(options: FramerOptions) {
    this.#sink = options.sink;
    this.#layout = options.layout;
    this.#fast = options.fast;
    this.#extended = options.extended;
    this.#onPort = options.onPort;
    this.#lateBitfields = options.lateBitfields ?? false;
    this.#extensionsOnly = options.extensionsOnly ?? false;
  }

  /**
   * Takes the next bytes of the stream, cut anywhere.
   * @throws {ProtocolError} at the first mistake of the peer; nothing may be pushed after that.
   */
  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length && !this.#stopped) {
      if (this.#skip > 0) {
        const ignored = Math.min(this.#skip, bytes.length - at);
        this.#skip -= ignored;
        at += ignored;
      } else if (this.#held > 0 || bytes.length - at < 5) at = this.#collect(bytes, at);
      else at = this.#cut(bytes, at);
    }
  }

  /** Hands over nothing more, even of what a running {@link push} still holds. */
  stop(): void {
    this.#stopped = true;
  }

  /** At the start of a message of which at least 5 bytes are here. @returns how far it came. */
  #cut(bytes: Uint8Array, at: number): number {
    const length = readU32(bytes, at);
    if (length === 0) return at + 4;
    const id = bytes[at + 4] ?? 0;
    if (!this.#isWanted(id, length)) {
      this.#skip = length - 1;
      return at + 5;
    }
    const end = at + 4 + length;
    if (end > bytes.length) return this.#collect(bytes, at);
    this.#dispatch(id, bytes, at + 5, end);
    return end;
  }

  /** Puts a message together whose bytes come in parts. @returns how far it came. */
  #collect(bytes: Uint8Array, start: number): number {
    let at = start;
    while (this.#held < 5 && at < bytes.length) {
      this.#scratch[this.#held++] = bytes[at++] ?? 0;
      if (this.#held === 4 && !this.#isLengthFine()) return at;
    }
    if (this.#held < 5) return at;
    const length = readU32(this.#scratch, 0);
    const id = this.#scratch[4] ?? 0;
    if (this.#held === 5 && !this.#isWanted(id, length)) {
      this.#held = 0;
      this.#skip = length - 1;
      return at;
    }
    const whole = 4 + length;
    this.#reserve(whole);
    const taken = Math.min(whole - this.#held, bytes.length - at);
    this.#scratch.set(bytes.subarray(at, at + taken), this.#held);
    this.#held += taken;
    if (this.#held === whole) {
      this.#held = 0;
      this.#dispatch(id, this.#scratch, 5, whole);
    }
    return at + taken;
  }

  /** Looks at a length as soon as it is here. @returns false for a keep-alive, which is over. */
  #isLengthFine(): boolean {
    const length = readU32(this.#scratch, 0);
    if (length > Math.max(MAX_OTHER, 1 + Math.ceil(this.#layout.pieceCount / 8))) {
      throw new ProtocolError(`the peer announced a message of ${length} bytes`);
    }
    if (length === 0) this.#held = 0;
    return length > 0;
  }

  /**
   * Checks the length of message `id` before a byte of it is kept.
   * @returns false when it is to be skipped.
   */
  #isWanted(id: number, length: number): boolean {
    if (this.#extensionsOnly) return this.#isExtended(id, length);
    switch (id) {
      case MessageId.choke:
      case MessageId.unchoke:
      case MessageId.interested:
      case MessageId.notInterested:
        return expectLength(id, length, 1);
      case MessageId.have:
        return expectLength(id, length, 5);
      case MessageId.bitfield:
        return expectLength(id, length, 1 + Math.ceil(this.#layout.pieceCount / 8));
      case MessageId.request:
      case MessageId.cancel:
        return expectLength(id, length, 13);
      case MessageId.port:
        return this.#onPort !== undefined && expectLength(id, length, 3);
      case MessageId.piece:
        if (length > 9 && length <= 9 + MAX_BLOCK) return true;
        throw new ProtocolError(`the peer sent a block of ${length - 9} bytes`);
      case MessageId.haveAll:
      case MessageId.haveNone:
        this.#requireFast(id);
        return expectLength(id, length, 1);
      case MessageId.suggest:
      case MessageId.allowedFast:
        this.#requireFast(id);
        return expectLength(id, length, 5);
      case MessageId.reject:
        this.#requireFast(id);
        return expectLength(id, length, 13);
      default:
        return this.#isExtended(id, length);
    }
  }

  #isExtended(id: number, length: number): boolean {
    if (length > MAX_OTHER) throw new ProtocolError(`the peer sent a message ${id} of ${length} bytes`);
    if (id !== MessageId.extended || !this.#extended) return false;
    if (length < 2) throw new ProtocolError("the peer sent an extended message without an id");
    return true;
  }

  #requireFast(id: number): void {
    if (!this.#fast) throw new ProtocolError(`the peer sent message ${id} of the fast extension unasked`);
  }

  /** Hands over a whole message; `from` is the byte after its id. */
  #dispatch(id: number, bytes: Uint8Array, from: number, end: number): void {
    if (id === MessageId.piece) {
      this.#begun = true;
      const piece = this.#piece(bytes, from);
      const begin = readU32(bytes, from + 4);
      this.#checkRange(piece, begin, end - from - 8);
      this.#sink.onBlock(piece, begin, bytes.subarray(from + 8, end));
    } else if (id === MessageId.extended) {
      this.#sink.onExtended(bytes[from] ?? 0, bytes.subarray(from + 1, end));
    } else if (id === MessageId.port) {
      // Some send it before they say which pieces they have.
      this.#onPort?.(((bytes[from] ?? 0) << 8) | (bytes[from + 1] ?? 0));
    } else if (id === MessageId.bitfield || id === MessageId.haveAll || id === MessageId.haveNone) {
      this.#pieces(id, bytes.subarray(from, end));
    } else {
      this.#begun = true;
      this.#dispatchSmall(id, bytes, from);
    }
  }

  #pieces(id: number, packed: Uint8Array): void {
    const count = this.#layout.pieceCount;
    if (this.#begun) {
      if (id !== MessageId.bitfield || !this.#lateBitfields) {
        throw new ProtocolError(`the peer sent message ${id}, which is only allowed at the start`);
      }
      for (const piece of Bitfield.from(packed, count)) this.#sink.onHave(pieceIndex(piece));
      return;
    }
    this.#begun = true;
    if (id === MessageId.bitfield) this.#sink.onPieces(Bitfield.from(packed, count));
    else if (id === MessageId.haveAll) this.#sink.onPieces(Bitfield.full(count));
    else this.#sink.onPieces(new Bitfield(count));
  }

  #dispatchSmall(id: number, bytes: Uint8Array, from: number): void {
    const sink = this.#sink;
    switch (id) {
      case MessageId.choke:
        return sink.onChoke();
      case MessageId.unchoke:
        return sink.onUnchoke();
      case MessageId.interested:
        return sink.onInterested();
      case MessageId.notInterested:
        return sink.onNotInterested();
      case MessageId.have:
        return sink.onHave(this.#piece(bytes, from));
      case MessageId.suggest:
        return sink.onSuggest(this.#piece(bytes, from));
      case MessageId.allowedFast:
        return sink.onAllowedFast(this.#piece(bytes, from));
      default: {
        const piece = this.#piece(bytes, from);
        const begin = readU32(bytes, from + 4);
        const length = readU32(bytes, from + 8);
        this.#checkRange(piece, begin, length);
        if (id === MessageId.request) sink.onRequest(piece, begin, length);
        else if (id === MessageId.cancel) sink.onCancel(piece, begin, length);
        else sink.onReject(piece, begin, length);
      }
    }
  }

  #piece(bytes: Uint8Array, at: number): PieceIndex {
    const piece = readU32(bytes, at);
    if (piece < this.#layout.pieceCount) return pieceIndex(piece);
    throw new ProtocolError(`the peer spoke of piece ${piece} of ${this.#layout.pieceCount}`);
  }

  #checkRange(piece: PieceIndex, begin: number, length: number): void {
    if (length > 0 && length <= MAX_BLOCK && begin + length <= this.#layout.pieceSize(piece)) return;
    throw new ProtocolError(`the peer spoke of ${length} bytes at ${begin} in piece ${piece}`);
  }

  #reserve(size: number): void {
    if (size <= this.#scratch.length) return;
    const larger = new Uint8Array(size);
    larger.set(this.#scratch.subarray(0, this.#held));
    this.#scratch = larger;
  }
}

function expectLength(id: number, length: number, expected: number): true {
  if (length === expected) return true;
  throw new ProtocolError(`the peer sent a message ${id} of ${length} bytes instead of ${expected}`);
}
