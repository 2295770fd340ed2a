import type { PeerAddress } from "../../platform/transport.ts";
import type { PeerKey } from "../core/active-piece.ts";
import { MetadataServer } from "../metadata/metadata-server.ts";
import type { TorrentEnvironment } from "../torrent-environment.ts";
import { isOpen, type TorrentOptions } from "../torrent-types.ts";
import type { Extension, Introduction } from "./extensions.ts";
import type { Peer } from "./peer.ts";
import { PeerExchange } from "./peer-exchange.ts";
import { REQUEST_QUEUE } from "./upload.ts";

export interface OwnExtensionsOptions {
  readonly torrent: TorrentOptions;
  /** The connected peers: live. */
  readonly peers: ReadonlyMap<PeerKey, Peer>;
  readonly env: TorrentEnvironment;
  /** Addresses that a peer knows. */
  learned(addresses: readonly PeerAddress[]): void;
}

/** Whatever peers of this torrent say to each other besides BEP 3, 6 and 54 is registered here. */
export function ownExtensions({ torrent, peers, env, learned }: OwnExtensionsOptions): Extension[] {
  const list: Extension[] = [];
  const metadata = givenMetadata(torrent);
  if (metadata !== undefined) list.push(new MetadataServer(metadata, env.up));
  if (isOpen(torrent)) list.push(new PeerExchange({ clock: env.clock, peers, learned }));
  return list;
}

/** What our extension handshake says besides those. */
export function introduction(
  torrent: TorrentOptions,
  { client, listenPort, requestQueue = REQUEST_QUEUE }: TorrentEnvironment,
  uploadOnly: boolean,
): Introduction {
  const metadata = givenMetadata(torrent);
  return {
    client,
    ...(listenPort !== undefined && { listenPort }),
    requestQueue,
    uploadOnly,
    ...(metadata !== undefined && { metadataSize: metadata.length }),
  };
}

function givenMetadata({ metadata, private: isPrivate }: TorrentOptions): Uint8Array | undefined {
  return isPrivate ? undefined : metadata;
}
