import type { InfoHash } from "../../protocol/ids.ts";
import { readU32 } from "./messages.ts";

/**
 * The pieces that a peer may ask for while it is choked (BEP 6, "allowed fast set generation"): the same for each
 * address, so that reconnecting gains nothing.
 */
export function allowedFastSet(options: {
  readonly infoHash: InfoHash;
  /** The peer's IPv4 address; others get no such pieces, the BEP defines none. */
  readonly host: string;
  readonly pieceCount: number;
  /** How many pieces; 10 is usual. */
  readonly count: number;
  readonly sha1: (bytes: Uint8Array) => Uint8Array;
}): number[] {
  const address = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.\d{1,3}$/.exec(options.host);
  if (address === null) return [];
  const wanted = Math.min(options.count, options.pieceCount);
  const pieces = new Set<number>();
  let x = new Uint8Array(24);
  // Only the /24 counts: a neighbourhood shares its set.
  x.set([Number(address[1]), Number(address[2]), Number(address[3]), 0]);
  x.set(options.infoHash, 4);
  while (pieces.size < wanted) {
    x = Uint8Array.from(options.sha1(x));
    for (let i = 0; i < 20 && pieces.size < wanted; i += 4) pieces.add(readU32(x, i) % options.pieceCount);
  }
  return [...pieces];
}
