import type { PieceIndex } from "../../protocol/ids.ts";
import { SourceChecks, type SourceChecksOptions } from "./source-checks.ts";
import { readPlaces } from "./span-io.ts";
import type { PieceStorage } from "./storage.ts";

/**
 * Files whose pieces are served, and which others may change. Each is looked at when it is opened and at every read. Of
 * one that isn't what it was nothing is given but pieces that were hashed again ({@link SourceChecks}); what isn't right
 * makes `read` fail with a StorageError that names the file, and the other files go on.
 */
export class CheckedFiles implements Pick<PieceStorage, "read" | "close"> {
  readonly #options: SourceChecksOptions;
  readonly #checks: SourceChecks;

  constructor(options: SourceChecksOptions) {
    this.#options = options;
    this.#checks = new SourceChecks(options);
  }

  read(piece: PieceIndex, begin: number, targets: readonly Uint8Array[]): Promise<void> | undefined {
    if (this.#checks.isDoubtful(piece)) return this.#checks.read(piece, begin, targets);
    const { io, places } = this.#options;
    let length = 0;
    for (const target of targets) length += target.length;
    const reading = readPlaces(io, places(piece, begin, length), targets);
    return reading?.catch(() => this.#checks.read(piece, begin, targets));
  }

  /** The file at `path` seems to be another one: it is compared with the torrent, in the background. */
  suspect(path: string): void {
    this.#checks.suspect(path);
  }

  async close(): Promise<void> {
    const { sources, io } = this.#options;
    for (const source of sources) {
      source.closed = true;
      io.openFiles.drop(source);
    }
    await this.#checks.close();
  }
}
