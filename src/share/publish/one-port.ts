/** The one port: web server, tracker and seeder behind one number, over TCP and UDP, and what announces it. */
import { localHosts } from "../../platform/addresses.ts";
import { systemClock } from "../../platform/clock.ts";
import type { DatagramPort } from "../../platform/datagrams.ts";
import { systemRandom } from "../../platform/random.ts";
import { TrackerStore } from "../../tracker/core/store.ts";
import { lanIsForbidden } from "../lan-choice.ts";
import { closePeerPort, openPeerPort, type PeerPort } from "../peer-port.ts";
import { openUdpTracker } from "../track/udp-tracker.ts";
import { trafficOf } from "../traffic.ts";
import { AnnouncedShares } from "./announced-shares.ts";
import { frontDoor } from "./front-door.ts";
import { isPrivate } from "./invitation.ts";
import { OpenAnswers } from "./open-answers.ts";
import type { PublishOptions } from "./publish-types.ts";
import type { PublishedShare } from "./published-share.ts";
import { trackerEvents } from "./sightings.ts";

interface Parts {
  readonly peers: PeerPort;
  readonly tracker: TrackerStore;
  readonly announced: AnnouncedShares;
  /** What HTTP is sending. */
  readonly answers: OpenAnswers;
  /** Addresses at which others reach us, the best first. */
  readonly hosts: readonly string[];
  /** Where people find us, the best first; without a slash at the end. */
  readonly urls: readonly string[];
  /** Whether only programs of this machine can use any of the URLs. */
  readonly onlyHere: boolean;
}

export class OnePort {
  readonly peers: PeerPort;
  readonly tracker: TrackerStore;
  readonly announced: AnnouncedShares;
  readonly answers: OpenAnswers;
  readonly urls: readonly string[];
  readonly onlyHere: boolean;
  readonly #hosts: readonly string[];
  #datagrams: DatagramPort | undefined;
  #isClosed = false;

  /**
   * Answers from now on, for whatever is in `shares` at the time.
   * @param preferredPort Taken when it is free and `options` name none.
   * @throws {ListenError}
   */
  static async open(
    shares: ReadonlyMap<string, PublishedShare>,
    options: PublishOptions,
    preferredPort: number | undefined,
  ): Promise<OnePort> {
    const { port, bind = [], lan = true, publicUrl } = options;
    const { hosts, reach } = await localHosts(bind);
    const events = trackerEvents(shares, systemClock);
    const tracker = new TrackerStore({ clock: systemClock, random: systemRandom, events });
    const answers = new OpenAnswers();
    const isListed = [...shares.values()].every(({ listed }) => listed);
    const announced = new AnnouncedShares({ enabled: isListed && lan && !lanIsForbidden(), bind });
    const isOpen = !isPrivate(options) && options.unlisted !== true;
    const peers = await openPeerPort({
      port,
      preferredPort,
      bind,
      ...trafficOf(options),
      lan: isOpen && lan,
      dht: isOpen && options.dht,
      sharesDatagrams: true,
      http: (session) => {
        const limit = () => session()?.uploadLimiter;
        const localNames = () => announced.hostNames;
        const door = frontDoor({ ...options, shares, store: tracker, limit, localNames });
        const request: typeof door.request = (incoming, outgoing) => {
          answers.add(outgoing);
          door.request(incoming, outgoing);
        };
        return { request, plainGets: door.plainGets };
      },
    });
    const urls = hosts.map((host) => `http://${host}:${peers.listener.port}`);
    if (publicUrl !== undefined) urls.unshift(publicUrl.replace(/\/+$/, ""));
    const onlyHere = reach === "loopback" && publicUrl === undefined;
    return new OnePort({ peers, tracker, announced, answers, hosts, urls, onlyHere });
  }

  private constructor({ peers, tracker, announced, answers, hosts, urls, onlyHere }: Parts) {
    this.peers = peers;
    this.tracker = tracker;
    this.announced = announced;
    this.answers = answers;
    this.urls = urls;
    this.onlyHere = onlyHere;
    this.#hosts = hosts;
  }

  get number(): number {
    return this.peers.listener.port;
  }

  /** The URL that is told first. */
  get base(): string {
    return this.urls[0] ?? `http://127.0.0.1:${this.number}`;
  }

  /**
   * Tracks over UDP (BEP 15) as well.
   * @throws {ListenError} that port can't be had. Everything else goes on.
   */
  async openUdp(bind: readonly string[] = []): Promise<void> {
    const { dht } = this.peers.finders;
    const opened = await openUdpTracker({
      store: this.tracker,
      port: this.number,
      bind,
      hosts: this.#hosts,
      dht,
    });
    if (this.#isClosed) await opened.close();
    else this.#datagrams = opened;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await closePeerPort(this.peers);
    await Promise.all([this.#datagrams?.close(), this.announced.close()]);
    this.tracker.close();
  }
}
