/** Whom the publisher calls by itself: receivers that told its tracker of themselves and then didn't come. */
import type { PeerAddress } from "../../platform/transport.ts";
import type { Millis } from "../../protocol/ambient.ts";
import { toHex } from "../../protocol/bytes.ts";

/** What the tracker knows of a receiver. */
export interface AnnouncedReceiver extends PeerAddress {
  /** 20 bytes. */
  readonly peerId: Uint8Array;
  /** 0 to 1. */
  readonly progress: number;
}

/** Both calling at once makes two connections, of which one must go: whoever can come has come by then, */
const GRACE: Millis = 3_000;
/** or has come again. */
const GRACE_AFTER_LOSS: Millis = 15_000;
/** In a larger swarm whoever can't reach us is served by the others. */
const MAX_RECEIVERS = 1_000;

interface Receiver {
  readonly address: PeerAddress;
  /** When to call it; undefined when it is here, or has been called. */
  dueAt: Millis | undefined;
}

/**
 * Not every receiver finds the publisher. rtorrent keeps one peer of each address: where others run, or ran, on the
 * publisher's machine, it may pick one of those and not try another for ten minutes. Others sit behind something that
 * lets connections through one way only. So who announces itself, is not complete and is not connected a moment later
 * is called.
 */
export class ReturnCalls {
  readonly #receivers = new Map<string, Receiver>();
  readonly #here = new Set<string>();

  /** It announced itself to our tracker. */
  announced({ peerId, host, port, progress }: AnnouncedReceiver, now: Millis): void {
    const key = toHex(peerId);
    if (port === 0 || progress >= 1 || this.#receivers.size >= MAX_RECEIVERS) return;
    this.#receivers.set(key, {
      address: { host, port },
      dueAt: this.#here.has(key) ? undefined : now + GRACE,
    });
  }

  /** It has called our seeder. @returns where it need not be called any more */
  arrived(peerId: Uint8Array): PeerAddress | undefined {
    const key = toHex(peerId);
    this.#here.add(key);
    const receiver = this.#receivers.get(key);
    if (receiver === undefined) return undefined;
    receiver.dueAt = undefined;
    return receiver.address;
  }

  /** The connection that it made ended. */
  lost(peerId: Uint8Array, now: Millis): void {
    const key = toHex(peerId);
    this.#here.delete(key);
    const receiver = this.#receivers.get(key);
    if (receiver !== undefined) receiver.dueAt = now + GRACE_AFTER_LOSS;
  }

  /** It has everything, or told the tracker that it leaves. @returns where it need not be called any more */
  done(peerId: Uint8Array): PeerAddress | undefined {
    const key = toHex(peerId);
    const receiver = this.#receivers.get(key);
    this.#receivers.delete(key);
    return receiver?.address;
  }

  /** Whom to call now; whoever does it tries again as often as it makes sense. */
  due(now: Millis): PeerAddress[] {
    const addresses: PeerAddress[] = [];
    for (const receiver of this.#receivers.values()) {
      if (receiver.dueAt === undefined || now < receiver.dueAt) continue;
      receiver.dueAt = undefined;
      addresses.push(receiver.address);
    }
    return addresses;
  }
}
