import type { Transport } from "../../platform/transport.ts";
import type { PieceIndex } from "../../protocol/ids.ts";
import type { PeerKey } from "../core/active-piece.ts";
import type { TorrentEnvironment } from "../torrent-environment.ts";
import { isOpen, type PeerSource, type TorrentOptions } from "../torrent-types.ts";
import type { IncomingPeer } from "./accept.ts";
import { Peer, type PeerOwner } from "./peer.ts";
import { Upload } from "./upload.ts";
import { Wire } from "./wire.ts";

export interface MakePeerOptions {
  readonly key: PeerKey;
  readonly owner: PeerOwner;
  readonly transport: Transport;
  readonly source: PeerSource;
  /** What it said when it came to us; undefined when we called it. */
  readonly incoming: IncomingPeer | undefined;
  readonly torrent: TorrentOptions;
  readonly env: TorrentEnvironment;
  /** A piece can't be read that it asked for. */
  unreadable(piece: PieceIndex, error: unknown): void;
}

/** One peer with its way out; nothing is said until its wire is started. */
export function makePeer(options: MakePeerOptions): Peer {
  const { key, owner, transport, source, incoming, torrent, env, unreadable } = options;
  const { clock, peerId, up, runBuffers } = env;
  const { infoHash, layout, storage } = torrent;
  const dht = isOpen(torrent) ? nodeFor(transport, env) : undefined;
  const wire = new Wire({ transport, infoHash, peerId, layout, clock, dht, ...(incoming && { incoming }) });
  const upload = new Upload({
    wire,
    storage,
    clock,
    buffers: runBuffers,
    limiter: up,
    onReadError: unreadable,
  });
  const now = clock.now();
  const { pieceCount } = layout;
  return new Peer({ key, owner, wire, upload, source, pieceCount, now, requestQueue: env.requestQueue });
}

function nodeFor({ remote }: Transport, { ownNode }: TorrentEnvironment) {
  return ownNode && { port: ownNode.port, onPort: (port: number) => ownNode.meet(remote.host, port) };
}
