/** Taking a share into service, hashed, seeded, tracked and announced; and out of it again. */
import type { Torrent } from "../../client/torrent.ts";
import { systemClock } from "../../platform/clock.ts";
import { Bitfield } from "../../protocol/bitfield.ts";
import { announceTorrent } from "../announcing.ts";
import type { EndedEvent, ReadyEvent } from "../events.ts";
import { FileNews } from "../file-news.ts";
import { proverOf } from "../token.ts";
import type { OnePort } from "./one-port.ts";
import type { PublishEvents, PublishOptions } from "./publish-types.ts";
import type { PublishedShare } from "./published-share.ts";
import { watchPeers } from "./sightings.ts";

/** Milliseconds that trackers elsewhere get to hear that we stop. */
export const STOPPED_PATIENCE = 2_000;
/** Milliseconds that what is being sent gets to arrive when a share ends by itself. */
const LAST_BYTES_PATIENCE = 3_000;

export class Service {
  readonly #port: OnePort;
  readonly #options: PublishOptions;
  readonly #tell: PublishEvents;
  readonly #news: FileNews;

  constructor(port: OnePort, options: PublishOptions, tell: PublishEvents) {
    this.#port = port;
    this.#options = options;
    this.#tell = tell;
    this.#news = new FileNews(tell);
  }

  /** Settles when it can be had whole. @throws what {@link PublishedShare.hash} does, and what `signal` says. */
  async start(share: PublishedShare, signal: AbortSignal): Promise<ReadyEvent> {
    const created = await share.hash(this.#options, this.#tell, signal);
    signal.throwIfAborted();
    const torrent = this.#seed(share);
    this.#track(share, torrent);
    const ready = share.invitation.readyEvent(created, this.#port.base, this.#options);
    if (torrent.isOpen) this.#tellLan(share, torrent, ready);
    share.state = {
      name: "ready",
      infoHash: ready.infoHash,
      pieceLength: ready.pieceLength,
      torrent: (base) => share.invitation.torrent(created, base, this.#options),
      magnet: (base) => share.invitation.magnet(created, base, this.#options),
      swarm: () => {
        const counts = this.#port.tracker.counts(torrent.infoHash);
        // Ourselves not counted.
        const seeders = Math.max(0, (counts?.complete ?? 1) - 1);
        return { seeders, leechers: counts?.incomplete ?? 0, completed: share.roster.completed };
      },
    };
    share.front?.settle({ infoHash: ready.infoHash });
    this.#tell(ready);
    return ready;
  }

  /** What is on its way may arrive. */
  async end(share: PublishedShare, reason: EndedEvent["reason"]): Promise<void> {
    const { answers, tracker, peers } = this.#port;
    share.state = { name: "ended", message: ENDED[reason] };
    share.ending.abort();
    share.leaveLan?.();
    this.#tell({ event: "ended", share: share.id, reason });
    await Promise.all([
      share.announcer?.close(STOPPED_PATIENCE),
      share.torrent?.finish(LAST_BYTES_PATIENCE),
      answers.settled(LAST_BYTES_PATIENCE),
    ]);
    if (share.created !== undefined) tracker.unregister(share.created.infoHash, share.invitation.trackerId);
    if (share.torrent !== undefined) await peers.session.remove(share.torrent);
    await share.closeStorage();
  }

  #seed(share: PublishedShare): Torrent {
    const { created, storage, layout } = share.openStorage(this.#news);
    const { slots } = this.#options;
    const torrent = this.#port.peers.session.add({
      infoHash: created.infoHash,
      layout,
      pieceHashes: created.pieceHashes,
      private: share.invitation.isPrivate(this.#options),
      unlisted: !share.listed,
      metadata: created.info,
      ...(share.token !== undefined && { prove: proverOf(share.token, created.infoHash) }),
      storage,
      have: Bitfield.full(layout.pieceCount),
      ...(slots !== undefined && { slots }),
    });
    share.torrent = torrent;
    watchPeers(torrent, share, systemClock);
    torrent.on("failed", (error) => this.#tell({ event: "warning", code: "failed", message: error.message }));
    return torrent;
  }

  /** By our own tracker, and by those elsewhere that it has. */
  #track(share: PublishedShare, torrent: Torrent): void {
    const { tracker, peers, number } = this.#port;
    tracker.register({
      id: share.invitation.trackerId,
      infoHash: torrent.infoHash,
      listed: share.listed,
      totalBytes: share.bytes,
      seeder: peers.session.peerId,
    });
    share.announcer = announceTorrent({
      torrent,
      session: peers.session,
      port: number,
      announce: peers.announce,
      trackers: share.invitation.otherTrackers(this.#options),
      onWarning: (message) => this.#tell({ event: "warning", code: "tracker", message }),
    });
  }

  #tellLan(share: PublishedShare, torrent: Torrent, ready: ReadyEvent): void {
    const { announced, peers, number } = this.#port;
    const endSearch = peers.finders.seek(torrent);
    const takeBack = announced.announce(share.invitation.announcement(ready, number));
    let hasLeft = false;
    announced.findCode(torrent.infoHash, (code) => {
      if (hasLeft) return;
      share.code = code;
      this.#tell({ event: "code", share: share.id, code });
    });
    share.leaveLan = () => {
      hasLeft = true;
      endSearch();
      takeBack();
    };
  }
}

/** For people who come too late. */
const ENDED = {
  expired: "This was shared for a limited time, and that is over. Ask whoever gave you the link.",
  removed: "This is no longer shared here. Ask whoever gave you the link.",
  copies: "This was shared until enough people had it, and now they have. Ask whoever gave you the link.",
} as const;
