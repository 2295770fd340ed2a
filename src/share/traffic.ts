/** What every exchange with peers takes, whether it publishes or downloads. */
import type { Encryption } from "../client/obfuscation.ts";

export type { Encryption };

export interface TrafficOptions {
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

/** Those of `options` alone. */
export function trafficOf(options: TrafficOptions): TrafficOptions {
  const { limitUp, limitDown, lan, dht, dhtNodes, encryption } = options;
  return { limitUp, limitDown, lan, dht, dhtNodes, encryption };
}
