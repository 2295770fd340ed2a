/** The tracker's replies, bencoded (BEP 3, BEP 7, BEP 23, BEP 48). All are fresh bytes, owned by the caller. */
import { toLatin1 } from "../../protocol/bytes.ts";
import { type Encodable, encodeBencode } from "../../protocol/encode.ts";
import type { PeerList } from "./peer-list.ts";
import type { AnnounceQuery } from "./query.ts";
import type { ScrapedSwarm } from "./store.ts";
import type { SwarmCounts } from "./swarm-types.ts";

export interface AnnounceAnswer {
  readonly counts: SwarmCounts;
  readonly peers: PeerList;
  readonly warning?: string;
  /** Seconds. */
  readonly interval: number;
  readonly minInterval: number;
  /** 4 or 16 bytes: where the announce came from, which the asker may not know (BEP 24). */
  readonly externalIp: Uint8Array;
}

/** @param retryIn minutes until it may be worth asking again (BEP 31). */
export function encodeFailure(reason: string, retryIn?: number): Uint8Array {
  return encodeBencode({ "failure reason": reason, "retry in": retryIn });
}

export function encodeAnnounce(
  answer: AnnounceAnswer,
  asked: Pick<AnnounceQuery, "compact" | "noPeerId">,
): Uint8Array {
  const { counts, interval, minInterval, warning, externalIp } = answer;
  return encodeBencode({
    complete: counts.complete,
    downloaded: counts.downloaded,
    "external ip": externalIp,
    incomplete: counts.incomplete,
    interval,
    "min interval": minInterval,
    ...peersOf(answer.peers, asked),
    "warning message": warning,
  });
}

function peersOf(
  list: PeerList,
  { compact, noPeerId }: Pick<AnnounceQuery, "compact" | "noPeerId">,
): { readonly peers: Encodable; readonly peers6?: Encodable } {
  if (compact) {
    const peers6 = list.compact6();
    // Clients that know no IPv6 need not see an empty list of it.
    return { peers: list.compact4(), ...(peers6.length > 0 ? { peers6 } : {}) };
  }
  const peers = list
    .entries()
    .map(({ host, port, peerId }) => ({ ip: host, "peer id": noPeerId ? undefined : peerId, port }));
  return { peers };
}

export function encodeScrape(swarms: readonly ScrapedSwarm[], interval: number): Uint8Array {
  const files = new Map(swarms.map(({ infoHash, counts }) => [toLatin1(infoHash), { ...counts }]));
  return encodeBencode({ files, flags: { min_request_interval: interval } });
}
