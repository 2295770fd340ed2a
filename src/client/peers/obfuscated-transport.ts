import type { PeerAddress, Transport, TransportHandler } from "../../platform/transport.ts";
import { concatBytes } from "../../protocol/bytes.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import type { InfoHash } from "../../protocol/ids.ts";
import type { Agreement, MseHandshake } from "../core/mse.ts";
import type { RunBuffers } from "./run-buffers.ts";

/** Writes of this length and more travel in memory that is used again. */
const WORTH_KEEPING = 4096;
/** As much as one read brings. */
const SCRATCH_BYTES = 131_072;
/** What arrived, deciphered: used up before anything else arrives, on whichever connection. */
let scratch: Uint8Array | undefined;

interface Waiting {
  readonly bytes: Uint8Array;
  readonly done: (() => void) | undefined;
}

/**
 * A connection whose first bytes look like noise (MSE). Whoever uses it begins at once: what is written before both
 * ends agree waits, and nothing is delivered.
 */
export class ObfuscatedTransport implements Transport {
  readonly remote: PeerAddress;
  readonly localHost: string | undefined;
  readonly #inner: Transport;
  readonly #buffers: RunBuffers;
  readonly #handshake: MseHandshake;
  #handler: TransportHandler | undefined;
  #agreed: Agreement | undefined;
  /** Bytes of what comes that are still to be deciphered. */
  #enciphered = 0;
  #waiting: Waiting[] = [];
  #failure: Error | undefined;
  #isClosed = false;

  /** @param handshake makes one, given what must come along in its first message. */
  constructor(
    inner: Transport,
    buffers: RunBuffers,
    handshake: (initialPayload: () => Uint8Array) => MseHandshake,
  ) {
    this.#inner = inner;
    this.remote = inner.remote;
    this.localHost = inner.localHost;
    this.#buffers = buffers;
    this.#handshake = handshake(() => this.#takeWaiting());
    if (this.#handshake.opening !== undefined) inner.write(this.#handshake.opening);
  }

  /** Of the torrent that the other end knows, once both have agreed. */
  get infoHash(): InfoHash | undefined {
    return this.#agreed?.infoHash;
  }

  get bufferedBytes(): number {
    return this.#waiting.reduce((sum, { bytes }) => sum + bytes.length, this.#inner.bufferedBytes);
  }

  attach(handler: TransportHandler): void {
    const isFirst = this.#handler === undefined;
    this.#handler = handler;
    if (!isFirst) return;
    this.#inner.attach({
      onData: (bytes) => this.#receive(bytes),
      onDrain: () => this.#handler?.onDrain(),
      onClose: (error) => {
        this.#isClosed = true;
        for (const { done } of this.#waiting.splice(0)) done?.();
        this.#handler?.onClose(this.#failure ?? error);
      },
    });
  }

  write(bytes: Uint8Array, done?: () => void): boolean {
    if (this.#agreed === undefined && !this.#isClosed) {
      this.#waiting.push({ bytes, done });
      return true;
    }
    const encipher = this.#agreed?.encipher;
    if (encipher === undefined) return this.#inner.write(bytes, done);
    const buffer = bytes.length >= WORTH_KEEPING ? this.#buffers.take() : undefined;
    const fits = buffer !== undefined && buffer.bytes.length >= bytes.length;
    const output = fits ? buffer.bytes.subarray(0, bytes.length) : new Uint8Array(bytes.length);
    encipher.apply(bytes, output);
    return this.#inner.write(output, () => {
      buffer?.release();
      done?.();
    });
  }

  pause(): void {
    this.#inner.pause();
  }

  resume(): void {
    this.#inner.resume();
  }

  destroy(): void {
    this.#inner.destroy();
  }

  #receive(bytes: Uint8Array): void {
    if (this.#failure !== undefined) return;
    if (this.#agreed !== undefined) {
      this.#deliver(this.#agreed, bytes);
      return;
    }
    try {
      const { send, agreed } = this.#handshake.push(bytes);
      if (send !== undefined) this.#inner.write(send);
      if (agreed !== undefined) this.#begin(agreed);
    } catch (error) {
      this.#failure = error instanceof Error ? error : new ProtocolError(String(error));
      this.#inner.destroy();
    }
  }

  #begin(agreed: Agreement): void {
    this.#agreed = agreed;
    this.#enciphered = agreed.enciphered;
    for (const { bytes, done } of this.#waiting.splice(0)) this.write(bytes, done);
    if (agreed.rest.length > 0) this.#deliver(agreed, agreed.rest);
  }

  #deliver({ decipher }: Agreement, bytes: Uint8Array): void {
    const count = Math.min(this.#enciphered, bytes.length);
    if (count === 0) {
      this.#handler?.onData(bytes);
      return;
    }
    this.#enciphered -= count;
    const clear = scratchOf(bytes.length);
    decipher.apply(bytes.subarray(0, count), clear);
    clear.set(bytes.subarray(count), count);
    this.#handler?.onData(clear);
  }

  /** What was written so far, as one piece: it goes along with the handshake. */
  #takeWaiting(): Uint8Array {
    const waiting = this.#waiting.splice(0);
    const payload = concatBytes(waiting.map(({ bytes }) => bytes));
    for (const { done } of waiting) done?.();
    return payload;
  }
}

function scratchOf(length: number): Uint8Array {
  if (length > SCRATCH_BYTES) return new Uint8Array(length);
  scratch ??= new Uint8Array(SCRATCH_BYTES);
  return scratch.subarray(0, length);
}
