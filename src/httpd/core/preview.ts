/** What of a file can be looked at in the page. */
import { contentLabel } from "./content.ts";

export type PreviewKind = "image" | "audio" | "video" | "pdf" | "text" | "document";

/** Documents that could carry scripts are shown in a sandbox, drawings as images, which run nothing. */
export function previewKind(name: string): PreviewKind | undefined {
  const { type, inline, active } = contentLabel(name);
  if (!inline) return undefined;
  if (type.startsWith("image/")) return "image";
  if (type.startsWith("audio/")) return "audio";
  if (type.startsWith("video/")) return "video";
  if (type === "application/pdf") return "pdf";
  if (type.startsWith("text/html") || type === "application/xhtml+xml") return "document";
  if (type.startsWith("text/") || type === "application/json") return "text";
  return active ? "document" : undefined;
}

/** The text of a file's first bytes, or nothing when they are no text. `isWhole`: there is no more of it. */
export function textOf(bytes: Uint8Array, isWhole: boolean): string | undefined {
  const mark = bytes.length >= 2 ? ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0) : 0;
  const encoding = mark === 0xfffe ? "utf-16le" : mark === 0xfeff ? "utf-16be" : "utf-8";
  if (encoding === "utf-8" && bytes.includes(0)) return undefined;
  const text = new TextDecoder(encoding).decode(bytes, { stream: !isWhole });
  return text;
}
