/** Peers as the tracker and the engine tell of them: who is in the room, and who should be called. */
import { clientName } from "../../client/core/client-name.ts";
import type { Torrent } from "../../client/torrent.ts";
import type { PeerStats } from "../../client/torrent-types.ts";
import type { Clock } from "../../protocol/ambient.ts";
import { bytesEqual } from "../../protocol/bytes.ts";
import { formatPeerAddress } from "../../protocol/peer-address.ts";
import type { SwarmEvents, SwarmPeer } from "../../tracker/core/swarm-types.ts";
import type { Sighting } from "./peer-roster.ts";
import type { PublishedShare } from "./published-share.ts";

/** The tracker's facts, told to the share they are about. */
export function trackerEvents(shares: ReadonlyMap<string, PublishedShare>, clock: Clock): SwarmEvents {
  const shareOf = (peer: SwarmPeer) => findShare(shares, peer.infoHash);
  return {
    joined(peer) {
      const share = shareOf(peer);
      share?.roster.joined("tracker", announced(peer));
      share?.calls.announced(peer, clock.now());
    },
    completed(peer) {
      const share = shareOf(peer);
      share?.roster.completedBy("tracker", announced(peer));
      share?.dismiss(peer.peerId);
    },
    left(peer) {
      const share = shareOf(peer);
      share?.roster.left("tracker", announced(peer));
      share?.dismiss(peer.peerId);
    },
  };
}

/** The engine's facts, told to the share that `torrent` seeds. */
export function watchPeers(torrent: Torrent, share: PublishedShare, clock: Clock): void {
  const { roster, calls } = share;
  torrent.on("peerJoined", (peer) => {
    roster.joined("wire", connected(peer));
    if (peer.source !== "incoming") return;
    const address = calls.arrived(peer.peerId);
    if (address !== undefined) torrent.forgetPeer(address);
  });
  torrent.on("peerCompleted", (peer) => {
    roster.completedBy("wire", connected(peer));
    share.dismiss(peer.peerId);
  });
  torrent.on("peerLeft", (peer) => {
    roster.left("wire", connected(peer));
    if (peer.source === "incoming") calls.lost(peer.peerId, clock.now());
  });
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
