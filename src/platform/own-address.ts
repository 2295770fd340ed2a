/** Which of this machine's addresses somebody reaches us by, where the system doesn't say. */
import { networkInterfaces } from "node:os";
import type { Clock, Millis } from "../protocol/ambient.ts";
import { ipScope, parseIp } from "../protocol/ip-address.ts";

export interface OwnAddress {
  /** 4 or 16 bytes. */
  readonly ip: Uint8Array;
  /** Bits of the network's part. */
  readonly prefix: number;
}

/** Interfaces come and go, but asking for them costs more than all else about a datagram. */
const LOOK_AGAIN: Millis = 5_000;

/**
 * The address of ours on the sender's network, else the first of its family; loopback for loopback. Undefined when
 * there is none. `own` is in order of preference.
 */
export function addressTowards(sender: Uint8Array, own: readonly OwnAddress[]): Uint8Array | undefined {
  if (ipScope(sender) === "loopback") return sender;
  let first: Uint8Array | undefined;
  for (const { ip, prefix } of own) {
    if (ip.length !== sender.length) continue;
    if (isWithin(sender, ip, prefix)) return ip;
    // A link-local address leads nowhere from another network.
    if (ipScope(ip) !== "linkLocal" && ipScope(ip) !== "loopback") first ??= ip;
  }
  return first;
}

/** {@link addressTowards} with the addresses that the machine has now; `preferred` ones (IP literals) go first. */
export function ownAddressFinder(
  preferred: readonly string[],
  clock: Clock,
): (sender: Uint8Array) => Uint8Array | undefined {
  let own: readonly OwnAddress[] = [];
  let lookAt: Millis = Number.NEGATIVE_INFINITY;
  return (sender) => {
    if (clock.now() >= lookAt) {
      own = ownAddresses(preferred);
      lookAt = clock.now() + LOOK_AGAIN;
    }
    return addressTowards(sender, own);
  };
}

function ownAddresses(preferred: readonly string[]): OwnAddress[] {
  const rank = ({ address }: { readonly address: string }) => {
    const at = preferred.indexOf(address);
    return at < 0 ? preferred.length : at;
  };
  return Object.values(networkInterfaces())
    .flatMap((infos) => infos ?? [])
    .sort((a, b) => rank(a) - rank(b))
    .flatMap(({ address, cidr }) => {
      const ip = parseIp(address);
      return ip === undefined ? [] : [{ ip, prefix: Number(cidr?.split("/")[1] ?? ip.length * 8) }];
    });
}

/** Whether the first `prefix` bits of both are the same. */
export function isWithin(address: Uint8Array, network: Uint8Array, prefix: number): boolean {
  for (let bit = 0; bit < prefix; bit += 8) {
    const mask = 0xff << Math.max(0, 8 - (prefix - bit));
    if ((((address[bit >> 3] ?? 0) ^ (network[bit >> 3] ?? 0)) & mask & 0xff) !== 0) return false;
  }
  return true;
}
