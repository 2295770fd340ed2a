/** Changes what a torrent says outside `info`; everything else stays as it is, and with it the info hash. */
import { decodeBencodeDict } from "./bencode.ts";
import { type Encodable, encodeBencode, RawBencode } from "./encode.ts";
import { MetainfoError } from "./errors.ts";

/** What is absent stays as it is; an empty list or text takes the key away. */
export interface TorrentChanges {
  /** Tiers (BEP 12). */
  readonly trackers?: readonly (readonly string[])[] | undefined;
  /** BEP 19. */
  readonly webSeeds?: readonly string[] | undefined;
  readonly comment?: string | undefined;
  readonly createdBy?: string | undefined;
}

/**
 * `info` is copied byte for byte, also when its keys are out of order, and keys that we don't know are kept.
 * @param torrent one that `parseMetainfo` takes.
 * @returns bytes owned by the caller.
 * @throws {MetainfoError} {BencodeError} it is none.
 */
export function editTorrent(torrent: Uint8Array, changes: TorrentChanges): Uint8Array {
  const { dict, span } = decodeBencodeDict(torrent, "info", { allowTrailingWhitespace: true });
  if (span === undefined) throw new MetainfoError("The torrent can't be edited: info is missing");
  const edited = new Map<string, Encodable>(dict);
  edited.set("info", new RawBencode(torrent.subarray(span.start, span.end)));
  if (changes.trackers !== undefined) setTrackers(edited, changes.trackers);
  if (changes.webSeeds !== undefined) set(edited, "url-list", changes.webSeeds);
  if (changes.comment !== undefined) {
    set(edited, "comment", changes.comment);
    // Some writers say it twice, and readers prefer this one.
    edited.delete("comment.utf-8");
  }
  if (changes.createdBy !== undefined) set(edited, "created by", changes.createdBy);
  return encodeBencode(edited);
}

function setTrackers(edited: Map<string, Encodable>, tiers: readonly (readonly string[])[]): void {
  const [first] = tiers.flat();
  const isOne = tiers.flat().length === 1;
  set(edited, "announce", first ?? "");
  set(edited, "announce-list", isOne ? [] : tiers);
}

function set(edited: Map<string, Encodable>, key: string, value: string | readonly Encodable[]): void {
  if (value.length === 0) edited.delete(key);
  else edited.set(key, value);
}
