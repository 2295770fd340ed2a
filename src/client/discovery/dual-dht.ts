/** Both networks of the DHT, which have no node in common (BEP 32): one of ours in each, behind one face. */
import type { PeerAddress } from "../../platform/transport.ts";
import type { InfoHash } from "../../protocol/ids.ts";
import { parseIp } from "../../protocol/ip-address.ts";
import { parsePeerAddress } from "../../protocol/peer-address.ts";
import { Dht, type DhtOptions, type SendDatagram } from "./dht.ts";

export interface DualDhtOptions extends Omit<DhtOptions, "family" | "bootstrap"> {
  /** `HOST:PORT` of nodes to begin with; none: the public ones. */
  readonly bootstrap: readonly string[];
  /** The IPv6 addresses of a name. */
  readonly resolveSix: (name: string) => Promise<readonly string[]>;
}

/** Those that the IPv4 library knows by itself, as far as they are in the IPv6 network as well. */
const PUBLIC_NODES = [
  "dht.transmissionbt.com:6881",
  "dht.libtorrent.org:25401",
  "router.bittorrent.com:6881",
];

export class DualDht {
  readonly #four: Dht;
  readonly #six: Dht;
  readonly #options: DualDhtOptions;

  constructor(options: DualDhtOptions) {
    const { bootstrap } = options;
    const isFour = (node: string) => !node.startsWith("[");
    this.#options = options;
    this.#four = new Dht({
      ...options,
      // None at all when those that are named are all of the other network.
      bootstrap: bootstrap.length === 0 ? undefined : bootstrap.filter(isFour),
    });
    this.#six = new Dht({ ...options, family: 6, bootstrap: [] });
  }

  /** Nodes that are known. */
  get nodes(): number {
    return this.#four.nodes + this.#six.nodes;
  }

  /** Joins, from now on with a way to send. */
  start(send: SendDatagram): void {
    this.#four.start(send);
    this.#six.start(send);
    const { bootstrap } = this.#options;
    for (const node of bootstrap.length === 0 ? PUBLIC_NODES : bootstrap) void this.#meetNamed(node);
  }

  /** @returns whether the datagram is the DHT's; it's dealt with then. */
  receive(bytes: Uint8Array, host: string, port: number): boolean {
    return (host.includes(":") ? this.#six : this.#four).receive(bytes, host, port);
  }

  /** Asks whether a node is there that a peer has told of; then it's known. */
  meet(host: string, port: number): void {
    const node = parseIp(host)?.length === 16 ? this.#six : this.#four;
    node.meet(host, port);
  }

  /** Announces the torrent and seeks its peers until the returned function is called; `found` may get one repeatedly. */
  seek(infoHash: InfoHash, found: (address: PeerAddress) => void): () => void {
    const ends = [this.#four.seek(infoHash, found), this.#six.seek(infoHash, found)];
    return () => {
      for (const end of ends) end();
    };
  }

  async close(): Promise<void> {
    await Promise.all([this.#four.close(), this.#six.close()]);
  }

  async #meetNamed(node: string): Promise<void> {
    const { host, port } = parsePeerAddress(node) ?? { host: "", port: 0 };
    if (host.includes(":")) return this.#six.meet(host, port);
    if (host === "" || parseIp(host) !== undefined) return;
    for (const address of await this.#options.resolveSix(host)) this.#six.meet(address, port);
  }
}
