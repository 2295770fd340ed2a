/** Builders for tests of peer connections. */

import type {
  BlockRef,
  ExtendedHandshake,
  PeerIdentity,
  WireHandler,
} from "../../src/client/peers/wire-types.ts";
import type { PeerAddress, Transport, TransportHandler } from "../../src/platform/transport.ts";
import type { Bitfield } from "../../src/protocol/bitfield.ts";
import { concatBytes, fromHex, toHex } from "../../src/protocol/bytes.ts";
import { infoHash, type PeerId, peerId } from "../../src/protocol/ids.ts";

export const testInfoHash = infoHash(new Uint8Array(20).fill(0xaa));

export function testPeerId(n: number): PeerId {
  const bytes = new Uint8Array(20).fill(n);
  bytes.set(new TextEncoder().encode("-BJ0100-"));
  return peerId(bytes);
}

/** Hexadecimal with spaces, as messages are written in the BEPs. */
export function hex(text: string): Uint8Array {
  const bytes = fromHex(text.replaceAll(/\s/g, ""));
  if (bytes === undefined) throw new Error(`not hexadecimal: ${text}`);
  return bytes;
}

/** The 68 bytes that a peer sends first; `reserved` are its 8 reserved bytes. */
export function handshakeBytes(
  options: { id?: number; infoHash?: Uint8Array; reserved?: string } = {},
): Uint8Array {
  return hex(
    `13 426974546f7272656e742070726f746f636f6c ${options.reserved ?? "0000000000100004"}
     ${toHex(options.infoHash ?? testInfoHash)} ${toHex(testPeerId(options.id ?? 2))}`,
  );
}

/** The network's end of a connection: remembers what is written, and delivers what a test says. */
export class ScriptedTransport implements Transport {
  readonly remote: PeerAddress = { host: "10.0.0.9", port: 6881 };
  /** Bytes that the network has not taken; grows only when {@link isReading} is false. */
  bufferedBytes = 0;
  isReading = true;
  isPaused = false;
  isDestroyed = false;
  /** How many calls of `write` there were. */
  writes = 0;
  #handler: TransportHandler | undefined;
  #sent: Uint8Array[] = [];
  #waiting: (() => void)[] = [];

  attach(handler: TransportHandler): void {
    this.#handler = handler;
  }

  write(bytes: Uint8Array, done?: () => void): boolean {
    this.writes++;
    if (this.isReading) {
      this.#sent.push(bytes.slice());
      done?.();
      return true;
    }
    this.bufferedBytes += bytes.length;
    if (done !== undefined) this.#waiting.push(done);
    return this.bufferedBytes < 16_384;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  destroy(): void {
    this.isDestroyed = true;
  }

  /** What was written since the last call, in hexadecimal. */
  takeSent(): string {
    const sent = concatBytes(this.#sent);
    this.#sent = [];
    return toHex(sent);
  }

  /** The network takes what waits. */
  drain(): void {
    this.bufferedBytes = 0;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const done of waiting) done();
    this.#handler?.onDrain();
  }

  deliver(bytes: Uint8Array): void {
    this.#handler?.onData(bytes);
  }

  hangUp(error?: Error): void {
    this.#handler?.onClose(error);
  }
}

/** Writes down every call, one line each; override what a test needs. */
export class RecordingHandler implements WireHandler {
  readonly calls: string[] = [];
  closeReason: Error | undefined;
  closes = 0;

  onHandshake(identity: PeerIdentity): void {
    this.calls.push(`handshake fast=${identity.fast} extended=${identity.extended}`);
  }
  onExtendedHandshake(handshake: ExtendedHandshake): void {
    this.calls.push(`extendedHandshake ${handshake.client}`);
  }
  onPieces(pieces: Bitfield): void {
    this.calls.push(`pieces ${pieces.count}/${pieces.length}`);
  }
  onHave(piece: number): void {
    this.calls.push(`have ${piece}`);
  }
  onChoke(): void {
    this.calls.push("choke");
  }
  onUnchoke(): void {
    this.calls.push("unchoke");
  }
  onInterested(): void {
    this.calls.push("interested");
  }
  onNotInterested(): void {
    this.calls.push("notInterested");
  }
  onRequest(block: BlockRef): void {
    this.calls.push(`request ${block.piece} ${block.begin} ${block.length}`);
  }
  onCancel(block: BlockRef): void {
    this.calls.push(`cancel ${block.piece} ${block.begin} ${block.length}`);
  }
  onReject(block: BlockRef): void {
    this.calls.push(`reject ${block.piece} ${block.begin} ${block.length}`);
  }
  onAllowedFast(piece: number): void {
    this.calls.push(`allowedFast ${piece}`);
  }
  onSuggest(piece: number): void {
    this.calls.push(`suggest ${piece}`);
  }
  onBlock(piece: number, begin: number, data: Uint8Array): void {
    this.calls.push(`block ${piece} ${begin} ${toHex(data.subarray(0, 4))} ${data.length}`);
  }
  onExtended(id: number, payload: Uint8Array): void {
    this.calls.push(`extended ${id} ${toHex(payload)}`);
  }
  onDrain(): void {
    this.calls.push("drain");
  }
  onClose(reason?: Error): void {
    this.closes++;
    this.closeReason = reason;
  }

  /** The calls since the last time. */
  take(): string[] {
    return this.calls.splice(0);
  }
}
