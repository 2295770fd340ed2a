/** The tracker over UDP (BEP 15): a datagram in, one out or none. It keeps nothing for a sender. */
import type { Clock, Random } from "../protocol/ambient.ts";
import { toLatin1 } from "../protocol/bytes.ts";
import { ConnectionIds } from "./core/connection-ids.ts";
import type { OwnEndpoint } from "./core/select.ts";
import { DEFAULT_WANTED, type TrackerStore } from "./core/store.ts";
import {
  encodeAnnounceReply,
  encodeConnectReply,
  encodeError,
  encodeScrapeReply,
  MAX_SCRAPE_UDP,
  maxPeersUdp,
  readAnnounce,
  readHeader,
  readScrape,
} from "./core/udp-codec.ts";
import { trackerRoute } from "./http.ts";

export interface TrackerUdpOptions {
  readonly store: TrackerStore;
  readonly clock: Clock;
  readonly random: Random;
}

/** Who sent a datagram. */
export interface UdpSender {
  /** 4 or 16 bytes. */
  readonly address: Uint8Array;
  /** Where it reaches us, as far as that is known. */
  readonly reachedAs: OwnEndpoint;
}

/**
 * Answers `connect`, `announce` and `scrape`, with BEP 41's path as over HTTP (`/announce/ID`).
 *
 * Before a sender has shown by its connection id that it receives at its address, it gets nothing that is longer than
 * what it sent; a wrong id gets nothing at all. So nobody can be flooded by way of us.
 */
export function createTrackerUdp(
  options: TrackerUdpOptions,
): (datagram: Uint8Array, sender: UdpSender) => Uint8Array | undefined {
  const { store, clock, random } = options;
  const ids = new ConnectionIds(clock, random);
  return (datagram, sender) => {
    const header = readHeader(datagram);
    if (header === undefined) return undefined;
    const { action, transaction } = header;
    if (action === "connect") return encodeConnectReply(transaction, ids.issue(sender.address));
    if (!ids.accepts(datagram, sender.address)) return undefined;
    return action === "announce"
      ? announce(store, datagram, sender, transaction)
      : scrape(store, datagram, transaction);
  };
}

function announce(
  store: TrackerStore,
  datagram: Uint8Array,
  { address, reachedAs }: UdpSender,
  transaction: number,
): Uint8Array {
  const { query, urlData } = readAnnounce(datagram);
  const route = trackerRoute(urlData === "" || urlData === "/" ? "/announce" : urlData);
  if (route?.action !== "announce") return encodeError(transaction, "not found", datagram.length);
  const width = address.length === 4 ? 4 : 16;
  const room = maxPeersUdp(width);
  const outcome = store.announce({
    query: { ...query, numwant: Math.min(query.numwant ?? DEFAULT_WANTED, room) },
    address,
    shareId: route.shareId,
    reachedAs,
  });
  if (!outcome.ok) return encodeError(transaction, outcome.reason, datagram.length);
  const { counts, peers } = outcome;
  return encodeAnnounceReply({
    transaction,
    interval: store.interval,
    counts,
    // The protocol has room for the sender's own family only.
    peers: width === 4 ? peers.compact4() : peers.compact6(),
  });
}

function scrape(store: TrackerStore, datagram: Uint8Array, transaction: number): Uint8Array {
  const hashes = readScrape(datagram);
  if (hashes.length > MAX_SCRAPE_UDP) {
    return encodeError(transaction, `more than ${MAX_SCRAPE_UDP} info hashes`, datagram.length);
  }
  const found = new Map(store.scrape(hashes, undefined).map((swarm) => [toLatin1(swarm.infoHash), swarm]));
  return encodeScrapeReply(
    transaction,
    hashes.map((hash) => found.get(toLatin1(hash))?.counts),
  );
}
