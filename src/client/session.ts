import type { Dial, Transport } from "../platform/transport.ts";
import type { Clock, Random } from "../protocol/ambient.ts";
import type { InfoHash, PeerId } from "../protocol/ids.ts";
import type { Torrent } from "./torrent.ts";
import type { TorrentOptions } from "./torrent-types.ts";

export interface SessionOptions {
  readonly dial: Dial;
  readonly clock: Clock;
  readonly random: Random;
  /** SHA-1 at once: `(bytes) => createHash("sha1").update(bytes).digest()`. */
  readonly sha1: (bytes: Uint8Array) => Uint8Array;
  /** The TCP port that others reach us on, told to peers; undefined when nothing listens. */
  readonly listenPort?: number;
  /** What we say we are, e.g. "Boojum 0.1.0". */
  readonly client: string;
  /** Bytes a second over all torrents and peers; none by default. */
  readonly limitUp?: number;
  readonly limitDown?: number;
  /** Connections of all torrents together; 200 by default. */
  readonly maxConnections?: number;
}

/** Many torrents behind one port. */
export class Session {
  /** `-BJ0100-` and 12 random bytes (BEP 20). */
  readonly peerId: PeerId;

  constructor(options: SessionOptions) {
    throw new Error(`not built yet: ${options.client}`);
  }

  /** @throws {BoojumError} `duplicate` when this info hash is here already. */
  add(options: TorrentOptions): Torrent {
    throw new Error(`not built yet: ${options.infoHash.length}`);
  }

  get(infoHash: InfoHash): Torrent | undefined {
    throw new Error(`not built yet: ${infoHash.length}`);
  }

  /** Closes one torrent and forgets it. */
  async remove(torrent: Torrent): Promise<void> {
    await torrent.close();
  }

  /** A peer connected to our port: reads its handshake and hands it to the torrent it asks for. */
  accept(transport: Transport): void {
    transport.destroy();
  }

  /** Bytes a second over all torrents; Infinity lifts the limit. */
  setLimits(limits: { readonly up?: number; readonly down?: number }): void {
    throw new Error(`not built yet: ${limits.up}`);
  }

  /** Closes every torrent and every connection; nothing is left behind. */
  async close(): Promise<void> {
    throw new Error("not built yet");
  }
}
