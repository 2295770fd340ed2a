/** What every exchange with peers takes, whether it publishes or downloads. */
import type { Encryption } from "../client/peers/obfuscation.ts";

export type { Encryption };

export interface TrafficOptions {
  /** The port is sought from `minPort` to `maxPort`, both included, unless one is asked for; default 6881 to 6999. */
  readonly minPort?: number | undefined;
  readonly maxPort?: number | undefined;
  /** Connections with peers at one time, over all torrents; default 200, and 100 a torrent. */
  readonly maxPeers?: number | undefined;
  /**
   * Blocks of 16 KiB that one peer is asked for at a time, at most: by default as many as the link needs. Peers are told
   * that they may ask us for so many.
   */
  readonly requestQueue?: number | undefined;
  /**
   * Seconds that HTTP servers get: trackers for the whole answer (default 15), others for its beginning (10), and while it
   * stands still (torrents 30, web seeds 10).
   */
  readonly httpTimeoutSeconds?: number | undefined;
  /** An address of ours that trackers are asked to tell instead of the one they see; many don't. */
  readonly announceIp?: string | undefined;
  /** Bytes a second over all peers; default: none. */
  readonly limitUp?: number | undefined;
  readonly limitDown?: number | undefined;
  /** Find peers on the local network, and be found there; default true. Never for private, unlisted or password shares. */
  readonly lan?: boolean | undefined;
  /**
   * Join the distributed hash table (BEP 5): announce there and find peers. Not by default, and never for private,
   * unlisted or password shares.
   */
  readonly dht?: boolean | undefined;
  /** `HOST:PORT` of its nodes to begin with, instead of the public ones. */
  readonly dhtNodes?: readonly string[] | undefined;
  /**
   * Obfuscate connections between peers (MSE): `prefer` (default) takes both kinds and makes plain ones on the local
   * network first, others elsewhere; `require` takes and makes only RC4 ones; `off` only plain ones. HTTP is as it is.
   */
  readonly encryption?: Encryption | undefined;
}

/** How far others come from. */
export interface ReachOptions {
  /**
   * Have the router of this network open the port to the internet (PCP, NAT-PMP or UPnP), as long as this runs. Then
   * everybody there who knows the address can come. Not by default.
   */
  readonly upnp?: boolean | undefined;
}

/** All of them: one that is missing here doesn't compile. */
const NAMES: Readonly<Record<keyof TrafficOptions, true>> = {
  minPort: true,
  maxPort: true,
  maxPeers: true,
  requestQueue: true,
  httpTimeoutSeconds: true,
  announceIp: true,
  limitUp: true,
  limitDown: true,
  lan: true,
  dht: true,
  dhtNodes: true,
  encryption: true,
};

/** Those of `options` alone. */
export function trafficOf(options: TrafficOptions): TrafficOptions {
  return Object.fromEntries(Object.entries(options).filter(([name]) => Object.hasOwn(NAMES, name)));
}
