/**
 * What a publication and a download tell. These objects are the lines of `--json`, so they are public API:
 * fields may be added, none removed. Sizes are bytes, rates bytes a second.
 */
import type { LocalShare } from "./find/local-shares.ts";

/** The port is open and the URLs answer; hashing has not begun. */
export interface ListeningEvent {
  readonly event: "listening";
  readonly port: number;
  /** Base URLs of this machine, the best first. */
  readonly urls: readonly string[];
  readonly shares: readonly { readonly share: string; readonly name: string; readonly url: string }[];
}

/** Of a share that comes by a pipe, while it comes; then it is hashed. */
export interface ReadingEvent {
  readonly event: "reading";
  readonly share: string;
  /** So far. */
  readonly bytes: number;
}

export interface HashingEvent {
  readonly event: "hashing";
  readonly share: string;
  readonly bytesDone: number;
  readonly bytesTotal: number;
}

/** With `upnp`: a port of the router leads to ours; told again when anything about that has changed. */
export interface OpenedEvent {
  readonly event: "opened";
  /** How the router was asked. */
  readonly way: "PCP" | "NAT-PMP" | "UPnP";
  /** IP literals: the router on our side, and its address on the internet's side. */
  readonly gateway: string;
  readonly address: string;
  /** The router's. */
  readonly port: number;
  /** The base URL of a publication from there. */
  readonly url?: string;
}

/** One share is hashed, tracked and seeded. */
export interface ReadyEvent {
  readonly event: "ready";
  /** Its ID, as in all events of a publication. */
  readonly share: string;
  readonly name: string;
  /** Of its page, which `get` takes, too. */
  readonly url: string;
  readonly torrentUrl: string;
  readonly magnet: string;
  /** 40 hexadecimal digits. */
  readonly infoHash: string;
  readonly files: number;
  readonly bytes: number;
  readonly pieceLength: number;
}

/**
 * The word-code of a share that is announced on the local network, soon after `ready`; of the first 16 such shares
 * alone.
 */
export interface CodeEvent {
  readonly event: "code";
  readonly share: string;
  readonly code: string;
}

/** A receiver came, got everything, or went. `client` is what it says of itself: escape it before showing it. */
export interface PeerEvent {
  readonly event: "peer";
  readonly share: string;
  readonly state: "joined" | "completed" | "left";
  readonly address: string;
  readonly client: string;
  /** 0 to 1. */
  readonly progress: number;
}

/** Once a second, all shares together. */
export interface StatsEvent {
  readonly event: "stats";
  /** To peers and over HTTP. */
  readonly upRate: number;
  readonly downRate: number;
  /** Sent since the start, to peers and over HTTP: to browsers, `curl`, and as a web seed. */
  readonly uploaded: number;
  /** What of that went over HTTP. */
  readonly uploadedHttp: number;
  readonly downloaded: number;
  /** Connected peers, and how many of them have everything. */
  readonly peers: number;
  readonly seeders: number;
  /** Receivers that got everything since the start. */
  readonly completed: number;
}

/** Something is not as it should be, but the work goes on. */
export interface WarningEvent {
  readonly event: "warning";
  readonly code: string;
  readonly message: string;
}

/** A share ended by itself; its URLs say so from now on. */
export interface EndedEvent {
  readonly event: "ended";
  readonly share: string;
  /** Its time was over, enough receivers are complete, or its torrent was taken away. */
  readonly reason: "expired" | "copies" | "removed";
}

/** One of several shares can't be published; the others are. When none can, that is the error that ends it all. */
export interface FailedEvent {
  readonly event: "failed";
  readonly share: string;
  readonly name: string;
  /** As of an error. */
  readonly code: string;
  readonly message: string;
}

/** Nothing is left running. */
export interface StoppedEvent {
  readonly event: "stopped";
}

export type PublishEvent =
  | ListeningEvent
  | OpenedEvent
  | ReadingEvent
  | HashingEvent
  | ReadyEvent
  | CodeEvent
  | PeerEvent
  | StatsEvent
  | WarningEvent
  | EndedEvent
  | FailedEvent
  | StoppedEvent;

/** The size is known, what was on disk is checked, and the download begins. */
export interface StartedEvent {
  readonly event: "started";
  /** 40 hexadecimal digits; null while the publisher still hashes. */
  readonly infoHash: string | null;
  readonly name: string;
  /** Of what was asked for of the torrent: with a selection less than all. */
  readonly bytes: number;
  readonly files: number;
  /** Verified on disk before anything was fetched. */
  readonly resumedBytes: number;
}

/** The publisher has finished hashing. */
export interface IdentifiedEvent {
  readonly event: "identified";
  readonly infoHash: string;
}

/** Once a second. */
export interface ProgressEvent {
  readonly event: "progress";
  readonly bytesDone: number;
  readonly bytesTotal: number;
  readonly downRate: number;
  readonly upRate: number;
  readonly peers: number;
  /** Web servers that are being asked (BEP 19). */
  readonly webSeeds: number;
  /** null while nothing comes. */
  readonly etaSeconds: number | null;
}

