/** The tracker's replies, bencoded (BEP 3, BEP 7, BEP 23, BEP 48). All are fresh bytes, owned by the caller. */
import { toLatin1 } from "../../protocol/bytes.ts";
import { BencodeWriter, type Encodable, encodeBencode } from "../../protocol/encode.ts";
import type { PeerList } from "./peer-list.ts";
import type { AnnounceQuery } from "./query.ts";
import type { ScrapedSwarm } from "./store-types.ts";
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

export function encodeAnnounce(answer: AnnounceAnswer, asked: Pick<AnnounceQuery, "compact">): Uint8Array {
  const { counts, interval, minInterval, warning, externalIp, peers } = answer;
  if (asked.compact && warning === undefined) return encodeCompact(answer);
  const peers6 = peers.compact6();
  return encodeBencode({
    complete: counts.complete,
    downloaded: counts.downloaded,
    "external ip": externalIp,
    incomplete: counts.incomplete,
    interval,
    "min interval": minInterval,
    peers: asked.compact ? peers.compact4() : dictsOf(peers),
    // Clients that know no IPv6 need not see an empty list of it.
    peers6: asked.compact && peers6.length > 0 ? peers6 : undefined,
    "warning message": warning,
  });
}

function dictsOf(peers: PeerList): Encodable {
  return peers.entries().map(({ host, port, peerId }) => ({ ip: host, "peer id": peerId, port }));
}

/** The same for nearly every announce there is, without the detour over a dictionary. */
function encodeCompact({ counts, interval, minInterval, externalIp, peers }: AnnounceAnswer): Uint8Array {
  const peers4 = peers.compact4();
  const peers6 = peers.compact6();
  const writer = new BencodeWriter(TEXT_LENGTH + peers4.length + peers6.length);
  writer.ascii(
    `d8:completei${counts.complete}e10:downloadedi${counts.downloaded}e11:external ip${externalIp.length}:`,
  );
  writer.bytes(externalIp);
  writer.ascii(
    `10:incompletei${counts.incomplete}e8:intervali${interval}e12:min intervali${minInterval}e5:peers${peers4.length}:`,
  );
  writer.bytes(peers4);
  if (peers6.length > 0) {
    writer.ascii(`6:peers6${peers6.length}:`);
    writer.bytes(peers6);
  }
  writer.ascii("e");
  return writer.finish();
}

/** More than all of a compact reply but its peers. */
const TEXT_LENGTH = 300;

export function encodeScrape(swarms: readonly ScrapedSwarm[], interval: number): Uint8Array {
  const files = new Map(swarms.map(({ infoHash, counts }) => [toLatin1(infoHash), { ...counts }]));
  return encodeBencode({ files, flags: { min_request_interval: interval } });
}
