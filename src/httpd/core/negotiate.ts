/** Which representation an `Accept` header asks for (RFC 9110, 12.5.1). */

/** `text` is for those who take anything, as curl and wget do. */
export type Representation = "html" | "torrent" | "json" | "text";

/** In the order in which ties are broken: who names several wants what a person reads. */
const OFFERED: readonly (readonly [Representation, string])[] = [
  ["html", "text/html"],
  ["torrent", "application/x-bittorrent"],
  ["json", "application/json"],
  ["text", "text/plain"],
];
const MAX_HEADER = 2_048;
const MAX_ENTRIES = 64;

interface Preference {
  /** Lower case, without parameters. */
  readonly type: string;
  /** 0 to 1. */
  readonly quality: number;
}

/**
 * The offered representation that the header names with the highest quality. Types that are only matched by a
 * wildcard count less than those that are named; who names none of ours gets the text.
 */
export function negotiate(accept: string | undefined): Representation {
  if (accept === undefined || accept.length > MAX_HEADER) return "text";
  const preferences = accept.split(",").slice(0, MAX_ENTRIES).map(parsePreference);
  let best: { representation: Representation; quality: number } | undefined;
  for (const [representation, type] of OFFERED) {
    const named = preferences.find((preference) => preference.type === type);
    if (named === undefined || named.quality <= (best?.quality ?? 0)) continue;
    best = { representation, quality: named.quality };
  }
  return best?.representation ?? "text";
}

function parsePreference(entry: string): Preference {
  const [type = "", ...parameters] = entry.split(";").map((part) => part.trim().toLowerCase());
  const q = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2);
  const quality = q === undefined ? 1 : /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(q) ? Number(q) : 0;
  return { type, quality };
}
