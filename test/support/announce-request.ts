import type { AnnounceQuery } from "../../src/tracker/core/query.ts";
import type { AnnounceRequest } from "../../src/tracker/core/store-types.ts";

/** What a tracker's store is asked by a leecher at 10.0.0.9 that wants no peers; what matters in a test is given. */
export function announceRequest(
  query: Pick<AnnounceQuery, "infoHash" | "peerId"> & Partial<AnnounceQuery>,
  request: Partial<Omit<AnnounceRequest, "query">> = {},
): AnnounceRequest {
  return {
    query: {
      ok: true,
      port: 7000,
      uploaded: 0,
      downloaded: 0,
      left: 5,
      event: "none",
      numwant: 0,
      compact: true,
      noPeerId: false,
      key: "k",
      ...query,
    },
    address: Uint8Array.of(10, 0, 0, 9),
    shareId: undefined,
    reachedAs: { ip: Uint8Array.of(10, 0, 0, 1), port: 1 },
    ...request,
  };
}
