/** What announcing takes and gives, whatever the tracker's protocol: the seam between trackers and torrents. */
import { BoojumError } from "../../protocol/errors.ts";
import type { InfoHash, PeerId } from "../../protocol/ids.ts";
import type { PeerAddress } from "../../protocol/peer-address.ts";

export interface TrackerErrorOptions extends ErrorOptions {
  /** The tracker did not refuse: it was not reached, or what it said was no answer. Default false. */
  readonly unanswered?: boolean;
  /** Seconds in which the tracker does not want to be asked again (BEP 31); Infinity: never. */
  readonly retryIn?: number | undefined;
}

/** A tracker could not be asked, or refused; the next one, or the same one later, may do better. */
export class TrackerError extends BoojumError {
  readonly url: string;
  /** What the tracker said, or what went wrong on the way. Foreign text: escape it before it is shown. */
  readonly reason: string;
  readonly unanswered: boolean;
  /** Seconds; undefined when the tracker leaves it to us. */
  readonly retryIn: number | undefined;

  constructor(url: string, reason: string, options: TrackerErrorOptions = {}) {
    const message =
      options.unanswered === true
        ? `Tracker ${url} gave no answer: ${reason}. Does it run, and can this machine reach it?`
        : `Tracker ${url} refused the announce: "${reason}". Is it published there?`;
    super("tracker", message, options);
    this.url = url;
    this.reason = reason;
    this.unanswered = options.unanswered === true;
    this.retryIn = options.retryIn;
  }
}

/** Bytes since `started`, and bytes still missing. */
export interface TransferStats {
  readonly uploaded: number;
  readonly downloaded: number;
  readonly left: number;
}

export interface AnnounceParams extends TransferStats {
  readonly infoHash: InfoHash;
  readonly peerId: PeerId;
  /** Where we accept peers; 0 when nowhere. */
  readonly port: number;
  /** Letters and digits that tell the tracker that we are who we were, should our address change. */
  readonly key: string;
  /** Absent on a regular announce. */
  readonly event?: "started" | "completed" | "stopped";
  /** IP literal that the tracker is asked to tell others, instead of where we come from. */
  readonly ip?: string;
  /** How many peers are welcome. */
  readonly numwant: number;
  /** What the tracker gave us in an earlier reply, one character a byte. */
  readonly trackerId?: string;
}

export interface AnnounceReply {
  /** Seconds until the next regular announce; within sane bounds whatever the tracker said. */
  readonly interval: number;
  /** Seconds between any two announces at least; not above `interval`. */
  readonly minInterval: number;
  readonly peers: readonly PeerAddress[];
  readonly seeders?: number;
  readonly leechers?: number;
  readonly trackerId?: string;
  /** Foreign text: escape it before it is shown. */
  readonly warning?: string;
}

/** Asks one tracker. Rejects with a {@link TrackerError}, or with the reason of `signal`. */
export type Announce = (url: string, params: AnnounceParams, signal: AbortSignal) => Promise<AnnounceReply>;
