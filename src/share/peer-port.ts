/** The port that others reach us by, and the session behind it: what publishing and downloading both need. */
import type { Announce } from "../client/core/announce-types.ts";
import { Session } from "../client/session.ts";
import { systemClock } from "../platform/clock.ts";
import { nodeHashes } from "../platform/hashes.ts";
import { type HttpHandlers, type Listener, type ListenOptions, listen } from "../platform/listener.ts";
import { systemRandom } from "../platform/random.ts";
import { sourcesOf } from "../platform/source-address.ts";
import { TcpTransport, tcpDialer } from "../platform/tcp.ts";
import type { Metainfo } from "../protocol/metainfo.ts";
import { createAnnounce } from "./announcing.ts";
import { type Finders, type FindersOptions, openFinders } from "./finders.ts";
import { type TrafficOptions, trafficOf } from "./traffic.ts";
import { version } from "./version.ts";

/** `lan`: not by default, since what may be shown there is up to the torrent. */
export interface PeerPortOptions
  extends TrafficOptions,
    Pick<ListenOptions, "port" | "preferredPort" | "bind">,
    Pick<FindersOptions, "sharesDatagrams"> {
  /** Answers HTTP on the same port, given the session; without it only peers are let in. */
  readonly http?: (session: () => Session | undefined) => HttpHandlers;
}

/** The caller's to close, with {@link closePeerPort} or in that order. */
export interface PeerPort {
  readonly listener: Listener;
  readonly session: Session;
  /** Ways to find peers that need no tracker. */
  readonly finders: Finders;
  /** Tells trackers of this port, from the addresses that it is bound to. */
  readonly announce: Announce;
}

/** @throws {ListenError} the port can't be had. */
export async function openPeerPort(options: PeerPortOptions): Promise<PeerPort> {
  const { port, preferredPort, minPort, maxPort, bind, limitUp, limitDown, encryption } = options;
  const { maxPeers, requestQueue } = options;
  // Peers can only come when the session is there; in the moment before it nobody knows the port.
  const desk: { session?: Session } = {};
  const listener = await listen(
    { port, preferredPort, minPort, maxPort, bind },
    {
      ...options.http?.(() => desk.session),
      peer: (socket, firstBytes) => {
        if (desk.session === undefined) socket.destroy();
        else desk.session.accept(new TcpTransport(socket, firstBytes));
      },
      unknown: (socket, firstBytes) => {
        if (desk.session === undefined) socket.destroy();
        else desk.session.accept(new TcpTransport(socket, firstBytes), true);
      },
    },
  );
  const sourceFor = sourcesOf(bind);
  const { port: number } = listener;
  // The node comes after the session; until then nobody can have told of another.
  const late: { finders?: Finders } = {};
  const meet = (host: string, at: number) => late.finders?.dht?.meet(host, at);
  const session = new Session({
    dial: tcpDialer(sourceFor),
    clock: systemClock,
    random: systemRandom,
    sha1: nodeHashes.sha1,
    listenPort: number,
    client: `Boojum ${version}`,
    ...(encryption !== undefined && { encryption }),
    ...(limitUp !== undefined && { limitUp }),
    ...(limitDown !== undefined && { limitDown }),
    ...(maxPeers !== undefined && { maxConnections: maxPeers, maxPeers }),
    ...(requestQueue !== undefined && { requestQueue }),
    ...(options.dht === true && { ownNode: { port: number, meet } }),
  });
  desk.session = session;
  const announce = createAnnounce({ ...options, sourceFor });
  const finders = await openFinders({ ...options, port: number });
  late.finders = finders;
  return { listener, session, announce, finders };
}

/** What a torrent allows: only who was told may find one that is private, unlisted or has a token. */
export function trafficFor(
  { private: isPrivate, unlisted, token }: Metainfo,
  options: TrafficOptions,
): TrafficOptions {
  const mayBeFound = !isPrivate && !unlisted && token === undefined;
  return { ...trafficOf(options), lan: mayBeFound && (options.lan ?? true), dht: mayBeFound && options.dht };
}

/** The session first, whose peers came in by the listener. */
export async function closePeerPort({ session, listener, finders }: PeerPort): Promise<void> {
  await session.close();
  await Promise.all([listener.close(), finders.close()]);
}
