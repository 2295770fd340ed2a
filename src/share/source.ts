/** What a torrent can be had from. */
import { BoojumError } from "../protocol/errors.ts";

export type Source =
  | { readonly kind: "url"; readonly url: string }
  | { readonly kind: "magnet"; readonly link: string }
  | { readonly kind: "torrent"; readonly path: string };

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

/** `isWrong`: the last answer was not the password. */
export type AskPassword = (isWrong: boolean) => Promise<string | undefined>;
