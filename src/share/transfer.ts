/** A torrent as those see it who watch a transfer: engine, files and phase in one. */
import type { Session } from "../client/session.ts";
import type { Torrent } from "../client/torrent.ts";
import type { Bitfield } from "../protocol/bitfield.ts";
import { formatPeerAddress } from "../protocol/peer-address.ts";
import type {
  AvailabilityPart,
  Limits,
  Transfer,
  TransferFile,
  TransferPeer,
  TransferStats,
} from "./transfer-types.ts";

interface ListedFile {
  readonly path: readonly string[];
  readonly length: number;
  readonly pad?: boolean;
}

/** Everything that changes is asked for when it is needed. */
interface TransferParts {
  readonly id: string;
  readonly name: string;
  readonly url?: string;
  readonly infoHash: () => string | undefined;
  /** Undefined until it is hashed. */
  readonly torrent: () => Torrent | undefined;
  readonly files: () => readonly ListedFile[];
  readonly phase: () => TransferStats["phase"];
  readonly completed?: () => number;
  /** What goes out over HTTP; nothing by default. */
  readonly web?: () => Pick<TransferStats, "uploaded" | "upRate">;
  readonly hashing?: () => { readonly bytesDone: number; readonly bytesTotal: number } | undefined;
  /** Of a download: what was asked for; by default everything. */
  readonly wanted?: () => { readonly done: number; readonly total: number; readonly pieces: Bitfield };
}

export class TorrentTransfer implements Transfer {
  readonly id: string;
  readonly name: string;
  readonly url?: string;
  readonly #parts: TransferParts;

  constructor(parts: TransferParts) {
    this.id = parts.id;
    this.name = parts.name;
    if (parts.url !== undefined) this.url = parts.url;
    this.#parts = parts;
  }

  stats(): TransferStats {
    const { infoHash, phase, completed, hashing, wanted, web } = this.#parts;
    const stats = this.#parts.torrent()?.stats();
    const asked = wanted?.();
    const overHttp = web?.() ?? { uploaded: 0, upRate: 0 };
    const uploaded = (stats?.uploaded ?? 0) + overHttp.uploaded;
    const total = asked?.total ?? stats?.bytesTotal ?? hashing?.()?.bytesTotal ?? 0;
    return {
      phase: phase(),
      infoHash: infoHash(),
      bytesDone: asked?.done ?? stats?.bytesDone ?? hashing?.()?.bytesDone ?? 0,
      bytesTotal: total,
      downRate: stats?.downRate ?? 0,
      upRate: (stats?.upRate ?? 0) + overHttp.upRate,
      downloaded: stats?.downloaded ?? 0,
      uploaded,
      uploadedHttp: overHttp.uploaded,
      wasted: stats?.wasted ?? 0,
      ratio: uploaded / Math.max(1, total),
      copies: stats?.copies ?? 0,
      peers: stats?.peers ?? 0,
      seeders: stats?.seeders ?? 0,
      webSeeds: stats?.webSeeds ?? 0,
      completed: completed?.() ?? 0,
      etaSeconds: stats?.etaSeconds ?? null,
    };
  }

  peers(): readonly TransferPeer[] {
    return (this.#parts.torrent()?.peers() ?? []).map((peer) => ({
      address: formatPeerAddress(peer.address),
      client: peer.client,
      progress: peer.progress,
      downRate: peer.downRate,
      upRate: peer.upRate,
      downloaded: peer.downloaded,
      uploaded: peer.uploaded,
      isServed: !peer.amChoking,
      servesUs: !peer.peerChoking,
      isInterested: peer.peerInterested,
      interestsUs: peer.amInterested,
    }));
  }

  get fileCount(): number {
    return this.#parts.files().reduce((count, { pad }) => count + Number(pad !== true), 0);
  }

  files(first: number, count: number): readonly TransferFile[] {
    const found: TransferFile[] = [];
    let at = -1;
    for (const [i, file] of this.#parts.files().entries()) {
      if (file.pad === true || ++at < first) continue;
      if (found.length >= count) break;
      found.push(this.#file(i, file));
    }
    return found;
  }

  availability(parts: number): readonly AvailabilityPart[] {
    return this.#parts.torrent()?.availability(parts) ?? [];
  }

  #file(index: number, { path, length }: ListedFile): TransferFile {
    const torrent = this.#parts.torrent();
    const pieces = torrent?.layout.piecesOf(index);
    const wanted = this.#parts.wanted?.().pieces;
    let have = 0;
    let isWanted = wanted === undefined || pieces === undefined;
    if (torrent !== undefined && pieces !== undefined) {
      for (let piece = pieces.first; piece <= pieces.last; piece++) {
        if (torrent.have.has(piece)) have++;
        isWanted ||= wanted?.has(piece) === true;
      }
    }
    const of = pieces === undefined ? 0 : pieces.last - pieces.first + 1;
    const progress = torrent === undefined ? 0 : of === 0 ? 1 : have / of;
    return { path: path.join("/"), bytes: length, progress, isWanted };
  }
}

export function limitsOf(session: Session): Limits {
  const { up, down } = session.limits;
  return { ...(Number.isFinite(up) && { up }), ...(Number.isFinite(down) && { down }) };
}

/** @throws {RangeError} */
export function setLimitsOf(
  session: Session,
  { up = Number.POSITIVE_INFINITY, down = Number.POSITIVE_INFINITY }: Limits,
): void {
  for (const limit of [up, down]) {
    if (!(limit > 0)) throw new RangeError(`A limit is more than 0 bytes a second, not ${limit}.`);
  }
  session.setLimits({ up, down });
}
