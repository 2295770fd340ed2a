/** A byte stream to one peer and the way to get one: what the swarm engine sees of the network. */

import type { PeerAddress } from "../protocol/peer-address.ts";

export type { PeerAddress };

/** What the owner of a transport is told. Set with {@link Transport.attach}. */
export interface TransportHandler {
  /** `bytes` is valid only during the call; whoever keeps any of it copies it. */
  onData(bytes: Uint8Array): void;
  /** After {@link Transport.write} returned false: the peer has taken what was waiting. */
  onDrain(): void;
  /** Exactly once; nothing is called after it. `error` is absent after an orderly end or our own close. */
  onClose(error?: Error): void;
}

export interface Transport {
  readonly remote: PeerAddress;
  /** Our own end, if it has an IP address. */
  readonly localHost?: string | undefined;
  /** Bytes given to `write` that the system has not taken yet. */
  readonly bufferedBytes: number;
  /**
   * Starts delivery, beginning with any bytes that were read before, in a later turn or microtask.
   * A second call hands the transport over: from then on the new handler is told, and the old one nothing.
   */
  attach(handler: TransportHandler): void;
  /**
   * Sends `bytes`, which must not change until `done` is called (also after an error or a close).
   * @returns false when the peer is slower than we are: wait for `onDrain`.
   */
  write(bytes: Uint8Array, done?: () => void): boolean;
  /** Stops reading, so that the sender feels it; for download limits and full piece buffers. */
  pause(): void;
  resume(): void;
  /** Closes at once; `onClose` follows, later in the same turn or in another. */
  destroy(): void;
}

/** Connects to a peer. Rejects on failure, and when `signal` aborts. */
export type Dial = (address: PeerAddress, signal: AbortSignal) => Promise<Transport>;
