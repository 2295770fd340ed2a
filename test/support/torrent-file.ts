import { readFileSync, writeFileSync } from "node:fs";
import { decodeBencodeDict } from "../../src/protocol/bencode.ts";
import { encodeTorrent } from "../../src/protocol/write-metainfo.ts";

/**
 * Writes `torrent` anew with these trackers and nothing else: unless a test names some, there is no web seed, so that bytes
 * must travel by the wire protocol.
 */
export function rewriteTorrent(
  torrent: string | Uint8Array,
  trackers: readonly string[],
  to: string,
  webSeeds: readonly string[] = [],
): string {
  const bytes = typeof torrent === "string" ? readFileSync(torrent) : torrent;
  const { span } = decodeBencodeDict(bytes, "info", { allowTrailingWhitespace: true });
  if (span === undefined) throw new Error("no info in this torrent");
  writeFileSync(
    to,
    encodeTorrent({
      info: bytes.subarray(span.start, span.end),
      trackers: trackers.map((url) => [url]),
      webSeeds,
    }),
  );
  return to;
}
