/** Who might open a port on this network, and how each is asked. */
import { datagramDialer } from "../platform/datagram-channel.ts";
import { defaultGateway } from "../platform/default-gateway.ts";
import { ownAddressFinder } from "../platform/own-address.ts";
import type { SourceFor } from "../platform/source-address.ts";
import type { Clock, Random } from "../protocol/ambient.ts";
import { formatIp, parseIp } from "../protocol/ip-address.ts";
import { igdOpener, natPmpOpener, type Opener, pcpOpener } from "./openers.ts";
import { findGatewayServices } from "./search.ts";

export interface FindOptions {
  /** What leads to the gateway leaves from there, and what comes in is led there. */
  readonly sourceFor: SourceFor;
  readonly clock: Clock;
  readonly random: Random;
}

const NONCE_LENGTH = 12;
/** Ports that belong to nobody (RFC 6335, 6). */
const FIRST_DYNAMIC_PORT = 49_152;

/**
 * Makes what looks around each time it is called: at the default route's gateway by PCP and NAT-PMP, then, when those who
 * ask still go on, for whatever answers UPnP on that network.
 */
export function openersOf({
  sourceFor,
  clock,
  random,
}: FindOptions): (signal: AbortSignal) => AsyncIterable<Opener> {
  const nonces = { tcp: random.bytes(NONCE_LENGTH), udp: random.bytes(NONCE_LENGTH) };
  const towards = ownAddressFinder([], clock);
  const ownTowards = (gateway: Uint8Array) => {
    try {
      return parseIp(sourceFor(formatIp(gateway)) ?? "") ?? towards(gateway);
    } catch {
      // None of the addresses that we are bound to leads there.
      return undefined;
    }
  };
  return async function* (signal) {
    const gateway = await defaultGateway();
    const own = ownTowards(parseIp(gateway ?? "") ?? ANYWHERE);
    if (own === undefined) return;
    const source = formatIp(own);
    if (gateway !== undefined) {
      const place = { gateway, own, asking: { dial: datagramDialer(() => source), clock } };
      yield pcpOpener(place, nonces);
      yield natPmpOpener(place);
    }
    const otherPort = () => FIRST_DYNAMIC_PORT + Math.floor(random.next() * (65_536 - FIRST_DYNAMIC_PORT));
    for (const service of await findGatewayServices({ source, expected: gateway, clock, signal }))
      yield igdOpener(service, own, otherPort);
  };
}

/** When the system doesn't tell its gateway: the address that it would use for the internet (RFC 5737; nothing is sent there). */
const ANYWHERE = Uint8Array.of(192, 0, 2, 1);
