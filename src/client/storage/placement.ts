/** Where the bytes of a torrent lie on disk, given which of its files are wanted. */
import { createHash } from "node:crypto";
import { Bitfield } from "../../protocol/bitfield.ts";
import { toHex } from "../../protocol/bytes.ts";
import { PieceLayout } from "../../protocol/layout.ts";
import type { Metainfo, TorrentFile } from "../../protocol/metainfo.ts";
import type { Target } from "./folders.ts";
import type { Place } from "./span-io.ts";

/** Characters that are hashed in one go: thousands of short paths would cost a call each. */
const AT_ONCE = 64 * 1024;

/** A run of an unselected file that shares a piece with a selected one, and where it lies in the parts file. */
interface Part {
  readonly offset: number;
  readonly length: number;
  readonly at: number;
}

export interface TargetPlace extends Place {
  readonly file: Target | undefined;
  /** All of the file's bytes. */
  readonly isWhole: boolean;
}

export interface PlacementOptions {
  readonly metainfo: Metainfo;
  /** By index in the torrent's file list. */
  readonly isSelected: (file: TorrentFile) => boolean;
  readonly target: (file: TorrentFile) => Target;
  /** Holds what belongs to files that are not selected: they must not come into being by a neighbour's piece. */
  readonly parts: Target;
}

/**
 * A piece may reach into files that nobody wants. Those bytes go into a file of parts beside the state, densely, in the
 * order of the stream; it goes when the download is done.
 */
export class Placement {
  readonly metainfo: Metainfo;
  readonly layout: PieceLayout;
  /** The pieces that hold bytes of selected files. */
  readonly wanted: Bitfield;
  /** The selected files, empty ones included, by index in the torrent. Pad files and links are never among them. */
  readonly targets: ReadonlyMap<number, Target>;
  /** Two choices with the same text put every byte in the same place. */
  readonly selection: string;
  readonly #parts = new Map<number, readonly Part[]>();
  readonly #partsFile: Target;

  constructor({ metainfo, isSelected, target, parts }: PlacementOptions) {
    this.metainfo = metainfo;
    this.#partsFile = parts;
    this.layout = new PieceLayout(
      metainfo.files.map((file) => file.length),
      metainfo.pieceLength,
    );
    this.wanted = new Bitfield(this.layout.pieceCount);
    const targets = new Map<number, Target>();
    const digest = createHash("sha256");
    let chosen = "";
    for (const [index, file] of metainfo.files.entries()) {
      if (file.pad || file.symlink !== undefined || !isSelected(file)) continue;
      targets.set(index, target(file));
      chosen += JSON.stringify(file.path);
      if (chosen.length > AT_ONCE) {
        digest.update(chosen);
        chosen = "";
      }
      const pieces = this.layout.piecesOf(index);
      if (pieces === undefined) continue;
      for (let piece = pieces.first; piece <= pieces.last; piece++) this.wanted.add(piece);
    }
    this.targets = targets;
    this.selection = toHex(digest.update(chosen).digest());
    this.#placeParts();
  }

  /** The places of `length` bytes from `begin` in `piece`, which must be wanted; in stream order. */
  places(piece: number, begin: number, length: number): TargetPlace[] {
    const places: TargetPlace[] = [];
    for (const span of this.layout.spans(piece, begin, length)) {
      const target = this.targets.get(span.file);
      const inTorrent = this.metainfo.files[span.file];
      const file = target ?? (inTorrent?.pad ? undefined : this.#partsFile);
      const offset = file === this.#partsFile ? this.#partAt(span.file, span.offset) : span.offset;
      const isWhole = target !== undefined && span.length === inTorrent?.length;
      places.push({ file, offset, length: span.length, isWhole });
    }
    return places;
  }

  /** Whether any byte of the piece lies in the parts file. */
  usesParts(piece: number): boolean {
    return this.places(piece, 0, this.layout.pieceSize(piece)).some(
      (place) => place.file === this.#partsFile,
    );
  }

  /** The files on disk, the parts file included, that the piece reaches into. */
  targetsOf(piece: number): Set<Target> {
    const targets = new Set<Target>();
    for (const { file } of this.places(piece, 0, this.layout.pieceSize(piece))) {
      if (file !== undefined) targets.add(file);
    }
    return targets;
  }

  /** Bytes of selected files in one piece. */
  bytesIn(piece: number): number {
    let bytes = 0;
    for (const span of this.layout.spans(piece, 0, this.layout.pieceSize(piece))) {
      if (this.targets.has(span.file)) bytes += span.length;
    }
    return bytes;
  }

  #placeParts(): void {
    let at = 0;
    for (const index of this.metainfo.files.keys()) {
      const pieces = this.layout.piecesOf(index);
      if (pieces === undefined || this.targets.has(index) || this.metainfo.files[index]?.pad) continue;
      const parts: Part[] = [];
      // Only the outer pieces of a file can be shared with others.
      for (const piece of new Set([pieces.first, pieces.last])) {
        if (!this.wanted.has(piece)) continue;
        const span = this.layout
          .spans(piece, 0, this.layout.pieceSize(piece))
          .find(({ file }) => file === index);
        if (span === undefined) continue;
        parts.push({ offset: span.offset, length: span.length, at });
        at += span.length;
      }
      if (parts.length > 0) this.#parts.set(index, parts);
    }
  }

  #partAt(file: number, offset: number): number {
    for (const part of this.#parts.get(file) ?? []) {
      if (offset >= part.offset && offset < part.offset + part.length) return part.at + offset - part.offset;
    }
    throw new RangeError(`byte ${offset} of file ${file} is in no piece that is wanted`);
  }
}
