import type { DualDht } from "../../client/discovery/dual-dht.ts";
import { systemClock } from "../../platform/clock.ts";
import { type DatagramPort, listenDatagrams } from "../../platform/datagrams.ts";
import { ownAddressFinder } from "../../platform/own-address.ts";
import { systemRandom } from "../../platform/random.ts";
import { formatIp, ipScope } from "../../protocol/ip-address.ts";
import type { TrackerStore } from "../../tracker/core/store.ts";
import { createTrackerUdp } from "../../tracker/udp.ts";

export interface UdpTrackerOptions {
  readonly store: TrackerStore;
  /** The TCP port's number. */
  readonly port: number;
  readonly bind: readonly string[];
  /** Its datagrams come in here, too. */
  readonly dht?: DualDht | undefined;
  /** Hosts as in our URLs, the best first: what is not an IP literal is passed over. */
  readonly hosts: readonly string[];
}

/** Opens the tracker over UDP, beside the one over HTTP. @throws {ListenError} */
export async function openUdpTracker({
  store,
  port,
  bind,
  hosts,
  dht,
}: UdpTrackerOptions): Promise<DatagramPort> {
  const answer = createTrackerUdp({ store, clock: systemClock, random: systemRandom });
  const preferred = hosts.map((host) => host.replace(/^\[|\]$/g, ""));
  const towards = ownAddressFinder(preferred, systemClock);
  const opened = await listenDatagrams({ port, bind }, (bytes, { address, port: from, boundTo }) => {
    if (dht?.receive(bytes, formatIp(address), from)) return undefined;
    const isOne = ipScope(boundTo) !== "unspecified";
    const ip = isOne ? boundTo : (towards(address) ?? LOOPBACK);
    return answer(bytes, { address, reachedAs: { ip, port } });
  });
  dht?.start(opened.send);
  return opened;
}

/** A machine that has no address of the sender's family, and yet got a datagram of it: only from itself. */
const LOOPBACK = Uint8Array.of(127, 0, 0, 1);
