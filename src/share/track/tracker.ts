/** A tracker and nothing else: for torrents that others made, over HTTP and UDP on one port. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { clientName } from "../../client/core/client-name.ts";
import { createStats } from "../../httpd/stats.tsx";
import { localHosts, ownNames } from "../../platform/addresses.ts";
import { systemClock } from "../../platform/clock.ts";
import type { DatagramPort } from "../../platform/datagrams.ts";
import { nodeHashes } from "../../platform/hashes.ts";
import { type HttpHandlers, type Listener, listen } from "../../platform/listener.ts";
import { systemRandom } from "../../platform/random.ts";
import { toHex } from "../../protocol/bytes.ts";
import { formatPeerAddress } from "../../protocol/peer-address.ts";
import { prometheusText, trackerStats } from "../../tracker/core/stats.ts";
import { TrackerStore } from "../../tracker/core/store.ts";
import type { SwarmEvents, SwarmPeer } from "../../tracker/core/swarm-types.ts";
import { createPlainAnnounces, createTrackerHttp, trackerRoute } from "../../tracker/http.ts";
import { restoreTracker, saveTracker } from "../../tracker/state-file.ts";
import type { TrackerEvent } from "../events.ts";
import { version } from "../version.ts";
import { AllowedTorrents } from "./allowed-torrents.ts";
import { TrackerLog, type TrackerLogEvent } from "./tracker-log.ts";
import { openUdpTracker } from "./udp-tracker.ts";

export interface TrackerOptions {
  /** The number of the TCP and UDP port, 0 for any; default: 6969, else the first free of 6881 to 6999. */
  readonly port?: number | undefined;
  /** IP addresses of this machine to listen on; default: all. */
  readonly bind?: readonly string[] | undefined;
  /** A folder of `.torrent` files: only those are tracked, as they come and go; default: any torrent. */
  readonly allow?: string | undefined;
  /** Where swarms and counts are kept while no tracker runs. */
  readonly state?: string | undefined;
  /** Where each event is noted, as a JSON line. */
  readonly log?: string | undefined;
  /** `/stats` tells the names of allowed torrents, not only their info hashes. */
  readonly showNames?: boolean | undefined;
  readonly onEvent?: ((event: TrackerEvent) => void) | undefined;
  /** False: no `peer` events, which a busy tracker has thousands of a second; default: true. */
  readonly peerEvents?: boolean | undefined;
}

/** A running tracker. */
export interface RunningTracker {
  readonly port: number;
  /** Announce URLs, the best first, each over HTTP and then over UDP. */
  readonly urls: readonly string[];
  /** Saves the state and stops; nothing is left running. */
  close(): Promise<void>;
}

/** Torrents of an open tracker: about 4 KB each at least. */
const OPEN_TO = 20_000;
const DEFAULT_PORT = 6969;
const SAVE_EVERY = 60_000;
const LOOK_EVERY = 10_000;

/**
 * Runs a tracker until it is closed.
 * @throws {ListenError} the port can't be had.
 * @throws {AllowedError} {TrackerStateError} {TrackerLogError} a file can't be used.
 */
export async function runTracker(options: TrackerOptions = {}): Promise<RunningTracker> {
  const tracker = new StandaloneTracker(options);
  try {
    await tracker.open();
  } catch (error) {
    await tracker.close();
    throw error;
  }
  return tracker;
}

class StandaloneTracker implements RunningTracker {
  port = 0;
  urls: readonly string[] = [];
  readonly #options: TrackerOptions;
  readonly #store: TrackerStore;
  readonly #allowed: AllowedTorrents | undefined;
  readonly #startedAt = systemClock.now();
  #log: TrackerLog | undefined;
  #listener: Listener | undefined;
  #datagrams: DatagramPort | undefined;
  #timers: NodeJS.Timeout[] = [];
  /** What saves and looks at the folder, one after the other. */
  #work: Promise<void> = Promise.resolve();
  #isRestored = false;
  #closing: Promise<void> | undefined;

