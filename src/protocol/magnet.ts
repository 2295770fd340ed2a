/** Magnet links (BEP 9, "magnet URI format"; BEP 53 for `so`; v2 hashes as BEP 52 says). */
import { fromHex, toHex } from "./bytes.ts";
import { MagnetError } from "./errors.ts";
import { type InfoHash, type InfoHashV2, infoHash, infoHashV2 } from "./ids.ts";
import { formatPeerAddress, type PeerAddress, parsePeerAddress } from "./peer-address.ts";
import { isTrackerUrl, isWebSeedUrl } from "./urls.ts";

/** What a magnet link says. At least one of the hashes is there. */
export interface Magnet {
  readonly infoHash?: InfoHash;
  readonly infoHashV2?: InfoHashV2;
  /** `dn`: a name to show until the metadata is known, as somebody wrote it. */
  readonly name?: string;
  /** `xl`: bytes. */
  readonly length?: number;
  /** `tr`, in order, without repetitions. */
  readonly trackers: readonly string[];
  /** `ws`, in order, without repetitions. */
  readonly webSeeds: readonly string[];
  /** `x.pe`: peers to ask; the host may be a name. */
  readonly peers: readonly PeerAddress[];
  /** `xs`, http(s) URLs of the `.torrent` itself, in order; what is there must have the info hash. */
  readonly sources?: readonly string[];
  /** `so` (BEP 53): the files that are meant, as ranges of indexes, both ends included. */
  readonly select?: readonly FileRange[];
  /** `x.unlisted`, our own: the share is not to be shown to anybody who was not told of it. */
  readonly unlisted?: boolean;
}

export interface FileRange {
  readonly first: number;
  readonly last: number;
}

/** Longer than any link that a client writes; bounds the work for a hostile one. */
const MAX_LENGTH = 65_536;
const MAX_LIST = 200;
const MAX_RANGES = 1000;

/** Writes a link: hashes first, then name, length, trackers, web seeds and peers. */
export function formatMagnet(magnet: Magnet): string {
  const parts: string[] = [];
  if (magnet.infoHash) parts.push(`xt=urn:btih:${toHex(magnet.infoHash)}`);
  if (magnet.infoHashV2) parts.push(`xt=urn:btmh:${SHA256_MULTIHASH}${toHex(magnet.infoHashV2)}`);
  if (magnet.name !== undefined) parts.push(`dn=${encode(magnet.name)}`);
  if (magnet.length !== undefined) parts.push(`xl=${magnet.length}`);
  for (const url of magnet.trackers) parts.push(`tr=${encode(url)}`);
  for (const url of magnet.webSeeds) parts.push(`ws=${encode(url)}`);
  for (const peer of magnet.peers) parts.push(`x.pe=${encode(formatPeerAddress(peer))}`);
  for (const url of magnet.sources ?? []) parts.push(`xs=${encode(url)}`);
  if (magnet.select !== undefined) parts.push(`so=${magnet.select.map(formatRange).join(",")}`);
  if (magnet.unlisted === true) parts.push("x.unlisted=1");
  return `magnet:?${parts.join("&")}`;
}

/**
 * Parses a link. Parameters may repeat and be numbered (`xt.1`, `tr.2`). Unknown ones, and trackers, web seeds and peers
 * that can't be used, are left out; a hash that is malformed is an error.
 * @throws {MagnetError} when it is no magnet link or names no torrent.
 */
export function parseMagnet(text: string): Magnet {
  if (text.length > MAX_LENGTH) throw new MagnetError(`it is longer than ${MAX_LENGTH} characters`);
  if (!/^magnet:\?/i.test(text)) throw new MagnetError('it does not start with "magnet:?"');
  const found = new Found();
  for (const part of text.slice("magnet:?".length).split("&")) {
    const equals = part.indexOf("=");
    if (equals > 0) found.take(part.slice(0, equals).toLowerCase(), decode(part.slice(equals + 1)));
  }
  return found.magnet();
}

class Found {
  #infoHash: InfoHash | undefined;
  #infoHashV2: InfoHashV2 | undefined;
  #name: string | undefined;
  #length: number | undefined;
  readonly #trackers = new Set<string>();
  readonly #webSeeds = new Set<string>();
  readonly #peers = new Map<string, PeerAddress>();
  readonly #sources = new Set<string>();
  #select: readonly FileRange[] | undefined;
  #unlisted = false;

