/** What publishing takes and gives. */
import type { ContentOptions } from "../content-options.ts";
import type { PublishEvent, ReadyEvent } from "../events.ts";
import type { ReachOptions, TrafficOptions } from "../traffic.ts";
import type { Transferring } from "../transfer-types.ts";

export type PublishEvents = (event: PublishEvent) => void;

/** What is published as it is read, such as standard input: one file. It is kept on disk until the publication is closed. */
export interface PipedSource {
  /** Of the file, and of the share. */
  readonly name: string;
  /** Read once, to its end; then it is hashed and ready. */
  readonly data: AsyncIterable<Uint8Array>;
}

export interface PublishOptions extends ContentOptions, TrafficOptions, ReachOptions {
  /** The TCP port, 0 for any; default: the one the first path had last time, else the first free from `minPort` to `maxPort`. */
  readonly port?: number | undefined;
  /** IP addresses of this machine to listen on; default: all. */
  readonly bind?: readonly string[] | undefined;
  /** How others reach this port through a proxy or forward, e.g. `https://files.example.org`. */
  readonly publicUrl?: string | undefined;
  /** Proxies whose `X-Forwarded-For`, `-Proto` and `-Host` are believed: addresses, or networks such as `10.0.0.0/8`. */
  readonly trustProxies?: readonly string[] | undefined;
  /** Another name for the share; of one path only. */
  readonly name?: string | undefined;
  /** Extra announce URLs; the publisher announces itself there, too. */
  readonly trackers?: readonly string[] | undefined;
  /** Found by nobody who wasn't told the URL: in no list, and kept out of lists by receivers, too. */
  readonly unlisted?: boolean | undefined;
  /** Nobody without it learns or gets anything; such shares are unlisted. Over plain HTTP it can be overheard. */
  readonly password?: string | undefined;
  /** Seconds from now until the shares end. */
  readonly expireSeconds?: number | undefined;
  /** A share ends when so many receivers are complete. */
  readonly untilCopies?: number | undefined;
  /** Upload slots of each share; default: by capacity. */
  readonly slots?: number | undefined;
  /** Told of everything that happens, from `listening` to `stopped`. */
  readonly onEvent?: PublishEvents | undefined;
  /** Stops the publication, as {@link Publication.close} does. */
  readonly signal?: AbortSignal | undefined;
}

/** A running publication. */
export interface Publication extends Transferring {
  readonly port: number;
  /** Base URLs, the best first. */
  readonly urls: readonly string[];
  /**
   * Every share that can be is hashed and seeded; of the others `failed` tells. Rejects when none can be, with the reason
   * of the first one, and then the publication should be closed.
   */
  readonly ready: Promise<readonly ReadyEvent[]>;
  /** Nothing is left running. */
  readonly closed: Promise<void>;
  /** Stops everything; may be called at any time, and again. */
  close(): Promise<void>;
}
