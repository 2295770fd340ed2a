/** The part of bittorrent-dht that is used here; it comes without types. */
declare module "bittorrent-dht" {
  import type { EventEmitter } from "node:events";

  interface DhtClientOptions {
    /** Node ids in hexadecimal and so on are left to chance. */
    readonly bootstrap?: readonly string[];
    /** What it uses in place of a `dgram` socket of its own. */
    readonly socket?: EventEmitter;
    readonly maxTables?: number;
    readonly maxValues?: number;
    readonly maxPeers?: number;
    /** Milliseconds after which a peer that announced itself is forgotten. */
    readonly maxAge?: number;
  }

  export class Client extends EventEmitter {
    constructor(options?: DhtClientOptions);
    readonly nodes: { count(): number };
    addNode(node: { readonly host: string; readonly port: number }): void;
    lookup(infoHash: Uint8Array, done?: (error?: Error) => void): void;
    announce(infoHash: Uint8Array, port: number, done?: (error?: Error) => void): void;
    destroy(done?: () => void): void;
  }
}
