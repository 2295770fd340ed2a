/** What the web server knows about shares: the appliance implements this, the pages only read it. */

import type { InfoContent } from "../protocol/write-metainfo.ts";

/** A file as it was when the share was scanned; what is served must still be that file. */
export interface SharedFile {
  /** Names from the share's root down, without the share's own; the file of a one-file share is `[share.name]`. */
  readonly path: readonly string[];
  /** Bytes. */
  readonly length: number;
  /** Where it lies, symbolic links resolved: the last component is opened without following one. */
  readonly absolutePath: string;
  readonly executable: boolean;
  /** Last change of the contents, in nanoseconds since 1970, as `fstat` gave it. */
  readonly mtimeNs: bigint;
  /** Last change of anything about the file, likewise. */
  readonly ctimeNs: bigint;
  readonly inode: bigint;
}

/** Who is in the swarm, our own seeder not counted. */
interface SwarmCounts {
  readonly seeders: number;
  readonly leechers: number;
  /** How many receivers have finished since the share was published. */
  readonly completed: number;
}

/** One who takes part, whoever saw it: tracker, engine or both. */
export interface Receiver {
  /** Tells rows apart on a page, and nothing about the receiver. */
  readonly key: string;
  /** As it calls itself: not escaped. */
  readonly client: string;
  /** An IP literal. */
  readonly host: string;
  /** 0 to 1. */
  readonly progress: number;
  /** Bytes a second that it gets, from us and from others, as far as we can see. */
  readonly rate: number;
  /** `helper`: it had everything when it came. `gone`: it has finished and left. */
  readonly state: "receiving" | "complete" | "gone" | "helper";
}

/** Who has it, at one moment. */
export interface Room {
  /** Those who are not done first. */
  readonly receivers: readonly Receiver[];
  /** Receivers that have everything, those included that are gone and no longer in the list. */
  readonly completed: number;
  /** Bytes a second that go out now, to peers and over HTTP. */
  readonly upRate: number;
  /** Bytes sent since the start, to peers and over HTTP. */
  readonly uploaded: number;
  /** `upRate` of the last minutes, one a second, oldest first; always of the same length. */
  readonly rates: readonly number[];
}

/**
 * A share's life. `base` in `torrent` and `magnet` is what goes before `/announce` and `/s/ID`: scheme and host
 * as the asker reached us, without a slash at the end.
 */
export type ShareState =
  | { readonly name: "scanning" }
  | { readonly name: "hashing"; readonly bytesDone: number; readonly bytesTotal: number }
  | {
      readonly name: "ready";
      /** 40 lower-case hexadecimal digits. */
      readonly infoHash: string;
      /** Bytes. */
      readonly pieceLength: number;
      /** The `.torrent`, with our tracker and web seed reachable through `base`. */
      readonly torrent: (base: string) => Uint8Array;
      readonly magnet: (base: string) => string;
      readonly swarm: () => SwarmCounts;
    }
  /** It can't be published any more; `message` says why, for people. */
  | { readonly name: "failed"; readonly message: string }
  /** It was shared and is no more, as its publisher wanted; `message` says why, for people. Nothing of it is served. */
  | { readonly name: "ended"; readonly message: string };

/** What of a torrent's hashes is known, from the moment at which its files are listed: `/s/ID/hashes` tells it. */
export interface HashFront {
  /** Bytes. */
  readonly pieceLength: number;
  /** BEP 27. */
  readonly private: boolean;
  /** What the torrent is going to say of its files. */
  readonly content: InfoContent;
  /** 20 bytes for each piece of the torrent; those of the first `known` pieces are there. */
  readonly hashes: Uint8Array;
  readonly known: number;
  /** How it ended: 40 hexadecimal digits, or why there will be no torrent. */
  readonly outcome: { readonly infoHash: string } | { readonly error: string } | undefined;
  /** Calls `listener` when anything has changed. @returns a function that takes it off again. */
  readonly onChange: (listener: () => void) => () => void;
}

export interface Share {
  /** Letters and digits. */
  readonly id: string;
  readonly name: string;
  /** Unlisted shares answer under their own URLs only, never in a list. */
  readonly listed: boolean;
  /** Of a share with a password: the part of its web seed's path that stands for it. */
  readonly token?: string | undefined;
  /** The share is a single file, not a folder holding one. */
  readonly oneFile: boolean;
  readonly state: ShareState;
  /** In the torrent's order; empty while scanning. The same array until something changes. */
  readonly files: readonly SharedFile[];
  /** Sum of the files' lengths. */
  readonly bytes: number;
  /** By which people compare, aloud, what they found; undefined until it is known, or when there is none. */
  readonly code?: string | undefined;
  /** Undefined while scanning. */
  readonly front?: HashFront | undefined;
  readonly room: () => Room;
  /** Told of bytes that go out over HTTP: files, archives, web seed. */
  readonly onSent?: ((bytes: number) => void) | undefined;
  /** `file` isn't what was shared: it's to be looked at, and when its data are right, it's in `files` again as it is now. */
  readonly suspect?: (file: SharedFile) => void;
}

export interface Catalog {
  /** Listed shares, oldest first. */
  readonly listed: () => readonly Share[];
  /** Any share, listed or not. */
  readonly get: (id: string) => Share | undefined;
}
