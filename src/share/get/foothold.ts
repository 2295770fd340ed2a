/** A place in the swarm of a torrent of which only the info hash is known: port, trackers and peers, before the files. */
import type { Announcer } from "../../client/discovery/announcer.ts";
import type { MetadataFetch } from "../../client/metadata/metadata-fetch.ts";
import type { Torrent } from "../../client/torrent.ts";
import type { InfoHash } from "../../protocol/ids.ts";
import { type Announced, announceTorrent } from "../announcing.ts";
import { closePeerPort, openPeerPort, type PeerPort, type PeerPortOptions } from "../peer-port.ts";
import { type TrafficOptions, trafficOf } from "../traffic.ts";
import { resolvePeer } from "./peer-names.ts";

/** Milliseconds that trackers get to hear that we stop. */
const STOPPED_PATIENCE = 2_000;

export interface FootholdOptions extends TrafficOptions, Pick<PeerPortOptions, "port"> {
  readonly infoHash: InfoHash;
  /** Tiers of announce URLs (BEP 12). */
  readonly trackers: readonly (readonly string[])[];
  /** `HOST:PORT`. */
  readonly peers: readonly string[];
  /** Holds foreign text: escape it before it is shown. */
  readonly onWarning: (code: string, message: string) => void;
}

/** Until the metadata is known it fetches that; then a torrent takes over its port, announcer and peers. */
export class Foothold {
  readonly port: PeerPort;
  readonly announcer: Announcer | undefined;
  readonly fetch: MetadataFetch;
  readonly #endSearch: () => void;
  #torrent: Torrent | undefined;

  /** @throws {ListenError} the port can't be had. */
  static async open(options: FootholdOptions): Promise<Foothold> {
    const { port } = options;
    return new Foothold(await openPeerPort({ port, bind: [], ...trafficOf(options) }), options);
  }

  private constructor(port: PeerPort, { infoHash, trackers, peers, onWarning }: FootholdOptions) {
    this.port = port;
    this.fetch = port.session.fetchMetadata(infoHash);
    const announced: Announced = {
      infoHash,
      // Something is left, however much: whoever announces nothing left is a seeder.
      stats: () => this.#torrent?.stats() ?? { uploaded: 0, downloaded: 0, bytesTotal: 1, bytesDone: 0 },
      addPeers: (addresses, source) => (this.#torrent ?? this.fetch).addPeers(addresses, source),
    };
    this.announcer = announceTorrent({
      torrent: announced,
      session: port.session,
      port: port.listener.port,
      announce: port.announce,
      trackers,
      onWarning: (message) => onWarning("tracker", message),
    });
    this.#endSearch = port.finders.seek(announced);
    for (const text of peers) void addNamed(text, announced);
  }

  /** The metadata is known: `torrent`, of the same session, gets what comes from now on, and the peers known so far. */
  becomes(torrent: Torrent): void {
    this.#torrent = torrent;
    // Only the metadata says whether it may go on.
    if (!torrent.isOpen) this.#endSearch();
    for (const { address, source } of this.fetch.known) torrent.addPeers([address], source);
  }

  /** Only while no torrent has taken over. */
  async close(): Promise<void> {
    const told = this.announcer?.close(STOPPED_PATIENCE);
    await Promise.all([told, closePeerPort(this.port)]);
  }
}

async function addNamed(peer: string, announced: Announced): Promise<void> {
  // The download itself warns of peers that can't be used.
  announced.addPeers(await resolvePeer(peer), "user");
}