  take(key: string, value: string): void {
    switch (key.replace(/\.\d+$/, "")) {
      case "xt":
        return this.#topic(value);
      case "dn":
        this.#name ??= value;
        return;
      case "xl":
        if (/^\d{1,15}$/.test(value)) this.#length ??= Number(value);
        return;
      case "tr":
        if (this.#trackers.size < MAX_LIST && isTrackerUrl(value)) this.#trackers.add(value);
        return;
      case "ws":
        if (this.#webSeeds.size < MAX_LIST && isWebSeedUrl(value)) this.#webSeeds.add(value);
        return;
      case "x.pe":
        return this.#peer(value);
      case "xs":
        if (this.#sources.size < MAX_LIST && isWebSeedUrl(value)) this.#sources.add(value);
        return;
      case "so":
        this.#select ??= parseRanges(value);
        return;
      case "x.unlisted":
        this.#unlisted ||= value === "1";
        return;
    }
  }

  magnet(): Magnet {
    if (!this.#infoHash && !this.#infoHashV2) {
      throw new MagnetError("it names no torrent: there is no xt=urn:btih: or xt=urn:btmh:");
    }
    return {
      ...(this.#infoHash && { infoHash: this.#infoHash }),
      ...(this.#infoHashV2 && { infoHashV2: this.#infoHashV2 }),
      ...(this.#name !== undefined && { name: this.#name }),
      ...(this.#length !== undefined && { length: this.#length }),
      trackers: [...this.#trackers],
      webSeeds: [...this.#webSeeds],
      peers: [...this.#peers.values()],
      ...(this.#sources.size > 0 && { sources: [...this.#sources] }),
      ...(this.#select !== undefined && { select: this.#select }),
      ...(this.#unlisted && { unlisted: true }),
    };
  }

  #topic(value: string): void {
    const [, kind = "", hash = ""] = /^urn:(btih|btmh):(.*)$/is.exec(value) ?? [];
    if (kind === "") return;
    if (kind.toLowerCase() === "btmh") {
      const v2 = parseMultihash(hash);
      if (!v2)
        throw new MagnetError("xt=urn:btmh: is not a SHA-256 multihash (1220 and 64 hexadecimal digits)");
      if (this.#infoHashV2 && toHex(this.#infoHashV2) !== toHex(v2)) throw new MagnetError(TWO_TORRENTS);
      this.#infoHashV2 = v2;
      return;
    }
    const v1 = parseInfoHash(hash);
    if (!v1) {
      throw new MagnetError("xt=urn:btih: is not an info hash (40 hexadecimal digits, or 32 of base 32)");
    }
    if (this.#infoHash && toHex(this.#infoHash) !== toHex(v1)) throw new MagnetError(TWO_TORRENTS);
    this.#infoHash = v1;
  }

  #peer(value: string): void {
    const peer = parsePeerAddress(value);
    if (peer && this.#peers.size < MAX_LIST) this.#peers.set(formatPeerAddress(peer), peer);
  }
}

/** `0,2,4-6`. @returns undefined when anything in it is malformed: files are not guessed. */
function parseRanges(text: string): readonly FileRange[] | undefined {
  const parts = text.split(",", MAX_RANGES + 1);
  if (parts.length > MAX_RANGES) return undefined;
  const ranges: FileRange[] = [];
  for (const part of parts) {
    const [, first, last = first] = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(part) ?? [];
    if (first === undefined || Number(first) > Number(last)) return undefined;
    ranges.push({ first: Number(first), last: Number(last) });
  }
  return ranges;
}

function formatRange({ first, last }: FileRange): string {
  return first === last ? `${first}` : `${first}-${last}`;
}

const TWO_TORRENTS = "it names two different torrents";

/** SHA-256 (0x12), 32 bytes (0x20). */
const SHA256_MULTIHASH = "1220";

/** 40 hexadecimal digits, or 32 of base 32 (RFC 4648), as magnet links write an info hash. */
export function parseInfoHash(text: string): InfoHash | undefined {
  const bytes = text.length === 40 ? fromHex(text) : text.length === 32 ? fromBase32(text) : undefined;
  return bytes && infoHash(bytes);
}

function parseMultihash(text: string): InfoHashV2 | undefined {
  if (text.length !== 68 || !text.startsWith(SHA256_MULTIHASH)) return undefined;
  const bytes = fromHex(text.slice(SHA256_MULTIHASH.length));
  return bytes && infoHashV2(bytes);
}

/** Exactly 32 digits, 20 bytes. */
function fromBase32(text: string): Uint8Array | undefined {
  if (!/^[a-z2-7]{32}$/i.test(text)) return undefined;
  const bytes = new Uint8Array(20);
  let bits = 0;
  let held = 0;
  let at = 0;
  for (const character of text.toUpperCase()) {
    held = ((held << 5) | "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(character)) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = held >> bits;
    }
  }
  return bytes;
}

function encode(text: string): string {
  // A lone surrogate has no UTF-8 and would throw.
  return encodeURIComponent(text.replace(/\p{Surrogate}/gu, "\ufffd"));
}

/** Percent-decoding that never throws: what is not UTF-8 stays as it is written. `+` is a space, as many clients write it. */
function decode(text: string): string {
  const spaced = text.replaceAll("+", " ");
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}
