/** How a shared file is labelled, so that browsers show what is harmless and never run what isn't ours. */
import { encodeSegment } from "./target.ts";

export interface ContentLabel {
  /** `Content-Type`. */
  readonly type: string;
  /** A browser that follows a link shows it; anything else is saved. */
  readonly inline: boolean;
  /** A document that could carry scripts: shown only inside a sandbox. */
  readonly active: boolean;
}

/** Documents of strangers run nothing, load nothing from us and have an origin of their own. */
const SANDBOX =
  "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; media-src data:";

const UNKNOWN: ContentLabel = { type: "application/octet-stream", inline: false, active: false };

/** Text is UTF-8 more often than anything else; what would be executable as text is shown as text. */
const TYPES: ReadonlyMap<string, ContentLabel> = new Map([
  ...labels(
    "text/plain; charset=utf-8",
    "txt text log md markdown csv tsv nfo srt vtt sub ini conf cfg toml yaml yml",
  ),
  ...labels(
    "text/plain; charset=utf-8",
    "js mjs cjs ts tsx jsx css c h cc cpp hpp rs go py rb pl sh bash zsh java kt",
  ),
  ...labels(
    "text/plain; charset=utf-8",
    "swift php lua sql diff patch sha1 sha256 sha512 md5 sfv cue m3u m3u8 asc",
  ),
  ...labels("application/json", "json map geojson ndjson"),
  ...labels("text/html; charset=utf-8", "html htm", { active: true }),
  ...labels("application/xhtml+xml", "xhtml xht", { active: true }),
  ...labels("text/xml; charset=utf-8", "xml xsl xslt rss atom", { active: true }),
  ...labels("image/svg+xml", "svg", { active: true }),
  ...labels("image/png", "png apng"),
  ...labels("image/jpeg", "jpg jpeg jfif"),
  ...labels("image/gif", "gif"),
  ...labels("image/webp", "webp"),
  ...labels("image/avif", "avif"),
  ...labels("image/bmp", "bmp"),
  ...labels("image/x-icon", "ico"),
  ...labels("audio/mpeg", "mp3"),
  ...labels("audio/mp4", "m4a m4b"),
  ...labels("audio/ogg", "ogg oga opus"),
  ...labels("audio/flac", "flac"),
  ...labels("audio/wav", "wav"),
  ...labels("video/mp4", "mp4 m4v"),
  ...labels("video/webm", "webm"),
  ...labels("video/ogg", "ogv"),
  ...labels("video/quicktime", "mov"),
  ...labels("video/x-matroska", "mkv"),
  ...labels("application/pdf", "pdf"),
  ...labels("application/zip", "zip", { inline: false }),
  ...labels("application/gzip", "gz tgz", { inline: false }),
  ...labels("application/x-tar", "tar", { inline: false }),
  ...labels("application/epub+zip", "epub", { inline: false }),
  ...labels("application/x-bittorrent", "torrent", { inline: false }),
]);

function labels(
  type: string,
  extensions: string,
  differences: Partial<ContentLabel> = {},
): (readonly [string, ContentLabel])[] {
  const label: ContentLabel = { type, inline: true, active: false, ...differences };
  return extensions.split(" ").map((extension) => [extension, label]);
}

/** The label for a file of this name, by its last extension. */
export function contentLabel(name: string): ContentLabel {
  const dot = name.lastIndexOf(".");
  return (dot > 0 ? TYPES.get(name.slice(dot + 1).toLowerCase()) : undefined) ?? UNKNOWN;
}

/** `Content-Disposition` with the name in ASCII for old clients and in full (RFC 6266, RFC 8187). */
export function contentDisposition(inline: boolean, name: string): string {
  const ascii = name.replace(/[^ -~]/gu, "_").replace(/["\\%]/g, "_");
  return `${inline ? "inline" : "attachment"}; filename="${ascii}"; filename*=UTF-8''${encodeSegment(name)}`;
}

/**
 * What an answer says of a file of this name. Only what could carry scripts is put in a sandbox: in one, browsers don't
 * play films, which have no right to load themselves there.
 */
export function contentHeaders(
  name: string,
): Readonly<Record<string, string>> & { readonly "Content-Type": string } {
  const { type, inline, active } = contentLabel(name);
  return {
    "Content-Type": type,
    "Content-Disposition": contentDisposition(inline, name),
    ...(active && { "Content-Security-Policy": SANDBOX }),
  };
}
