/** Torrents for storage tests: the metainfo is put together by hand, the data come from a seed. */
import { createHash } from "node:crypto";
import type { Download } from "../../src/client/download.ts";
import { infoHash, pieceIndex } from "../../src/protocol/ids.ts";
import { PieceLayout } from "../../src/protocol/layout.ts";
import type { Metainfo, TorrentFile } from "../../src/protocol/metainfo.ts";
import { seededRandom } from "./seeded-random.ts";

export interface FileSpec {
  readonly path: string;
  readonly length: number;
  readonly pad?: boolean;
  readonly executable?: boolean;
  readonly symlink?: readonly string[];
}

export interface StoredTorrent {
  readonly metainfo: Metainfo;
  readonly layout: PieceLayout;
  /** The whole stream. */
  readonly data: Uint8Array;
  /** The bytes of one piece: a view into `data`. */
  piece(index: number): Uint8Array;
  /** The bytes of one file, by path: a view into `data`. */
  file(path: string): Uint8Array;
}

/** A folder torrent, unless the only file's path is `name`. */
export function storedTorrent(
  specs: readonly FileSpec[],
  pieceLength: number,
  name = "share",
): StoredTorrent {
  const layout = new PieceLayout(
    specs.map((spec) => spec.length),
    pieceLength,
  );
  const data = new Uint8Array(layout.totalLength);
  const random = seededRandom(specs.length * 7919 + layout.totalLength);
  const files: TorrentFile[] = [];
  let offset = 0;
  for (const spec of specs) {
    // Never zero, so that a hole is never right by chance.
    if (!spec.pad)
      for (let i = 0; i < spec.length; i++) data[offset + i] = 1 + Math.floor(random.next() * 255);
    const path = spec.path.split("/");
    files.push({
      path,
      rawPath: path,
      length: spec.length,
      offset,
      pad: spec.pad ?? false,
      executable: spec.executable ?? false,
      ...(spec.symlink !== undefined && { symlink: spec.symlink }),
    });
    offset += spec.length;
  }
  const pieceHashes = new Uint8Array(20 * layout.pieceCount);
  const piece = (index: number) =>
    data.subarray(index * pieceLength, index * pieceLength + layout.pieceSize(index));
  for (let i = 0; i < layout.pieceCount; i++) {
    pieceHashes.set(createHash("sha1").update(piece(i)).digest(), 20 * i);
  }
  const metainfo: Metainfo = {
    version: "v1",
    infoHash: infoHash(new Uint8Array(createHash("sha1").update(pieceHashes).update(name).digest())),
    infoHashV2: undefined,
    info: new Uint8Array(0),
    name,
    rawName: name,
    emptyFolders: [],
    singleFile: specs.length === 1 && specs[0]?.path === name,
    files,
    length: layout.totalLength,
    pieceLength,
    pieceCount: layout.pieceCount,
    pieceHashes,
    private: false,
    trackers: [],
    webSeeds: [],
    unlisted: false,
  };
  return {
    metainfo,
    layout,
    data,
    piece,
    file(path) {
      const found = files.find((file) => file.path.join("/") === path);
      if (found === undefined) throw new Error(`no file ${path}`);
      return data.subarray(found.offset, found.offset + found.length);
    },
  };
}

/** Hands over a piece as a torrent does: to be checked and written elsewhere, when the storage does that. */
export async function put(
  { storage }: Pick<Download, "storage">,
  { metainfo, piece }: StoredTorrent,
  index: number,
): Promise<void> {
  const data = new Uint8Array(new SharedArrayBuffer(piece(index).length));
  data.set(piece(index));
  const sha1 = metainfo.pieceHashes.subarray(20 * index, 20 * index + 20);
  const written = storage.writeIfRight?.(pieceIndex(index), data, sha1);
  if (written === undefined) await storage.write(pieceIndex(index), data);
  else if (!(await written)) throw new Error(`piece ${index} was taken for corrupt`);
}

/** Reads one whole piece from a storage, in targets of odd sizes. */
export async function readPiece(
  storage: {
    read(
      piece: ReturnType<typeof pieceIndex>,
      begin: number,
      targets: readonly Uint8Array[],
    ): Promise<void> | undefined;
  },
  layout: PieceLayout,
  piece: number,
): Promise<Uint8Array> {
  const whole = new Uint8Array(layout.pieceSize(piece));
  const targets: Uint8Array[] = [];
  for (let at = 0, step = 1; at < whole.length; at += step, step = step * 3 + 1)
    targets.push(whole.subarray(at, at + step));
  await storage.read(pieceIndex(piece), 0, targets);
  return whole;
}
