import { createHash } from "node:crypto";

/** Bytes of UTF-8 in a name, on every usual file system. */
const MAX_NAME_BYTES = 255;
/** The longest that is put around it: the dot, the endings, and a draft of the lock's takeover with its UUID. */
const AROUND = ".".length + ".boojum.lock.takeover.".length + 36;
/** Tells apart long names that begin alike. */
const MARK_BYTES = 1 + 16;

/**
 * What the state of a download of `name` is called, and what its parts and its lock begin with: `.NAME.boojum`. A NAME
 * so long that no room is left for the endings is cut, between two characters, and a digest of the whole stands in.
 */
export function stateName(name: string): string {
  const room = MAX_NAME_BYTES - AROUND;
  const bytes = new TextEncoder().encode(name);
  if (bytes.length <= room) return `.${name}.boojum`;
  const { read } = new TextEncoder().encodeInto(name, new Uint8Array(room - MARK_BYTES));
  const digest = createHash("sha256").update(bytes).digest("hex");
  return `.${name.slice(0, read)}~${digest.slice(0, MARK_BYTES - 1)}.boojum`;
}
