/** Shares on the local network: what is heard of them, merged into one entry a share. */
import type { Sighting } from "../../mdns/core/sightings.ts";

/** A share that somebody, or several, announce on the local network. All of it is what they say: escape it before showing it. */
export interface LocalShare {
  readonly name: string;
  /** Of its page, at the first publisher. */
  readonly url: string;
  /** 40 hexadecimal digits; what is downloaded is checked against it. */
  readonly infoHash: string;
  readonly bytes: number;
  readonly files: number;
  /** What the first publisher's machine calls itself. */
  readonly host: string;
  /** Of each publisher one, the first one's first. */
  readonly urls: readonly string[];
  /** `HOST:PORT` of each publisher. */
  readonly peers: readonly string[];
}

/** One entry a torrent and name, in the order of `sightings`; the same publisher on several networks is one. */
export function mergeSightings(sightings: readonly Sighting[]): readonly LocalShare[] {
  const groups = new Map<string, Sighting[]>();
  for (const sighting of sightings) {
    const key = `${sighting.infoHash} ${sighting.name}`;
    groups.set(key, [...(groups.get(key) ?? []), sighting]);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    const ways = group.flatMap(wayTo);
    const [best] = ways;
    if (first === undefined || best === undefined) return [];
    const { name, infoHash, bytes, files, host } = first;
    const urls = [...new Set(ways.map(({ url }) => url))];
    const peers = [...new Set(ways.map(({ peer }) => peer))];
    return [{ name, url: best.url, infoHash, bytes, files, host, urls, peers }];
  });
}

/** URLs have no place for the zone of a link-local address. */
function wayTo({ addresses, port, path }: Sighting): { readonly url: string; readonly peer: string }[] {
  const address = addresses.find((each) => !each.includes("%"));
  if (address === undefined) return [];
  const peer = `${address.includes(":") ? `[${address}]` : address}:${port}`;
  return [{ peer, url: `http://${peer}${path}` }];
}
