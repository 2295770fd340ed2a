/** The URLs of a share, after `base` (absolute, for other programs) or `root` (for links on our pages). */
import { encodePath } from "./core/target.ts";
import type { Share, SharedFile } from "./model.ts";

/** This program, for those who have Node but not the program. */
export const PROGRAM = "/boojum.tgz";

export function sharePath(share: Share): string {
  return `/s/${share.id}`;
}

export function torrentPath(share: Share): string {
  return `/s/${share.id}.torrent`;
}

/** Everything in one file. */
export function archivePath(share: Share, format: "zip" | "tar"): string {
  return `/s/${share.id}.${format}`;
}

export function filePath(share: Share, file: SharedFile): string {
  return `/s/${share.id}/files/${encodePath(file.path)}`;
}

/** The live part of a share's page. */
export function eventsPath(share: Share): string {
  return `/s/${share.id}/events`;
}
