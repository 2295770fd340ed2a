import { systemClock } from "../platform/clock.ts";
import { type DatagramPort, listenDatagrams } from "../platform/datagrams.ts";
import { ownAddressFinder } from "../platform/own-address.ts";
import { systemRandom } from "../platform/random.ts";
import { ipScope } from "../protocol/ip-address.ts";
import type { TrackerStore } from "../tracker/core/store.ts";
import { createTrackerUdp } from "../tracker/udp.ts";

export interface UdpTrackerOptions {
  readonly store: TrackerStore;
  /** The TCP port's number. */
  readonly port: number;
  readonly bind: readonly string[];
  /** Hosts as in our URLs, the best first: what is not an IP literal is passed over. */
  readonly hosts: readonly string[];
}

/** Opens the tracker over UDP, beside the one over HTTP. @throws {ListenError} */
export function openUdpTracker({ store, port, bind, hosts }: UdpTrackerOptions): Promise<DatagramPort> {
  const answer = createTrackerUdp({ store, clock: systemClock, random: systemRandom });
  const preferred = hosts.map((host) => host.replace(/^\[|\]$/g, ""));
  const towards = ownAddressFinder(preferred, systemClock);
  return listenDatagrams({ port, bind }, (bytes, { address, boundTo }) => {
    const isOne = ipScope(boundTo) !== "unspecified";
    const ip = isOne ? boundTo : (towards(address) ?? LOOPBACK);
    return answer(bytes, { address, reachedAs: { ip, port } });
  });
}

/** A machine that has no address of the sender's family, and yet got a datagram of it: only from itself. */
const LOOPBACK = Uint8Array.of(127, 0, 0, 1);
