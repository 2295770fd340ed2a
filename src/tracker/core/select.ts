/** Which peers an asker is told, and under which addresses: those that *it* can reach. */
import type { Random } from "../../protocol/ambient.ts";
import { ipScope } from "../../protocol/ip-address.ts";
import type { Endpoints } from "./endpoints.ts";
import type { PeerList } from "./peer-list.ts";
import { sample } from "./sample.ts";
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
  /** The reply has the peers' ids, too. */
  readonly withIds: boolean;
  /** The address at which the asker reached us: where it finds our own seeder, and whatever else runs here. */
  readonly reachedAs: OwnEndpoint;
  /** The peer id of our own seeder; absent when there is none, or when the asker is it. */
  readonly ownSeeder: Uint8Array | undefined;
}

/**
 * A peer that is passed over (out of the asker's reach) costs a look, so more are looked at than are wanted; the bound
 * keeps an announce cheap in a swarm where nearly all are passed over.
 */
function looksFor(wanted: number): number {
  return 4 * wanted + 64;
}

/**
 * Fills `list`: our own seeder first, then peers of the asker's address family at random, then of the other family as far as there
 * is room: many machines have both, and a failed connection costs less than a swarm in two halves.
 */
export function selectPeers(selection: Selection, random: Random, list: PeerList): void {
  const { swarm, asker, wanted, reachedAs, ownSeeder, seeder, address } = selection;
  list.reset(wanted, selection.withIds);
  if (ownSeeder !== undefined && !seeder) list.add(reachedAs.ip, reachedAs.port, ownSeeder, 0);
  const [first, second] = address.length === 4 ? [swarm.v4, swarm.v6] : [swarm.v6, swarm.v4];
  const scope = scopeOfAsker(address);
  const looks = looksFor(wanted);
  const fill = (endpoints: Endpoints, isTold: (slot: number) => boolean) => {
    if (endpoints.listed === 0) return;
    const sampling = { asker, leechersOnly: seeder, wanted: list.room, looks };
    sample(endpoints, random, sampling, (position) => {
      if (isTold(endpoints.slotAt(position))) return false;
      return addReachable(list, swarm, endpoints, position, scope, reachedAs);
    });
  };
  fill(first, () => false);
  // A peer with both addresses is told once, by the first family.
  fill(second, (slot) => first.isListed(slot));
}

type AskerScope = "loopback" | "linkLocal6" | "elsewhere";

function scopeOfAsker(address: Uint8Array): AskerScope {
  const scope = ipScope(address);
  if (scope === "loopback") return "loopback";
  return scope === "linkLocal" && address.length === 16 ? "linkLocal6" : "elsewhere";
}

/** @returns whether it was told. */
function addReachable(
  list: PeerList,
  swarm: Swarm,
  endpoints: Endpoints,
  position: number,
  asker: AskerScope,
  reachedAs: OwnEndpoint,
): boolean {
  const { records, recordLength, width } = endpoints;
  const at = position * recordLength;
  const idAt = endpoints.slotAt(position) * ID_LENGTH;
  // Who announced over loopback runs on this machine: elsewhere it is found where we are found.
  if (asker !== "loopback" && endpoints.isLoopback(records, at)) {
    const port = ((records[at + width] ?? 0) << 8) | (records[at + width + 1] ?? 0);
    list.add(reachedAs.ip, port, swarm.ids, idAt);
    return true;
  }
  // A link-local IPv6 address means nothing without the link; only somebody who came over one may be on the same.
  if (width === 16 && asker !== "linkLocal6" && isLinkLocal6(records, at)) return false;
  list.addRecord(width, records, at, swarm.ids, idAt);
  return true;
}

/** fe80::/10 (RFC 4291, 2.4). */
function isLinkLocal6(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0xfe && (bytes[at + 1] ?? 0) >> 6 === 2;
}
