/** The request target: from the raw bytes of the request line to names, decoded once and only once. */

export interface Target {
  /** Decoded path segments; none is empty but perhaps the last: "/" is [""], "/a/" is ["a", ""]. */
  readonly segments: readonly string[];
  readonly query: URLSearchParams;
}

const MAX_TARGET = 16 * 1024;

/**
 * Reads the target of a request (RFC 9112, 3.2.1: only the form that begins with a slash).
 * @returns undefined for everything that could mean one thing here and another elsewhere: an absolute URL, a
 *   backslash, an empty or dot segment (escaped or not), an escaped slash, a control character, a fragment, escapes
 *   that are malformed or no UTF-8. Such a request is answered 400.
 */
export function parseTarget(raw: string | undefined): Target | undefined {
  if (raw === undefined || raw.length > MAX_TARGET || !raw.startsWith("/")) return undefined;
  const mark = raw.indexOf("?");
  const path = mark < 0 ? raw : raw.slice(0, mark);
  // Visible ASCII but for what URL parsers rewrite or cut off.
  if (!/^[!-~]*$/.test(raw) || /[\\#"<>^`{|}]/.test(path)) return undefined;
  const segments: string[] = [];
  const escaped = path.slice(1).split("/");
  for (const [i, segment] of escaped.entries()) {
    const name = decodeSegment(segment);
    if (name === undefined || (name === "" && i < escaped.length - 1)) return undefined;
    segments.push(name);
  }
  return { segments, query: new URLSearchParams(mark < 0 ? "" : raw.slice(mark + 1)) };
}

function decodeSegment(segment: string): string | undefined {
  let name: string;
  try {
    name = decodeURIComponent(segment);
  } catch {
    return undefined;
  }
  return name === "." || name === ".." || name.includes("/") || name.includes("\0") ? undefined : name;
}

/**
 * Percent-encodes one path segment so that it is a name and nothing else in a URL, in HTML and on a shell's command
 * line: all but letters, digits and `-_.~`. Halves of surrogate pairs become U+FFFD.
 */
export function encodeSegment(name: string): string {
  const escaped = encodeURIComponent(name.replace(/\p{Surrogate}/gu, "\ufffd"));
  return escaped.replace(/[!'()*]/g, (found) => `%${found.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** {@link encodeSegment} for each name, with slashes between them. */
export function encodePath(names: readonly string[]): string {
  return names.map(encodeSegment).join("/");
}
