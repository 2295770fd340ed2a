import type { HashFront } from "../../httpd/model.ts";
import type { InfoContent } from "../../protocol/write-metainfo.ts";

/** The hashes of a share while they come to be: written by the hasher, read by whoever streams them. */
export class GrowingFront implements HashFront {
  readonly pieceLength: number;
  readonly private: boolean;
  readonly content: InfoContent;
  hashes: Uint8Array = new Uint8Array(0);
  known = 0;
  outcome: HashFront["outcome"];
  readonly #listeners = new Set<() => void>();

  constructor(pieceLength: number, isPrivate: boolean, content: InfoContent) {
    this.content = content;
    this.pieceLength = pieceLength;
    this.private = isPrivate;
  }

  readonly onChange = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** The first `known` of all pieces have their hashes. */
  grow(known: number, hashes: Uint8Array): void {
    this.known = known;
    this.hashes = hashes;
    this.#tell();
  }

  /** Once: nothing changes any more. */
  settle(outcome: NonNullable<HashFront["outcome"]>): void {
    this.outcome ??= outcome;
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
