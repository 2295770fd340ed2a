/** Peers as the tracker and the engine tell of them, in the roster's words. */
import { clientName } from "../client/core/client-name.ts";
import type { Torrent } from "../client/torrent.ts";
import type { PeerStats } from "../client/torrent-types.ts";
import { bytesEqual } from "../protocol/bytes.ts";
import { formatPeerAddress } from "../protocol/peer-address.ts";
import type { SwarmEvents, SwarmPeer } from "../tracker/core/swarm-types.ts";
import type { PeerRoster, Sighting } from "./peer-roster.ts";
import type { PublishedShare } from "./published-share.ts";

/** The tracker's facts, told to the roster of the share they are about. */
export function rosterEvents(shares: ReadonlyMap<string, PublishedShare>): SwarmEvents {
  const rosterOf = (peer: SwarmPeer) => findShare(shares, peer.infoHash)?.roster;
  return {
    joined: (peer) => rosterOf(peer)?.joined("tracker", announced(peer)),
    completed: (peer) => rosterOf(peer)?.completedBy("tracker", announced(peer)),
    left: (peer) => rosterOf(peer)?.left("tracker", announced(peer)),
  };
}

/** The engine's facts, told to the roster of the share that `torrent` seeds. */
export function watchPeers(torrent: Torrent, roster: PeerRoster): void {
  torrent.on("peerJoined", (peer) => roster.joined("wire", connected(peer)));
  torrent.on("peerCompleted", (peer) => roster.completedBy("wire", connected(peer)));
  torrent.on("peerLeft", (peer) => roster.left("wire", connected(peer)));
}

function findShare(
  shares: ReadonlyMap<string, PublishedShare>,
  infoHash: Uint8Array,
): PublishedShare | undefined {
  for (const share of shares.values()) {
    if (share.created !== undefined && bytesEqual(share.created.infoHash, infoHash)) return share;
  }
  return undefined;
}

/** As the tracker heard of it. */
function announced(peer: SwarmPeer): Sighting {
  const { peerId, progress } = peer;
  return { peerId, progress, address: formatPeerAddress(peer), client: clientName(peerId) };
}

/** As the engine sees it. */
function connected({ peerId, progress, client, address }: PeerStats): Sighting {
  return { peerId, progress, client, address: formatPeerAddress(address) };
}
