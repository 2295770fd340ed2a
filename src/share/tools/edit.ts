/** Changing what a `.torrent` says outside `info`. */
import { realpath } from "node:fs/promises";
import { replaceTorrentFile, writeTorrentFile } from "../../create/torrent-file.ts";
import { nodeHashes } from "../../platform/hashes.ts";
import { readRegular } from "../../platform/regular-file.ts";
import { toHex } from "../../protocol/bytes.ts";
import { editTorrent, type TorrentChanges } from "../../protocol/edit-metainfo.ts";
import { parseMetainfo } from "../../protocol/parse-metainfo.ts";
import type { EditedEvent } from "../events.ts";
import { MAX_TORRENT_BYTES } from "../get/read-source.ts";
import { SourceReadError } from "../source.ts";

export interface EditOptions extends TorrentChanges {
  /** Where the changed torrent goes; nothing that exists is replaced. Default: in place of the old one, at once. */
  readonly out?: string | undefined;
}

/**
 * Changes trackers, web seeds, comment or maker of a torrent; `info`, and so the info hash, stay byte for byte.
 * @throws {SourceReadError} it can't be read.
 * @throws {MetainfoError} it must not be used.
 * @throws {OutputError} the new one can't be written; the old one is as it was.
 */
export async function editTorrentFile(path: string, options: EditOptions): Promise<EditedEvent> {
  const bytes = await readRegular(path, { most: MAX_TORRENT_BYTES, follow: true }).catch((cause: unknown) => {
    const said = cause instanceof Error ? cause.message : String(cause);
    throw new SourceReadError(`${path} can't be read: ${said}.`, { cause });
  });
  // Whatever is no torrent isn't made into one.
  parseMetainfo(bytes, nodeHashes);
  const edited = editTorrent(bytes, options);
  const { infoHash, infoHashV2, trackers, webSeeds, comment, createdBy } = parseMetainfo(edited, nodeHashes);
  const written =
    options.out === undefined
      ? await replaceTorrentFile(await realpath(path), edited)
      : await writeTorrentFile(options.out, edited);
  return {
    event: "edited",
    path: written,
    ...(infoHash !== undefined && { infoHash: toHex(infoHash) }),
    ...(infoHashV2 !== undefined && { infoHashV2: toHex(infoHashV2) }),
    trackers,
    webSeeds,
    ...(comment !== undefined && { comment }),
    ...(createdBy !== undefined && { createdBy }),
  };
}
