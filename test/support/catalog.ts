/** A catalog for the web server's tests: real files, a pretended torrent. */
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Catalog, Room, Share, SharedFile, ShareState } from "../../src/httpd/model.ts";

/** Writes `content` below `root` and describes it as the scanner would. */
export function sharedFile(root: string, path: readonly string[], content: string | Uint8Array): SharedFile {
  const absolutePath = join(root, ...path);
  mkdirSync(dirname(absolutePath), { recursive: true });
  writeFileSync(absolutePath, content);
  const { mtimeNs, ctimeNs, ino, size } = statSync(absolutePath, { bigint: true });
  return { path, absolutePath, length: Number(size), executable: false, mtimeNs, ctimeNs, inode: ino };
}

export const readyState: ShareState = {
  name: "ready",
  infoHash: "0123456789abcdef0123456789abcdef01234567",
  pieceLength: 262_144,
  torrent: (base) => new TextEncoder().encode(`d8:announce${base.length + 9}:${base}/announcee`),
  magnet: (base) =>
    `magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567&tr=${encodeURIComponent(base)}`,
  swarm: () => ({ seeders: 2, leechers: 5, completed: 3 }),
};

export const emptyRoom: Room = {
  receivers: [],
  completed: 0,
  upRate: 0,
  uploaded: 0,
  rates: Array.from({ length: 180 }, () => 0),
};

export function share(overrides: Partial<Share> & Pick<Share, "files">): Share {
  return {
    id: "k3f9x2",
    name: "folder",
    listed: true,
    oneFile: false,
    state: readyState,
    bytes: overrides.files.reduce((sum, file) => sum + file.length, 0),
    room: () => emptyRoom,
    ...overrides,
  };
}

export function catalog(...shares: readonly Share[]): Catalog {
  return {
    listed: () => shares.filter(({ listed }) => listed),
    get: (id) => shares.find((each) => each.id === id),
  };
}
