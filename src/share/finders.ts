/** How peers are found without a tracker, as far as a torrent allows: on the local network, and in the DHT. */
import { lookup } from "node:dns/promises";
import type { DualDht } from "../client/discovery/dual-dht.ts";
import { LanDiscovery } from "../client/discovery/lan.ts";
import type { PeerSource } from "../client/torrent-types.ts";
import { systemClock } from "../platform/clock.ts";
import { type DatagramPort, listenDatagrams } from "../platform/datagrams.ts";
import { openMulticast } from "../platform/multicast.ts";
import { ListenError } from "../platform/ports.ts";
import { systemRandom } from "../platform/random.ts";
import type { InfoHash } from "../protocol/ids.ts";
import { formatIp } from "../protocol/ip-address.ts";
import type { PeerAddress } from "../protocol/peer-address.ts";
import { lanIsForbidden } from "./lan-choice.ts";
import type { TrafficOptions } from "./traffic.ts";

export interface FindersOptions extends Pick<TrafficOptions, "lan" | "dht" | "dhtNodes"> {
  /** The one port. */
  readonly port: number;
  readonly bind: readonly string[];
  /** Somebody else listens for datagrams on it, and hands over those of the DHT; not by default. */
  readonly sharesDatagrams?: boolean | undefined;
}

interface Seeker {
  readonly infoHash: InfoHash;
  addPeers(addresses: readonly PeerAddress[], source: PeerSource): void;
}

export class Finders {
  readonly dht: DualDht | undefined;
  readonly #lan: LanDiscovery | undefined;
  readonly #datagrams: DatagramPort | undefined;
  /** What doesn't work and why, for people. */
  readonly trouble: string | undefined;

  constructor(
    lan: LanDiscovery | undefined,
    dht: DualDht | undefined,
    datagrams: DatagramPort | Error | undefined,
  ) {
    this.#lan = lan;
    this.dht = dht;
    if (datagrams instanceof Error) this.trouble = `${datagrams.message} The DHT can't be joined.`;
    else this.#datagrams = datagrams;
  }

  /** Tells of the torrent and finds its peers, until the returned function is called. */
  seek(torrent: Seeker): () => void {
    const { infoHash } = torrent;
    const ends = [
      this.#lan?.seek(infoHash, (address) => torrent.addPeers([address], "lan")),
      this.dht?.seek(infoHash, (address) => torrent.addPeers([address], "dht")),
    ];
    return () => {
      for (const end of ends) end?.();
    };
  }

  async close(): Promise<void> {
    await Promise.all([this.#lan?.close(), this.dht?.close()]);
    await this.#datagrams?.close();
  }
}

export async function openFinders(options: FindersOptions): Promise<Finders> {
  const lan = mayUseLan(options) ? openLan(options.port) : undefined;
  const dht = options.dht ? await makeDht(options) : undefined;
  const isAlone = dht !== undefined && options.sharesDatagrams !== true;
  return new Finders(lan, dht, isAlone ? await openDatagrams(dht, options) : undefined);
}

/** Loaded only when it's wanted. */
async function makeDht({ port, dhtNodes = [] }: FindersOptions): Promise<DualDht> {
  const { DualDht } = await import("../client/discovery/dual-dht.ts");
  return new DualDht({ port, clock: systemClock, bootstrap: dhtNodes, resolveSix });
}

/** Empty when it has none, or nobody knows it. */
async function resolveSix(name: string): Promise<readonly string[]> {
  const found = await lookup(name, { all: true, family: 6 }).catch(() => []);
  return found.map(({ address }) => address);
}

/** @returns the error when the port can't be had: there are other ways to find peers. */
async function openDatagrams(
  dht: DualDht,
  { port, bind }: FindersOptions,
): Promise<DatagramPort | ListenError> {
  try {
    const opened = await listenDatagrams({ port, bind }, (bytes, from) => {
      dht.receive(bytes, formatIp(from.address), from.port);
      return undefined;
    });
    dht.start(opened.send);
    return opened;
  } catch (error) {
    if (error instanceof ListenError) return error;
    throw error;
  }
}

/** Bound to some addresses, others would be told of a port that isn't there for them. */
function mayUseLan({ lan = false, bind }: FindersOptions): boolean {
  return lan && bind.length === 0 && !lanIsForbidden();
}

function openLan(port: number): LanDiscovery {
  const lan = new LanDiscovery({
    port,
    clock: systemClock,
    random: systemRandom,
    open: (groups, onDatagram) => openMulticast({ groups, onDatagram }),
  });
  void lan.start();
  return lan;
}
