/** What others are given to come to a share: its URLs, its torrent and magnet link, what the local network hears of it. */
import type { Created } from "../../create/created.ts";
import type { Announcement } from "../../mdns/core/service.ts";
import { toHex } from "../../protocol/bytes.ts";
import { editTorrent } from "../../protocol/edit-metainfo.ts";
import { canonicalIp } from "../../protocol/ip-address.ts";
import { formatMagnet } from "../../protocol/magnet.ts";
import type { PeerAddress } from "../../protocol/peer-address.ts";
import { encodeTorrent } from "../../protocol/write-metainfo.ts";
import type { ReadyEvent } from "../events.ts";
import { version } from "../version.ts";
import type { GivenTorrent } from "./given-torrent.ts";
import type { PublishOptions } from "./publish-types.ts";

/** Of the share. */
interface Invited {
  readonly id: string;
  readonly name: string;
  readonly listed: boolean;
  readonly token: string | undefined;
}

/** `base` is always where people find us, without a slash at its end. */
export class Invitation {
  readonly #share: Invited;
  readonly #given: GivenTorrent | undefined;

  /** @param given the torrent, when it was there before the share */
  constructor(share: Invited, given: GivenTorrent | undefined) {
    this.#share = share;
    this.#given = given;
  }

  /** BEP 27: a torrent that was there before says so itself. */
  isPrivate(options: PublishOptions): boolean {
    return this.#given?.metainfo.private ?? isPrivate(options);
  }

  /** Other trackers than ours, in tiers (BEP 12). */
  otherTrackers({ trackers = [] }: PublishOptions): readonly (readonly string[])[] {
    return this.#given?.metainfo.trackers ?? trackers.map((url) => [url]);
  }

  /** What the tracker knows the share by: whoever doesn't know the token doesn't know this either. */
  get trackerId(): string {
    const { id, token } = this.#share;
    return token === undefined ? id : `${id}/${token}`;
  }

  url(base: string): string {
    return `${base}/s/${this.#share.id}`;
  }

  /** The `.torrent` for somebody who reaches us by `base`: built anew each time, around the same `info`. */
  torrent({ info }: Created, base: string, options: PublishOptions): Uint8Array {
    const { listed, token } = this.#share;
    const trackers = this.#trackers(base, options);
    const webSeeds = [this.#webSeed(base), ...(this.#given?.metainfo.webSeeds ?? [])];
    // What its maker said of it stays.
    if (this.#given !== undefined) return editTorrent(this.#given.bytes, { trackers, webSeeds });
    return encodeTorrent({
      info,
      trackers,
      webSeeds,
      createdBy: `Boojum ${version}`,
      unlisted: !listed,
      ...(token !== undefined && { token }),
    });
  }

  magnet({ infoHash, totalBytes }: Created, base: string, options: PublishOptions): string {
    const { name, listed } = this.#share;
    return formatMagnet({
      infoHash,
      name,
      length: totalBytes,
      trackers: this.#trackers(base, options).flat(),
      webSeeds: [this.#webSeed(base)],
      peers: peerAt(base),
      sources: [`${this.url(base)}.torrent`],
      unlisted: !listed,
    });
  }

  /** What the local network is told. */
  announcement({ infoHash, files, bytes }: ReadyEvent, port: number): Omit<Announcement, "host"> {
    const { id, name } = this.#share;
    return { id, name, infoHash, files, bytes, port, path: this.url("") };
  }

  readyEvent(created: Created, base: string, options: PublishOptions): ReadyEvent {
    const url = this.url(base);
    return {
      event: "ready",
      share: this.#share.id,
      name: this.#share.name,
      url,
      torrentUrl: `${url}.torrent`,
      magnet: this.magnet(created, base, options),
      infoHash: toHex(created.infoHash),
      files: created.files.length,
      bytes: created.totalBytes,
      pieceLength: created.pieceLength,
    };
  }

  /** A private torrent's peers are its own trackers' business (BEP 27). */
  #trackers(base: string, options: PublishOptions): readonly (readonly string[])[] {
    const others = this.otherTrackers(options);
    const isTheirs = this.#given?.metainfo.private === true && others.length > 0;
    // libtorrent accepts trackers on local addresses only when their path starts with `/announce`.
    return isTheirs ? others : [[`${base}/announce/${this.trackerId}`], ...others];
  }

  /** Never with a query: libtorrent drops such web seeds on local addresses. */
  #webSeed(base: string): string {
    const { token } = this.#share;
    return `${this.url(base)}/seed/${token === undefined ? "" : `${token}/`}`;
  }
}

/** The peer protocol is on the very port, unless a proxy or another name stands before it. */
function peerAt(base: string): PeerAddress[] {
  const { protocol, hostname, port } = new URL(base);
  const host = canonicalIp(hostname.replace(/^\[|\]$/g, ""));
  if (protocol !== "http:" || host === undefined) return [];
  return [{ host, port: port === "" ? 80 : Number(port) }];
}

/**
 * BEP 27. A share with a password always is: clients would tell strangers of it, who could then have it from such
 * clients, which know no token.
 */
export function isPrivate(options: Pick<PublishOptions, "private" | "password">): boolean {
  return (options.private ?? false) || options.password !== undefined;
}
