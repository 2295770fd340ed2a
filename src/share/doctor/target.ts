/** What the later steps with a source are about, and how its data are asked for and checked. */
import { randomBytes } from "node:crypto";
import type { Wanted } from "../../client/metadata/peer-visit.ts";
import { nodeHashes } from "../../platform/hashes.ts";
import type { Bitfield } from "../../protocol/bitfield.ts";
import { bytesEqual } from "../../protocol/bytes.ts";
import { type InfoHash, type PeerId, peerId, pieceIndex } from "../../protocol/ids.ts";
import { PieceLayout } from "../../protocol/layout.ts";
import type { Metainfo } from "../../protocol/metainfo.ts";
import type { Finding } from "./checkup.ts";

/** A torrent that can be fetched. */
export interface Target {
  readonly metainfo: Metainfo & { readonly infoHash: InfoHash };
  readonly layout: PieceLayout;
  /** `HOST:PORT` of peers that the source itself names, or the user. */
  readonly peers: readonly string[];
  /** It came from a server that is on no local network. */
  readonly fromPublic: boolean;
}

export function targetOf(metainfo: Metainfo, more: Pick<Target, "peers" | "fromPublic">): Target | undefined {
  const { infoHash, files, pieceLength } = metainfo;
  if (infoHash === undefined) return undefined;
  const layout = new PieceLayout(
    files.map(({ length }) => length),
    pieceLength,
  );
  return { metainfo: { ...metainfo, infoHash }, layout, ...more };
}

/** For one visit: two at once with one id would be taken for one peer's. */
export function newPeerId(): PeerId {
  return peerId(Buffer.concat([Buffer.from("-BJ0100-"), randomBytes(12)]));
}

/** A whole piece can be checked; a larger one would be a download. Bytes. */
const MOST = 2 ** 20;
const BLOCK = 2 ** 14;

/** What to ask for, of what somebody has: the last piece, which is the smallest, or else the first that is there. */
export function sampleOf({ layout }: Target, pieces: Bitfield): Wanted | undefined {
  const last = layout.pieceCount - 1;
  const [first] = pieces;
  const chosen = last >= 0 && pieces.has(last) ? last : first;
  if (chosen === undefined) return undefined;
  const size = layout.pieceSize(chosen);
  return { piece: pieceIndex(chosen), length: size <= MOST ? size : BLOCK };
}

/** @param bytes of the beginning of that piece */
export function judgeSample(
  { metainfo, layout }: Target,
  { piece, bytes }: { readonly piece: number; readonly bytes: Uint8Array },
): Finding {
  const size = `${bytes.length} bytes of piece ${piece} came`;
  if (bytes.length < layout.pieceSize(piece))
    return { verdict: "ok", message: `${size}; too little to check` };
  const expected = metainfo.pieceHashes.subarray(20 * piece, 20 * piece + 20);
  if (bytesEqual(nodeHashes.sha1(bytes), expected))
    return { verdict: "ok", message: `${size}, and are what the torrent says` };
  return {
    verdict: "fail",
    message: `${size}, but are not what the torrent says`,
    advice: "Have the files changed since they were published? On the publisher's machine: share verify.",
  };
}
