/** Announces over HTTP and HTTPS (BEP 3). */
import { parseAnnounceReply } from "../core/announce-reply.ts";
import type { Announce } from "../core/announce-types.ts";
import { announcePath } from "../core/announce-url.ts";
import { type AskHttpOptions, askHttp } from "./ask-http.ts";

/** Makes an {@link Announce} for `http:` and `https:` URLs. A connection is made for each, and closed. */
export function createHttpAnnounce(options: AskHttpOptions = {}): Announce {
  return (url, params, signal) =>
    askHttp(
      url,
      { pathFor: (target) => announcePath(target, params), read: parseAnnounceReply },
      options,
      signal,
    );
}
