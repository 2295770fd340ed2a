/** Tries whether an address and port take connections and answer datagrams, from a socket of their own. */
import { setTimeout as sleep } from "node:timers/promises";
import { connectFirst } from "./connect.ts";
import { datagramDialer } from "./datagram-channel.ts";
import { anySource } from "./source-address.ts";

export interface Knock {
  /** An IP literal, with its zone when it is link-local IPv6. */
  readonly host: string;
  readonly port: number;
  /** Milliseconds. */
  readonly timeout: number;
}

/**
 * Connects, and hangs up.
 * @throws {Error} the system's; with the code `ETIMEDOUT` when nobody answered in time; the reason of `signal`.
 */
export async function knockTcp({ host, port, timeout }: Knock, signal: AbortSignal): Promise<void> {
  const late = AbortSignal.timeout(timeout);
  try {
    const socket = await connectFirst({ addresses: [host], port }, AbortSignal.any([signal, late]));
    socket.destroy();
  } catch (error) {
    throw late.aborted && !signal.aborted ? timedOut(host, port) : error;
  }
}

/** A datagram may get lost. */
const TRIES = 3;

/** Sends `request` and waits for any answer. @throws as {@link knockTcp} */
export async function knockUdp(
  { host, port, timeout }: Knock,
  request: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  const channel = await datagramDialer(anySource)(host, port);
  const over = new AbortController();
  const until = AbortSignal.any([signal, over.signal]);
  try {
    await new Promise<void>((resolve, reject) => {
      channel.listen({ message: () => resolve(), error: reject });
      const send = async () => {
        for (let tries = 0; tries < TRIES; tries++) {
          channel.send(request);
          await sleep(timeout / TRIES, undefined, { signal: until });
        }
        throw timedOut(host, port);
      };
      send().catch(reject);
    });
  } finally {
    over.abort();
    channel.close();
  }
}

function timedOut(host: string, port: number): Error {
  return Object.assign(new Error(`${host} port ${port} doesn't answer`), { code: "ETIMEDOUT" });
}
