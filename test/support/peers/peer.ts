import type { Child } from "../child.ts";

export interface PeerJob {
  /** The `.torrent` file, or a magnet link. */
  readonly torrent: string;
  /** The folder that holds, or will hold, the torrent's NAME. */
  readonly dir: string;
  /** Where the client listens, IPv4 or IPv6; not in 127/8, which some clients ignore among their peers. */
  readonly address: string;
  readonly port: number;
  /** The torrent's tracker is one over UDP: some clients need telling. */
  readonly udpTracker?: boolean;
  /** The network namespace to run in; by default that of the tests. */
  readonly network?: string;
  /**
   * What it does about obfuscation (MSE): nothing by default. `rc4`: takes and makes RC4 connections only; `header`: the
   * handshake is obfuscated and what follows is plain, which only libtorrent insists on.
   */
  readonly encryption?: "rc4" | "header";
  /** `HOST:PORT` of a node by which it joins the DHT; by default it doesn't. */
  readonly dht?: string;
  /** Bytes a second that it sends at the most; of libtorrent. */
  readonly limitUp?: number;
  /** An empty folder for the client's own files. */
  readonly state: string;
}

/** The client's process; {@link Child.stop} ends it. */
export type RunningPeer = Child;

/** What the tests want of a real BitTorrent client. */
export interface RealPeer {
  readonly name: string;
  /** Resolves when the client seeds complete data. */
  seed(job: PeerJob): Promise<RunningPeer>;
  /** Resolves when the client has downloaded and checked everything; it goes on seeding. */
  get(job: PeerJob): Promise<RunningPeer>;
}

/** How long a real client may take for one job, in milliseconds. */
export const patience = 90_000;
