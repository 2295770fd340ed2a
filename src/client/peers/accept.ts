import type { Transport } from "../../platform/transport.ts";
import type { Clock, Millis } from "../../protocol/ambient.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { type Handshake, HandshakeReader } from "../core/handshake.ts";
import { PeerTimeoutError } from "./peer-errors.ts";

const HANDSHAKE_TIMEOUT: Millis = 10_000;

/** A peer that came to us and has said which torrent it wants. */
export interface IncomingPeer {
  /** Paused, until a `Wire` is started on it. */
  readonly transport: Transport;
  readonly handshake: Handshake;
  /** What it sent after its handshake. */
  readonly rest: Uint8Array;
}

export interface AcceptOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  /** Start a `Wire` on it, or destroy its transport. */
  accepted(peer: IncomingPeer): void;
  /** The transport is closed; `reason` is absent when the peer simply left. */
  refused(reason?: Error): void;
}

/**
 * Reads the handshake of a peer that connected to us: which torrent it wants must be known before it has an owner.
 * Exactly one of the two callbacks is called, once, after 10 s at the latest.
 * @returns ends the wait: the transport is closed, and `refused` was called when it returns
 */
export function acceptHandshake(options: AcceptOptions): () => void {
  const { transport, clock } = options;
  const reader = new HandshakeReader();
  let waiting = true;
  const refuse = (reason?: Error) => {
    if (!waiting) return;
    waiting = false;
    timer.cancel();
    transport.destroy();
    options.refused(reason);
  };
  const timer = clock.after(HANDSHAKE_TIMEOUT, () =>
    refuse(new PeerTimeoutError("the peer sent no handshake")),
  );
  const read = (bytes: Uint8Array): IncomingPeer | undefined => {
    const taken = reader.push(bytes);
    const { handshake } = reader;
    // A copy: what arrives lies in memory that is used again, and a Buffer's `slice` makes none.
    return handshake && { transport, handshake, rest: new Uint8Array(bytes.subarray(taken)) };
  };
  transport.attach({
    onData(bytes) {
      if (!waiting) return;
      let peer: IncomingPeer | undefined;
      try {
        peer = read(bytes);
      } catch (error) {
        refuse(error instanceof Error ? error : new ProtocolError(String(error)));
      }
      if (peer === undefined) return;
      waiting = false;
      timer.cancel();
      // Nothing more arrives until the peer has an owner.
      transport.pause();
      options.accepted(peer);
    },
    onDrain() {},
    onClose: refuse,
  });
  return () => refuse(new ProtocolError("another peer needs the place"));
}
