import type { PeerAddress, Transport, TransportHandler } from "../../src/platform/transport.ts";

/** A connection whose first bytes were looked at, as the one port does it; they are delivered all the same. */
class PeekedTransport implements Transport {
  readonly remote: PeerAddress;
  readonly #inner: Transport;
  readonly #first: Uint8Array;
  #handler: TransportHandler | undefined;

  constructor(inner: Transport, first: Uint8Array) {
    this.#inner = inner;
    this.#first = first;
    this.remote = inner.remote;
  }

  get bufferedBytes(): number {
    return this.#inner.bufferedBytes;
  }

  attach(handler: TransportHandler): void {
    const isFirst = this.#handler === undefined;
    this.#handler = handler;
    if (!isFirst) return;
    this.#inner.attach({
      onData: (bytes) => this.#handler?.onData(bytes),
      onDrain: () => this.#handler?.onDrain(),
      onClose: (error) => this.#handler?.onClose(error),
    });
    queueMicrotask(() => {
      this.#handler?.onData(this.#first);
      this.#inner.resume();
    });
  }

  write(bytes: Uint8Array, done?: () => void): boolean {
    return this.#inner.write(bytes, done);
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
}

/** Calls `accept` when the first bytes are there, with whether they begin a plain peer handshake. */
export function peek(transport: Transport, accept: (peeked: Transport, isPlain: boolean) => void): void {
  let isDecided = false;
  transport.attach({
    onData(bytes) {
      if (isDecided) return;
      isDecided = true;
      transport.pause();
      accept(new PeekedTransport(transport, bytes.slice()), bytes[0] === 19);
    },
    onDrain() {},
    onClose() {},
  });
}
