/** Which addresses from a torrent or a magnet link are worth keeping. What they may reach is decided when they are used. */

/** Longer than any real one; what is longer is dropped. */
const MAX_URL_LENGTH = 2048;

/** An announce URL that a client could use: `http`, `https` or `udp` (BEP 15), with a host. */
export function isTrackerUrl(text: string): boolean {
  return hasScheme(text, ["http:", "https:", "udp:"]);
}

/** A web seed (BEP 19): `http` or `https`, with a host. */
export function isWebSeedUrl(text: string): boolean {
  return hasScheme(text, ["http:", "https:"]);
}

/** `NAME:PASSWORD` of a URL that has them; escapes that are none stand for themselves. */
export function credentialsIn({ username, password }: URL): string | undefined {
  return username === "" && password === "" ? undefined : `${unescaped(username)}:${unescaped(password)}`;
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function hasScheme(text: string, schemes: readonly string[]): boolean {
  if (text.length === 0 || text.length > MAX_URL_LENGTH) return false;
  // The URL parser drops tabs and line ends without a word, and a terminal or a header would not.
  if (/[\0-\x1f\x7f]/.test(text) || !URL.canParse(text)) return false;
  const url = new URL(text);
  return schemes.includes(url.protocol) && url.hostname !== "";
}
