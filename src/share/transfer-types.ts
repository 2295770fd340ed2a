/** What can be watched and changed while a publication or a download runs. Sizes are bytes, rates bytes a second. */

/** Over all peers, torrents and web readers; absent where there is none. */
export interface Limits {
  readonly up?: number | undefined;
  readonly down?: number | undefined;
}

/** A running {@link Publication} or {@link Download}. */
export interface Transferring {
  /** What is being sent or received, in the order in which it was given; the same objects each time. */
  transfers(): readonly Transfer[];
  readonly limits: Limits;
  /**
   * Takes effect at once, for what is on its way too, within what peers were asked for already. What is absent or
   * undefined is without a limit from now on.
   * @throws {RangeError} a limit is not more than 0
   */
  setLimits(limits: Limits): void;
}

/** One share, or one download. Each call gives the state of that moment. */
export interface Transfer {
  /** The share's id, or the info hash of a download. */
  readonly id: string;
  /** As somebody else may have said it: escape it before showing it. */
  readonly name: string;
  /** Where people find a share; absent for a download. */
  readonly url?: string;
  stats(): TransferStats;
  /** Connected peers. */
  peers(): readonly TransferPeer[];
  readonly fileCount: number;
  /** `count` files from the one numbered `first`, from 0. Pad files are left out. */
  files(first: number, count: number): readonly TransferFile[];
  /** Where it is rare, in at most `parts` runs of pieces from first to last; none before it is hashed. */
  availability(parts: number): readonly AvailabilityPart[];
}

export interface TransferStats {
  readonly phase: "hashing" | "getting" | "seeding" | "ended" | "failed";
  /** 40 hexadecimal digits; absent until it is known. */
  readonly infoHash: string | undefined;
  /** Hashed so far, or verified of what was asked for. */
  readonly bytesDone: number;
  readonly bytesTotal: number;
  readonly downRate: number;
  /** To peers and, of a share, over HTTP. */
  readonly upRate: number;
  /** Received since the start. */
  readonly downloaded: number;
  /** Sent since the start, to peers and, of a share, over HTTP: to browsers, `curl`, and as a web seed. */
  readonly uploaded: number;
  /** What of that went over HTTP. */
  readonly uploadedHttp: number;
  /** Of what was received: thrown away because it was double or bad. */
  readonly wasted: number;
  /** Copies sent: `uploaded` by the size of what is shared, or was asked for. */
  readonly ratio: number;
  /** Distributed copies among the connected peers and ourselves, e.g. 2.75; 0 before it is hashed. */
  readonly copies: number;
  readonly peers: number;
  readonly seeders: number;
  readonly webSeeds: number;
  /** Receivers that got everything since the start. */
  readonly completed: number;
  /** null while nothing comes, 0 when done. */
  readonly etaSeconds: number | null;
}

export interface TransferPeer {
  /** `host:port`. */
  readonly address: string;
  /** What it says of itself: escape it before showing it. */
  readonly client: string;
  /** 0 to 1. */
  readonly progress: number;
  readonly downRate: number;
  readonly upRate: number;
  readonly downloaded: number;
  readonly uploaded: number;
  /** It may take from us; it lets us take. */
  readonly isServed: boolean;
  readonly servesUs: boolean;
  /** It wants something of ours; we want something of its. */
  readonly isInterested: boolean;
  readonly interestsUs: boolean;
}

export interface TransferFile {
  /** Below the share's name, with `/`: escape it before showing it. */
  readonly path: string;
  readonly bytes: number;
  /** In verified pieces, 0 to 1; a piece that reaches into other files counts for all of them. */
  readonly progress: number;
  /** False when it was not asked for. */
  readonly isWanted: boolean;
}

export interface AvailabilityPart {
  /** The part of its pieces that is here, 0 to 1. */
  readonly have: number;
  /** Of its rarest piece: how many connected peers have it, ourselves not counted. */
  readonly copies: number;
}
