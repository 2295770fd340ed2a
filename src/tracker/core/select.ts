/** Which peers an asker is told, and under which addresses: those that *it* can reach. */
import type { Random } from "../../protocol/ambient.ts";
import { ipScope } from "../../protocol/ip-address.ts";
import type { Endpoints } from "./endpoints.ts";
import type { PeerList } from "./peer-list.ts";
import { ID_LENGTH, type Swarm } from "./swarm.ts";

/** An address of this machine, and a port. */
export interface OwnEndpoint {
  /** 4 or 16 bytes. */
  readonly ip: Uint8Array;
  readonly port: number;
}

export interface Selection {
  readonly swarm: Swarm;
  /** The asker's slot, which it is never told; -1 when it has none. */
  readonly asker: number;
  /** Where the asker's announce came from: 4 or 16 bytes. */
  readonly address: Uint8Array;
  /** The asker has everything: other seeders are of no use to it. */
  readonly seeder: boolean;
  readonly wanted: number;
  /** The address at which the asker reached us: where it finds our own seeder, and whatever else runs here. */
  readonly reachedAs: OwnEndpoint;
  /** The peer id of our own seeder; absent when there is none, or when the asker is it. */
  readonly ownSeeder: Uint8Array | undefined;
}

/**
 * A peer that is passed over (the asker itself; out of its reach) costs a draw, so more are drawn than are wanted;
 * the bound keeps an announce cheap in a swarm where nearly all are passed over.
 */
function drawsFor(wanted: number): number {
  return 4 * wanted + 64;
}

/**
 * Fills `list`: our own seeder first, then peers of the asker's address family at random, then of the other family as far as there
 * is room: many machines have both, and a failed connection costs less than a swarm in two halves.
 */
export function selectPeers(selection: Selection, random: Random, list: PeerList): void {
  const { swarm, wanted, reachedAs, ownSeeder, seeder, address } = selection;
  list.reset(wanted);
  if (ownSeeder !== undefined && !seeder)
    list.add(reachedAs.ip.length, reachedAs.ip, 0, reachedAs.port, ownSeeder, 0);
  const families = address.length === 4 ? [swarm.v4, swarm.v6] : [swarm.v6, swarm.v4];
  const asker = scopeOfAsker(address);
  for (const [i, endpoints] of families.entries()) {
    if (list.isFull) break;
    endpoints.sample(random, seeder, drawsFor(wanted), (slot) => {
      // A peer with both addresses is told once, by the first family.
      const told = i > 0 && families[0]?.isListed(slot) === true;
      if (slot !== selection.asker && !told) addReachable(list, swarm, endpoints, slot, asker, reachedAs);
      return !list.isFull;
    });
  }
}

type AskerScope = "loopback" | "linkLocal6" | "elsewhere";

function scopeOfAsker(address: Uint8Array): AskerScope {
  const scope = ipScope(address);
  if (scope === "loopback") return "loopback";
  return scope === "linkLocal" && address.length === 16 ? "linkLocal6" : "elsewhere";
}

function addReachable(
  list: PeerList,
  swarm: Swarm,
  endpoints: Endpoints,
  slot: number,
  asker: AskerScope,
  reachedAs: OwnEndpoint,
): void {
  const scope = endpoints.scope(slot);
  const { addresses, width } = endpoints;
  const port = endpoints.port(slot);
  const idAt = slot * ID_LENGTH;
  // Who announced over loopback runs on this machine: elsewhere it is found where we are found.
  if (scope === "loopback" && asker !== "loopback")
    list.add(reachedAs.ip.length, reachedAs.ip, 0, port, swarm.ids, idAt);
  // A link-local IPv6 address means nothing without the link; only somebody who came over one may be on the same.
  else if (scope !== "linkLocal" || width === 4 || asker === "linkLocal6")
    list.add(width, addresses, slot * width, port, swarm.ids, idAt);
}
