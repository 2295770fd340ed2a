/** A look at a tracker from outside: what it counts, and whom it names. It forgets us right afterwards. */
import { randomBytes } from "node:crypto";
import type { AnnounceParams, AnnounceReply } from "../../client/core/announce-types.ts";
import type { SwarmCounts } from "../../client/core/scrape.ts";
import type { InfoHash, PeerId } from "../../protocol/ids.ts";
import { createAnnounce, createScrape } from "../announcing.ts";

const WANTED_PEERS = 100;
/** Milliseconds for `stopped`. */
const FAREWELL = 2_000;

export class TrackerCalls {
  readonly #scrape = createScrape();
  readonly #announce = createAnnounce();
  readonly #params: AnnounceParams;

  /** @param left bytes; who lacks nothing would be told of no seeders */
  constructor(left: number, infoHash: InfoHash, own: PeerId) {
    this.#params = {
      infoHash,
      peerId: own,
      // Nobody can call us: we are gone before they would.
      port: 0,
      uploaded: 0,
      downloaded: 0,
      left,
      key: randomBytes(4).toString("hex"),
      numwant: WANTED_PEERS,
      event: "started",
    };
  }

  /** @throws {TrackerError} the reason of `signal` */
  scrape(url: string, signal: AbortSignal): Promise<SwarmCounts> {
    return this.#scrape(url, this.#params.infoHash, signal);
  }

  /** Asks for peers and says `stopped`. @throws {TrackerError} the reason of `signal` */
  async announce(url: string, signal: AbortSignal): Promise<AnnounceReply> {
    // Who was not reached may have heard us all the same, but is not worth another wait.
    const reply = await this.#announce(url, this.#params, signal);
    const { trackerId } = reply;
    const goodbye = { ...this.#params, event: "stopped" as const, numwant: 0 };
    const params = trackerId === undefined ? goodbye : { ...goodbye, trackerId };
    await this.#announce(url, params, AbortSignal.timeout(FAREWELL)).catch(() => {});
    return reply;
  }
}
