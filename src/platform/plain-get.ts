/**
 * Recognises the plainest HTTP request there is, without a parser: a complete `GET` head whose header fields are all of
 * a kind that changes nothing about how the message is framed, or who is meant. Pure. Whatever else comes, and whatever
 * is in doubt, is for a real parser, so this must never take what Node's would refuse or read in another way.
 */

/** A request of which this is all: it has no body, and its connection's next bytes are the next request's. */
export interface PlainGet {
  /** Path and query, raw. */
  readonly target: string;
  /** The one `Host` field's value. */
  readonly host: string;
  /** `Connection: close`: nothing may follow. */
  readonly isLast: boolean;
  /** Where the next request begins. */
  readonly end: number;
}

/** Longer heads than any client's announce. */
const MAX_HEAD = 4_096;
/** What RFC 3986 lets stand in a path and a query, and `%`. */
const REQUEST_LINE = /GET (\/[\w.~!$&'()*+,;=:@/?%-]*) HTTP\/1\.1\r\n/y;
/** Printable ASCII without space around it. Empty, folded and oddly spaced ones are for the parser. */
const FIELD = /([A-Za-z-]+): ([!-~](?:[ -~]*[!-~])?)\r\n/y;
/** What may stand beside `Host` and `Connection`: all that clients send with an announce, and nothing that frames. */
const HARMLESS = new Set([
  "accept",
  "accept-encoding",
  "accept-language",
  "cache-control",
  "pragma",
  "user-agent",
  "want-digest",
]);

interface Fields {
  readonly host: string;
  readonly isLast: boolean;
  readonly end: number;
}

/** Reads the requests of one connection. */
export class PlainGetReader {
  /** The last header fields, as text: a client sends the same ones with each request. */
  #known = "";
  #host = "";
  #isLast = false;

  /**
   * @param text what came, one character a byte
   * @param at where the request begins
   * @returns undefined for everything but a complete plain GET
   */
  read(text: string, at: number): PlainGet | undefined {
    REQUEST_LINE.lastIndex = at;
    const [line, target] = REQUEST_LINE.exec(text) ?? [];
    if (line === undefined || target === undefined) return undefined;
    const from = at + line.length;
    if (this.#known === "" || !text.startsWith(this.#known, from)) {
      const fields = readFields(text, from);
      if (fields === undefined) return undefined;
      this.#known = text.slice(from, fields.end);
      this.#host = fields.host;
      this.#isLast = fields.isLast;
    }
    const end = from + this.#known.length;
    if (end - at > MAX_HEAD) return undefined;
    return { target, host: this.#host, isLast: this.#isLast, end };
  }
}

/** The fields up to and with the empty line. */
function readFields(text: string, from: number): Fields | undefined {
  let host: string | undefined;
  let connection: string | undefined;
  let at = from;
  while (at - from <= MAX_HEAD) {
    if (text.startsWith("\r\n", at)) {
      return host === undefined ? undefined : { host, isLast: connection === "close", end: at + 2 };
    }
    FIELD.lastIndex = at;
    const [line, written, value] = FIELD.exec(text) ?? [];
    if (line === undefined || written === undefined || value === undefined) return undefined;
    const name = written.toLowerCase();
    if (name === "host") {
      if (host !== undefined) return undefined;
      host = value;
    } else if (name === "connection") {
      if (connection !== undefined) return undefined;
      connection = value.toLowerCase();
      if (connection !== "close" && connection !== "keep-alive") return undefined;
    } else if (!HARMLESS.has(name)) return undefined;
    at += line.length;
  }
  return undefined;
}