  constructor(options: TrackerOptions) {
    this.#options = options;
    this.#store = new TrackerStore({
      clock: systemClock,
      random: systemRandom,
      openTo: options.allow === undefined ? OPEN_TO : undefined,
      events: this.#watched(),
    });
    const warn = (message: string) => this.#warn("allow", message);
    this.#allowed =
      options.allow === undefined ? undefined : new AllowedTorrents(options.allow, this.#store, warn);
  }

  async open(): Promise<void> {
    const { state, log, port, bind = [] } = this.#options;
    await this.#allowed?.refresh();
    if (state !== undefined) await restoreTracker(this.#store, state, unixSeconds(), nodeHashes.sha256);
    this.#isRestored = true;
    if (log !== undefined) {
      this.#log = await TrackerLog.open(log, (error) => this.#warn(error.code, error.message));
    }
    this.#listener = await listen({ port, preferredPort: DEFAULT_PORT, bind }, this.#http());
    this.port = this.#listener.port;
    const { hosts } = await localHosts(bind);
    // A tracker that others rely on is one over both, or none.
    this.#datagrams = await openUdpTracker({ store: this.#store, port: this.port, bind, hosts });
    this.urls = hosts.flatMap((host) => [
      `http://${host}:${this.port}/announce`,
      `udp://${host}:${this.port}/announce`,
    ]);
    this.#timers = [setInterval(() => this.#tellStats(), 1_000)];
    if (state !== undefined) this.#timers.push(setInterval(() => this.#save(), SAVE_EVERY));
    if (this.#allowed !== undefined) this.#timers.push(setInterval(() => this.#look(), LOOK_EVERY));
    this.#tell({ event: "listening", port: this.port, urls: this.urls });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.#datagrams?.close();
    await this.#listener?.close();
    // What could not be read must not be overwritten.
    if (this.#isRestored && this.#options.state !== undefined) this.#save();
    await this.#work;
    this.#store.close();
    await this.#log?.close();
    if (this.#listener !== undefined) this.#tell({ event: "stopped" });
  }

  /** What nobody reads is not even put together. */
  #watched(): SwarmEvents {
    const { log, onEvent, peerEvents = true } = this.#options;
    if (log === undefined && (onEvent === undefined || !peerEvents)) return {};
    return {
      joined: (peer) => this.#note("joined", peer),
      completed: (peer) => this.#note("completed", peer),
      left: (peer) => this.#note("left", peer),
    };
  }

  #http(): HttpHandlers {
    const tracked = { store: this.#store, hostNames: ownNames };
    const tracker = createTrackerHttp(tracked);
    const stats = createStats({
      hostNames: ownNames,
      version,
      stats: () => this.#stats(),
      metrics: () => prometheusText(this.#stats()),
    });
    const request = (incoming: IncomingMessage, outgoing: ServerResponse) => {
      if (trackerRoute(incoming.url ?? "") !== undefined || !stats(incoming, outgoing))
        tracker(incoming, outgoing);
    };
    return { request, plainGets: createPlainAnnounces(tracked) };
  }

  #stats() {
    const uptime = (systemClock.now() - this.#startedAt) / 1000;
    return trackerStats(this.#store, uptime, (hash) =>
      this.#options.showNames === true ? this.#allowed?.nameOf(hash) : undefined,
    );
  }

  #tellStats(): void {
    const { announces } = this.#store.counters;
    const torrents = this.#store.visible([], undefined).length;
    this.#tell({ event: "stats", torrents, peers: this.#store.totalPeers, announces });
  }

  #save(): void {
    const { state } = this.#options;
    if (state === undefined) return;
    this.#do("state", () => saveTracker(this.#store, state, unixSeconds(), nodeHashes.sha256));
  }

  #look(): void {
    this.#do("allow", async () => this.#allowed?.refresh());
  }

  #do(code: string, task: () => Promise<void>): void {
    this.#work = this.#work.then(task).catch((error: unknown) => {
      this.#warn(code, error instanceof Error ? error.message : String(error));
    });
  }

  #note(event: TrackerLogEvent["event"], peer: SwarmPeer): void {
    const { progress } = peer;
    const about = {
      infoHash: toHex(peer.infoHash),
      address: formatPeerAddress(peer),
      client: clientName(peer.peerId),
      progress,
    };
    if (this.#options.peerEvents !== false) this.#tell({ event: "peer", state: event, ...about });
    this.#log?.write({ time: new Date().toISOString(), event, ...about });
  }

  #warn(code: string, message: string): void {
    this.#tell({ event: "warning", code, message });
  }

  #tell(event: TrackerEvent): void {
    this.#options.onEvent?.(event);
  }
}

function unixSeconds(): number {
  return Date.now() / 1000;
}
