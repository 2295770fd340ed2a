/** A published share whose bytes a test wants by the peer protocol alone, and by a way of its own choosing. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { ShareProcess } from "./command.ts";
import { digestTree, noise } from "./data.ts";
import { rewriteTorrent } from "./torrent-file.ts";

export interface WireShare {
  readonly publisher: ShareProcess;
  readonly port: number;
  readonly url: string;
  /** 40 hexadecimal digits. */
  readonly infoHash: string;
  /** A `.torrent` without trackers and web seeds: `share get TORRENT --peer ...` has nobody else to ask. */
  readonly torrent: string;
  readonly digests: ReadonlyMap<string, string>;
}

/** Publishes `DIR/folder`, three files of `bytes` together, on loopback. */
export async function publishForWire(
  dir: string,
  bytes: number,
  flags: readonly string[] = [],
): Promise<WireShare> {
  const folder = path.join(dir, "folder");
  mkdirSync(path.join(folder, "sub"), { recursive: true });
  writeFileSync(path.join(folder, "a.bin"), noise(Math.floor(bytes / 2), 1));
  writeFileSync(path.join(folder, "sub", "b.bin"), noise(Math.ceil(bytes / 2) - 5, 2));
  writeFileSync(path.join(folder, "c.txt"), "12345");
  const publisher = new ShareProcess([
    "publish",
    folder,
    ...["--bind", "127.0.0.1", "--cache-dir", path.join(dir, "cache"), "--piece-size", "64KiB"],
    ...flags,
  ]);
  const ready = await publisher.event("ready");
  const answer = await fetch(String(ready["torrentUrl"]));
  const torrent = path.join(dir, "wire.torrent");
  rewriteTorrent(new Uint8Array(await answer.arrayBuffer()), [], torrent);
  return {
    publisher,
    port: Number((await publisher.event("listening"))["port"]),
    url: String(ready["url"]),
    infoHash: String(ready["infoHash"]),
    torrent,
    digests: await digestTree(folder),
  };
}
