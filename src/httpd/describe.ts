/** A share in words for a terminal, and in JSON for programs. */
import { escapeForTerminal } from "../protocol/escape.ts";
import { countOf, formatBytes, percent } from "./core/format.ts";
import { pageOf } from "./core/paging.ts";
import { archivePath, filePath, PROGRAM, sharePath, torrentPath } from "./links.ts";
import type { Share, SharedFile, ShareState } from "./model.ts";

/** Files named in the text; people who have more want `share get`. */
const TEXT_FILES = 20;
/** Files in one JSON answer; `?page=2` has the next ones. */
const JSON_FILES = 10_000;

/** `3 files, 1.2 GB`. */
export function sizeInWords(share: Share): string {
  return `${countOf(share.files.length, "file")}, ${formatBytes(share.bytes)}`;
}

/** What keeps the torrent from being there, for people; nothing when it is. */
export function stateInWords(state: ShareState): string | undefined {
  switch (state.name) {
    case "scanning":
      return "The files are being listed.";
    case "hashing":
      return `The torrent is being prepared: ${percent(state.bytesDone, state.bytesTotal)} %. Single files can be downloaded already.`;
    case "failed":
    case "ended":
      return state.message;
    case "ready":
      return undefined;
  }
}

/** What curl gets: the commands that fetch the share. */
export function shareText(share: Share, base: string): string {
  const { state } = share;
  const url = base + sharePath(share);
  const words = stateInWords(state);
  // It asked for the password once, and will do so again.
  const curl = share.token === undefined ? "curl" : "curl -u :PASSWORD";
  const lines = [`${escapeForTerminal(share.name)}: ${sizeInWords(share)}`, ""];
  if (words !== undefined) lines.push(escapeForTerminal(words), "");
  if (state.name !== "failed")
    lines.push(
      share.token === undefined ? "All of it, checked:" : "All of it, checked (the password is asked for):",
      `  share get ${url}`,
      `  npx ${base}${PROGRAM} get ${url}`,
      ...(share.code === undefined ? [] : [`  share get ${share.code}`]),
      "",
    );
  if (state.name === "ready") {
    lines.push("With any BitTorrent client:", `  ${curl} -OJ ${base}${torrentPath(share)}`);
    lines.push(`  ${state.magnet(base)}`, "");
  }
  if (hasArchive(share)) {
    lines.push("Everything in one file:", `  ${curl} -OJ ${base}${archivePath(share, "zip")}`);
    lines.push(`  ${curl} ${base}${archivePath(share, "tar")} | tar x`, "");
  }
  if (share.files.length > 0) lines.push("One file:");
  for (const file of share.files.slice(0, TEXT_FILES))
    lines.push(`  ${curl} ${fileArguments(share, file, base)}`);
  const more = share.files.length - TEXT_FILES;
  if (more > 0) lines.push(`  and ${countOf(more, "more file")}: open ${url} in a browser`);
  return `${lines.join("\n").trimEnd()}\n`;
}

/** Whether there is anything to pack: a single file is better fetched as it is. */
export function hasArchive(share: Share): boolean {
  return !share.oneFile && share.files.length > 0 && share.state.name !== "failed";
}

/** With -J the answer names the file, where the URL has it escaped. */
function fileArguments(share: Share, file: SharedFile, base: string): string {
  const path = filePath(share, file);
  return `${path.includes("%") ? "-OJ" : "-O"} ${base}${path}`;
}

/** The listed shares, for curl. */
export function indexText(shares: readonly Share[], base: string): string {
  if (shares.length === 0) return "Nothing is listed here.\n";
  const blocks = shares.map(
    (share) =>
      `${escapeForTerminal(share.name)}: ${sizeInWords(share)}\n  share get ${base}${sharePath(share)}\n`,
  );
  return blocks.join("\n");
}

/** The fields of a share without its files; names as in the command's JSON events. */
export function shareSummary(share: Share, base: string): Record<string, unknown> {
  const { state } = share;
  return {
    share: share.id,
    name: share.name,
    url: base + sharePath(share),
    state: state.name,
    files: share.files.length,
    bytes: share.bytes,
    ...(state.name === "hashing" && { bytesDone: state.bytesDone, bytesTotal: state.bytesTotal }),
    ...(state.name === "failed" && { message: state.message }),
    ...(state.name === "ready" && {
      torrentUrl: base + torrentPath(share),
      magnet: state.magnet(base),
      infoHash: state.infoHash,
      pieceLength: state.pieceLength,
      ...(share.code !== undefined && { code: share.code }),
      swarm: state.swarm(),
    }),
  };
}

/** A share with its files, at most 10,000 of them at a time: `page` of `pages`. */
export function shareJson(share: Share, base: string, askedPage: string | null): Record<string, unknown> {
  const page = pageOf(share.files, askedPage, JSON_FILES);
  return {
    ...shareSummary(share, base),
    page: page.number,
    pages: page.count,
    contents: page.items.map((file) => ({
      path: file.path.join("/"),
      bytes: file.length,
      url: base + filePath(share, file),
      ...(file.executable && { executable: true }),
    })),
  };
}
