/** Who may have one of a bounded number of places, so that one host can't take them all. Pure: facts in, names out. */
import type { Millis } from "../../protocol/ambient.ts";
import { networkOf } from "../../protocol/ip-address.ts";

export interface PlaceHolder {
  /** Its address. */
  readonly host: string;
  /** When anything last went by. */
  readonly movedAt: Millis;
}

/** Longer than the choker needs to give everybody who asks a turn or at least a look. */
const IDLE: Millis = 15_000;
/** Whoever is being served moves every second. */
const RESTING: Millis = 2_000;

/** The part of all places that one network (an IPv4 address, an IPv6 /64) may have at a time: a half. */
export function mostOfOneNetwork(places: number): number {
  return Math.max(1, Math.floor(places / 2));
}

interface Newcomer<T> {
  readonly host: string;
  readonly now: Millis;
  /** The higher, the more important is it that this one stays; the same for all by default. */
  readonly rank?: (holder: T) => number;
}

/**
 * Who makes way for a newcomer, all places being taken: of those that have been idle for long the one of the lowest rank,
 * and of several the one that has been for longest; else the one idle for longest of the network that has most places, when it has more than the newcomer's will
 * then. Whoever is being served stays.
 * @returns undefined when nobody does
 */
export function whoMakesWay<T extends PlaceHolder>(
  holders: Iterable<T>,
  { host, now, rank = () => 0 }: Newcomer<T>,
): T | undefined {
  const networks = new Map<string, T[]>();
  let idlest: T | undefined;
  for (const holder of holders) {
    const key = networkOf(holder.host);
    const group = networks.get(key);
    if (group === undefined) networks.set(key, [holder]);
    else group.push(holder);
    if (now - holder.movedAt < IDLE) continue;
    const difference = idlest === undefined ? -1 : rank(holder) - rank(idlest);
    if (difference < 0 || (difference === 0 && holder.movedAt < (idlest?.movedAt ?? now))) idlest = holder;
  }
  if (idlest !== undefined) return idlest;
  let fullest: readonly T[] = [];
  for (const group of networks.values()) if (group.length > fullest.length) fullest = group;
  if (fullest.length <= (networks.get(networkOf(host))?.length ?? 0) + 1) return undefined;
  return longestIdle(fullest, now - RESTING);
}

/** Who among those of the newcomer's own network makes way, when that may have no more places. */
export function whoOfItsOwn<T extends PlaceHolder>(
  holders: Iterable<T>,
  host: string,
  now: Millis,
): T | undefined {
  const key = networkOf(host);
  return longestIdle(
    [...holders].filter((holder) => networkOf(holder.host) === key),
    now - IDLE,
  );
}

function longestIdle<T extends PlaceHolder>(holders: readonly T[], before: Millis): T | undefined {
  let found: T | undefined;
  for (const holder of holders) {
    if (holder.movedAt <= before && holder.movedAt < (found?.movedAt ?? Number.POSITIVE_INFINITY))
      found = holder;
  }
  return found;
}