/** Everything asked for is verified and on disk. */
export interface DoneEvent {
  readonly event: "done";
  /** Of the file or folder, absolute. */
  readonly path: string;
  /** Of what was asked for, whether it was fetched now or there before. */
  readonly bytes: number;
  /** From the beginning of the download on, with looking at what was there. */
  readonly seconds: number;
  readonly infoHash: string;
}

/** Of `--stream`: players on this machine can begin. */
export interface StreamingEvent {
  readonly event: "streaming";
  /** The largest film or piece of music, else the largest file. */
  readonly url: string;
  readonly files: readonly {
    readonly path: string;
    readonly bytes: number;
    readonly url: string;
    readonly type: string;
  }[];
}

export type GetEvent =
  | StartedEvent
  | IdentifiedEvent
  | ProgressEvent
  | DoneEvent
  | OpenedEvent
  | WarningEvent;

/** Of `share find`: a share appears on the local network, something of it changes, or it goes. Names are escaped before they are shown. */
export interface FindEvent extends LocalShare {
  readonly event: "found" | "changed" | "lost";
}

/** `warn`: it works, but not as it could, or not everywhere; `skipped`: it wasn't tried. */
export type Verdict = "ok" | "warn" | "fail" | "skipped";

/** What `share doctor` looks at: first of this machine, then, when a source was given, on the way to its data. */
export type CheckStep =
  | "interface"
  | "address"
  | "port"
  | "udp"
  | "multicast"
  | "firewall"
  | "clock"
  | "find"
  | "proxy"
  | "name"
  | "tcp"
  | "http"
  | "torrent"
  | "tracker"
  | "webSeed"
  | "peer"
  | "block";

/** Of `share doctor`: one thing was looked at. Holds foreign text: escape it before it is shown. */
export interface CheckEvent {
  readonly event: "check";
  readonly step: CheckStep;
  /** Which one: an interface, an address, a URL, ... */
  readonly subject: string;
  readonly verdict: Verdict;
  /** What was found. */
  readonly message: string;
  /** What to do about it. */
  readonly advice?: string;
  /** How long it took. */
  readonly milliseconds: number;
}

/** Of `share doctor`: how many checks came out how. */
export interface DiagnosisEvent {
  readonly event: "diagnosis";
  readonly ok: number;
  readonly warnings: number;
  readonly failures: number;
  readonly skipped: number;
}

/** A `.torrent` was written. */
export interface CreatedEvent {
  readonly event: "created";
  readonly path: string;
  readonly infoHash: string;
  readonly bytes: number;
  readonly files: number;
  readonly pieceLength: number;
}

/** A `.torrent` was changed; its info hash is what it was. */
export interface EditedEvent {
  readonly event: "edited";
  readonly path: string;
  readonly infoHash?: string;
  readonly infoHashV2?: string;
  readonly trackers: readonly (readonly string[])[];
  readonly webSeeds: readonly string[];
  readonly comment?: string;
  readonly createdBy?: string;
}

/** Files were compared with a torrent. */
export interface VerifiedEvent {
  readonly event: "verified";
  readonly infoHash: string;
  /** What was compared, absolute. */
  readonly path: string;
  /** How many files are so; see {@link VerifiedFileState}. */
  readonly good: number;
  readonly bad: number;
  readonly missing: number;
  readonly partial: number;
  readonly bytes: number;
  readonly goodBytes: number;
  readonly files: readonly VerifiedFileState[];
  /** Nothing was found, but there is something of the torrent's name in there: that was meant, perhaps. */
  readonly meant?: string;
}

export interface VerifiedFileState {
  /** Below `path`. */
  readonly path: string;
  /**
   * `bad`: bytes in it are wrong, or too many; `partial`: nothing is known to be wrong, but not all of it is there, or
   * can be checked, because it shares a piece with a file that isn't there.
   */
  readonly state: "good" | "bad" | "missing" | "partial";
  readonly bytes: number;
  /** Bytes that are proved right. */
  readonly goodBytes: number;
}

/** A tracker's port is open. */
export interface TrackerListeningEvent {
  readonly event: "listening";
  readonly port: number;
  /** Announce URLs, the best first. */
  readonly urls: readonly string[];
}

/** A peer came to a tracked swarm, got everything, or went. */
export interface TrackerPeerEvent {
  readonly event: "peer";
  readonly state: "joined" | "completed" | "left";
  /** 40 hexadecimal digits. */
  readonly infoHash: string;
  readonly address: string;
  readonly client: string;
  /** 0 to 1. */
  readonly progress: number;
}

/** Once a second. */
export interface TrackerStatsEvent {
  readonly event: "stats";
  readonly torrents: number;
  readonly peers: number;
  /** Since the start. */
  readonly announces: number;
}

export type TrackerEvent =
  | TrackerListeningEvent
  | TrackerPeerEvent
  | TrackerStatsEvent
  | WarningEvent
  | StoppedEvent;
