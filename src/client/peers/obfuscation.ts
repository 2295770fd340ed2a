import type { PeerAddress, Transport } from "../../platform/transport.ts";
import type { Random } from "../../protocol/ambient.ts";
import { toLatin1 } from "../../protocol/bytes.ts";
import type { InfoHash } from "../../protocol/ids.ts";
import { ipScope, parseIp } from "../../protocol/ip-address.ts";
import { KeyPair } from "../core/key-exchange.ts";
import { type CryptoMethods, marker, PLAINTEXT, RC4, type Sha1 } from "../core/mse.ts";
import { MseAnswerer } from "../core/mse-answerer.ts";
import { MseDialler } from "../core/mse-dialler.ts";
import { ObfuscatedTransport } from "./obfuscated-transport.ts";
import type { RunBuffers } from "./run-buffers.ts";

/** `require`: only RC4 connections. `prefer`: both kinds. `off`: plain ones only. */
export type Encryption = "prefer" | "require" | "off";

export interface ObfuscationOptions {
  readonly encryption: Encryption;
  readonly random: Random;
  readonly sha1: Sha1;
  readonly buffers: RunBuffers;
}

/**
 * Which connections look like noise to whoever watches the line (MSE), and which don't. On the local network nobody
 * slows BitTorrent down, so plain ones come first there; elsewhere obfuscated ones do.
 */
export class Obfuscation {
  readonly #options: ObfuscationOptions;
  /** Info hashes by what a peer sends in their place. */
  readonly #torrents = new Map<string, InfoHash>();

  constructor(options: ObfuscationOptions) {
    this.#options = options;
  }

  /** Connections may begin with a plain handshake. */
  get allowsPlain(): boolean {
    return this.#options.encryption !== "require";
  }

  /** ... or with an obfuscated one. */
  get allowsObfuscated(): boolean {
    return this.#options.encryption !== "off";
  }

  /** Peers may ask for this torrent. */
  add(infoHash: InfoHash): void {
    this.#torrents.set(this.#keyOf(infoHash), infoHash);
  }

  delete(infoHash: InfoHash): void {
    this.#torrents.delete(this.#keyOf(infoHash));
  }

  /** How to begin with a peer of which nothing is known. */
  beginsObfuscated(address: PeerAddress): boolean {
    return this.allowsObfuscated && !(this.allowsPlain && isNear(address));
  }

  /** A connection that we made, for that torrent. */
  dialled(transport: Transport, infoHash: InfoHash): Transport {
    const { random, sha1, buffers } = this.#options;
    const offered = this.allowsPlain ? RC4 | PLAINTEXT : RC4;
    return new ObfuscatedTransport(
      transport,
      buffers,
      (initialPayload) =>
        new MseDialler({ infoHash, offered, keys: this.#makeKeys(), random, sha1, initialPayload }),
    );
  }

  /** A connection that came in with bytes that look like noise. */
  accepted(transport: Transport): ObfuscatedTransport {
    const { random, sha1, buffers } = this.#options;
    const torrentOf = (hash: Uint8Array) => this.#torrents.get(toLatin1(hash));
    const accepted = this.#acceptedFrom(transport.remote);
    return new ObfuscatedTransport(
      transport,
      buffers,
      () => new MseAnswerer({ torrentOf, accepted, keys: this.#makeKeys(), random, sha1 }),
    );
  }

  #acceptedFrom(remote: PeerAddress): readonly CryptoMethods[] {
    if (!this.allowsPlain) return [RC4];
    return isNear(remote) ? [PLAINTEXT, RC4] : [RC4, PLAINTEXT];
  }

  #makeKeys(): KeyPair {
    return new KeyPair((length) => this.#options.random.bytes(length));
  }

  #keyOf(infoHash: InfoHash): string {
    return toLatin1(marker(this.#options.sha1, "req2", infoHash));
  }
}

/** On this machine or network. */
function isNear({ host }: PeerAddress): boolean {
  const ip = parseIp(host);
  return ip === undefined || ipScope(ip) !== "public";
}
