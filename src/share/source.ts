/** What a torrent can be had from. */
import { BoojumError } from "../protocol/errors.ts";

export type Source =
  | { readonly kind: "url"; readonly url: string }
  | { readonly kind: "magnet"; readonly link: string }
  | { readonly kind: "torrent"; readonly path: string }
  | FoundSource;

/** Something that somebody claims to have; it is that torrent, or nothing. */
export interface FoundSource {
  readonly kind: "found";
  readonly name: string;
  /** 40 lower-case hexadecimal digits. */
  readonly infoHash: string;
  /** Of shares: asked one after the other. */
  readonly urls: readonly string[];
  /** `HOST:PORT`. */
  readonly peers: readonly string[];
}

/** A URL, a magnet link, or the path of a `.torrent`. */
export function sourceOf(text: string): Source {
  if (/^magnet:/i.test(text)) return { kind: "magnet", link: text };
  return /^https?:\/\//i.test(text) ? { kind: "url", url: text } : { kind: "torrent", path: text };
}

/** The `.torrent` file can't be read. */
export class SourceReadError extends BoojumError {
  constructor(message: string, options?: ErrorOptions) {
    super("source", message, options);
  }
}

/** What is there isn't what was announced. */
export class OtherTorrentError extends BoojumError {
  constructor(message: string) {
    super("other-torrent", message);
  }
}

/** `isWrong`: the last answer was not the password. */
export type AskPassword = (isWrong: boolean) => Promise<string | undefined>;
