/** Scrapes over HTTP and HTTPS (BEP 48). */
import { TrackerError } from "../core/announce-types.ts";
import { canScrape, parseScrapeReply, type Scrape, scrapePath } from "../core/scrape.ts";
import { type AskHttpOptions, askHttp } from "./ask-http.ts";

/** Makes a {@link Scrape} for `http:` and `https:` announce URLs. */
export function createHttpScrape(options: AskHttpOptions = {}): Scrape {
  return async (url, infoHash, signal) => {
    if (!canScrape(url)) throw new TrackerError(url, "its URL has no scrape", { unanswered: true });
    return await askHttp(
      url,
      {
        pathFor: (target) => scrapePath(target, infoHash),
        read: (body) => parseScrapeReply(body, infoHash),
      },
      options,
      signal,
    );
  };
}
