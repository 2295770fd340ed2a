/** One question to a gateway over UDP, repeated until it is answered. */
import type { DialDatagrams } from "../platform/datagram-channel.ts";
import type { Clock, Millis, Timer } from "../protocol/ambient.ts";
import { GATEWAY_PORT } from "./core/nat-pmp.ts";

/** RFC 6886, 3.1: 250 ms, and twice as long each time; nine times would be a minute, and a gateway is a neighbour. */
const FIRST_WAIT: Millis = 250;
const TRIES = 3;

export interface Asking {
  readonly dial: DialDatagrams;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * @param read what an answer says; undefined: it is none
 * @returns undefined when no answer came.
 */
export async function ask<T>(
  gateway: string,
  request: Uint8Array,
  read: (bytes: Uint8Array) => T | undefined,
  { dial, clock, signal }: Asking,
): Promise<T | undefined> {
  const channel = await dial(gateway, GATEWAY_PORT).catch(() => undefined);
  if (channel === undefined) return undefined;
  let timer: Timer | undefined;
  let giveUp = () => {};
  try {
    return await new Promise<T | undefined>((resolve) => {
      giveUp = () => resolve(undefined);
      if (signal.aborted) giveUp();
      signal.addEventListener("abort", giveUp, { once: true });
      channel.listen({
        message: (bytes) => {
          const answer = read(bytes);
          if (answer !== undefined) resolve(answer);
        },
        // Nobody listens there.
        error: giveUp,
      });
      let tries = 0;
      const send = () => {
        if (tries === TRIES) return giveUp();
        channel.send(request);
        timer = clock.after(FIRST_WAIT * 2 ** tries++, send);
      };
      send();
    });
  } finally {
    signal.removeEventListener("abort", giveUp);
    timer?.cancel();
    channel.listen(undefined);
    channel.close();
  }
}
