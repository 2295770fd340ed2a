/** What a SOURCE on the command line is. */
import { type Stats, statSync } from "node:fs";
import { UsageError } from "./units.ts";

export type Source =
  | { readonly kind: "url"; readonly url: string }
  | { readonly kind: "magnet"; readonly link: string }
  | { readonly kind: "torrent"; readonly path: string };

/** A URL that can be fetched; scheme in either case. */
function isUrl(text: string): boolean {
  return /^https?:\/\//i.test(text);
}

function isMagnet(text: string): boolean {
  return /^magnet:/i.test(text);
}

/** Whether a bare `share TEXT` means `share get TEXT`; `./x` is always a path to publish. */
export function meansGet(text: string): boolean {
  if (isUrl(text) || isMagnet(text)) return true;
  return text.endsWith(".torrent") && !/^\.{0,2}[/\\]/.test(text) && isFile(text);
}

/** Characters of an argument in a message: it may be a file's contents. */
const LONGEST_SHOWN = 200;

/** Something to look for on the local network. */
export interface LocalName {
  readonly kind: "local";
  readonly text: string;
  /** What is wrong with it when nobody there has it. */
  readonly otherwise: UsageError;
}

/**
 * What `text` is, in the order of the manual: a word-code and the name of a share come last.
 * @throws {UsageError} for what can be none of these; when it is something that could be published, the message says how.
 */
export function findSource(text: string): Source | LocalName {
  if (isUrl(text)) return { kind: "url", url: text };
  if (isMagnet(text)) return { kind: "magnet", link: text };
  if (text.endsWith(".torrent") && isFile(text)) return { kind: "torrent", path: text };
  const otherwise = new UsageError(whyNot(text));
  // No share's name has a slash, and whoever leaves out http:// doesn't mean a name.
  if (text === "" || /[/\\]/.test(text) || suggestion(text) !== undefined) throw otherwise;
  return { kind: "local", text, otherwise };
}

function whyNot(given: string): string {
  const text = given.length > LONGEST_SHOWN ? `${given.slice(0, LONGEST_SHOWN)}...` : given;
  if (isDirectory(text))
    return `"${text}" is a folder here, not a source. To publish it: share ${quote(text)}`;
  if (isFile(text)) return `"${text}" is a file here, not a source. To publish it: share ${quote(text)}`;
  const suggested = suggestion(text);
  if (suggested !== undefined)
    return `"${text}" is neither a URL nor a .torrent file that exists. ${suggested}`;
  return `"${text}" is neither a URL nor a .torrent file that exists, nor shared on this network. Is it spelled right, and the publisher running?`;
}

/** For a URL that lacks its beginning or has another one. */
function suggestion(text: string): string | undefined {
  if (/^[a-z][a-z\d+.-]*:\/\//i.test(text)) return "URLs start with http:// or https://.";
  const isHost = /^(\[[\da-f:.]+\]|[\w.-]+):\d{1,5}(\/|$)/i.test(text) || /^[\w.-]+\/s\/\w+$/.test(text);
  return isHost ? `Did you mean http://${text}?` : undefined;
}

function quote(path: string): string {
  const safe = /^[\w./@%+=:,-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
  // What looks like a flag or a command is a path when it starts with "./".
  return /^[./]/.test(safe) || safe.startsWith("'") ? safe : `./${safe}`;
}

function isFile(path: string): boolean {
  return look(path)?.isFile() ?? false;
}

function isDirectory(path: string): boolean {
  return look(path)?.isDirectory() ?? false;
}

/** @returns undefined when nothing of that name is there, or can be. */
function look(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
