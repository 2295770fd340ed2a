import type { PeerAddress, Transport } from "../platform/transport.ts";
import { parseIp } from "../protocol/ip-address.ts";
import { peerPriority } from "./core/peer-priority.ts";

/** What connections say about the addresses by which others know us, and what follows for whom we talk to (BEP 40). */
export class OwnAddresses {
  readonly #port: number;
  /** The last one seen of each family, by its length in bytes: machines have more than one, and any is good enough. */
  readonly #hosts = new Map<number, string>();

  /** @param port where we listen; 0 when we don't. */
  constructor(port: number) {
    this.#port = port;
  }

  /** @returns whether it's news. */
  learn({ localHost }: Transport): boolean {
    const family = localHost === undefined ? undefined : parseIp(localHost)?.length;
    if (localHost === undefined || family === undefined || this.#hosts.has(family)) return false;
    this.#hosts.set(family, localHost);
    return true;
  }

  /** The canonical priority of a connection with whoever listens at `address`; undefined while we don't know ours. */
  rank(address: PeerAddress): number | undefined {
    const own = this.#hosts.get(parseIp(address.host)?.length ?? 0);
    return own === undefined ? undefined : peerPriority({ host: own, port: this.#port }, address);
  }
}
