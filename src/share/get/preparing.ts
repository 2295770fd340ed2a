/** A download before its torrent is there: what the publisher still does, what can be fetched already, the place on disk. */
import type { Download as Place } from "../../client/download.ts";
import type { Unfinished } from "../../client/http/fetch-torrent.ts";
import { openDownload } from "../../client/open-download.ts";
import { systemRandom } from "../../platform/random.ts";
import { bytesEqual, toHex } from "../../protocol/bytes.ts";
import type { InfoHash } from "../../protocol/ids.ts";
import type { FileRange } from "../../protocol/magnet.ts";
import type { Metainfo } from "../../protocol/metainfo.ts";
import type { GetEvent } from "../events.ts";
import { closePeerPort, type PeerPort } from "../peer-port.ts";
import { downloadEarly, type EarlyResult } from "./early.ts";
import type { GetOptions } from "./get-types.ts";
import { DEFAULT_TIMEOUT_SECONDS } from "./receiver.ts";
import { isWanted, type Select, selector } from "./selection.ts";

/** Where the download proper begins. */
export interface Prepared {
  readonly place: Place;
  /** Pieces that were here before anything was fetched, and bytes of the torrent that weren't. */
  readonly resumedPieces: number;
  readonly leftAtStart: number;
  /** Open already, when something was fetched early. */
  readonly port?: PeerPort;
}

export class Preparing {
  readonly tell: (event: GetEvent) => void;
  /** The system lost what was written. */
  onLost: (pieces: readonly number[]) => void = () => {};
  readonly #options: GetOptions;
  readonly #signal: AbortSignal;
  #early: EarlyResult | undefined;
  #place: Place | undefined;
  #isStarted = false;
  /** What could be fetched early has been. */
  #isPast = false;
  /** Files that a magnet link asks for. */
  #ranges: readonly FileRange[] | undefined;
  /** Paths that somebody picked. */
  #picked: ReadonlySet<string> | undefined;

  constructor(options: GetOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
    this.tell = (event) => options.onEvent?.(event);
  }

  /** The publisher is still hashing. */
  unfinished(status: Unfinished | undefined): void {
    if (status === undefined || status.bytes === 0) return;
    const { name, files, bytesDone, bytes, url } = status;
    // Where something can be fetched early, it is told when that begins.
    if (!this.#isStarted && (url === undefined || this.#isPast)) {
      this.#isStarted = true;
      this.tell({ event: "started", infoHash: null, name, bytes, files, resumedBytes: 0 });
    }
    this.#options.onWork?.({ work: "hashing elsewhere", bytesDone, bytesTotal: bytes });
  }

  /** Fetches what it has hashed, until it is done. */
  async downloadEarly(url: string, authorization: string | undefined): Promise<void> {
    const options = this.#options;
    this.#early = await downloadEarly(
      {
        url,
        authorization,
        options,
        timeoutSeconds: options.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS,
        tell: this.tell,
        openPlace: (metainfo, lost) => {
          this.onLost = lost;
          return this.#open(metainfo, true);
        },
        began: (metainfo, place) => this.#tellStarted(metainfo, place, null),
      },
      this.#signal,
    );
    this.#isPast = true;
  }

  /** Asks which files are wanted, if somebody wants to be asked. */
  async pick(metainfo: Metainfo): Promise<void> {
    const { pickFiles } = this.#options;
    if (pickFiles === undefined) return;
    const files = metainfo.files.filter((file) => isWanted(file, this.#selector(metainfo)));
    const listed = files.map(({ path, length }) => ({ path: path.join("/"), bytes: length }));
    this.#picked = new Set(await pickFiles(listed, this.#signal));
  }

  /** The torrent is there. */
  async openFor(
    metainfo: Metainfo,
    infoHash: InfoHash,
    ranges: readonly FileRange[] | undefined,
  ): Promise<Prepared> {
    this.#ranges = ranges;
    const early = this.#early;
    if (early !== undefined && bytesEqual(early.infoHash, infoHash)) {
      this.tell({ event: "identified", infoHash: toHex(infoHash) });
      const { place, port } = early;
      return { place, port, resumedPieces: 0, leftAtStart: metainfo.length };
    }
    // Another torrent than the one that was being made: what is on disk is compared with it.
    await this.close();
    const place = await this.#open(metainfo, false);
    this.#place = place;
    for (const path of place.skipped) {
      const message = `"${path}" is a symbolic link in the torrent; it was not made. With --symlinks it is.`;
      this.tell({ event: "warning", code: "symlink", message });
    }
    if (this.#isStarted) this.tell({ event: "identified", infoHash: toHex(infoHash) });
    else this.#tellStarted(metainfo, place, infoHash);
    return { place, resumedPieces: place.have.count, leftAtStart: 0 };
  }

  /** For failure: whatever is open is closed, and the place keeps what it has. */
  async close(): Promise<void> {
    const [early, place] = [this.#early, this.#place];
    this.#early = undefined;
    this.#place = undefined;
    if (early !== undefined) await closePeerPort(early.port);
    await early?.place.close();
    await place?.close();
  }

  #open(metainfo: Metainfo, provisional: boolean): Promise<Place> {
    const { directory = ".", overwrite = false, name = metainfo.name, onWork } = this.#options;
    const select = this.#selector(metainfo);
    return openDownload(
      {
        metainfo: { ...metainfo, name },
        directory,
        overwrite,
        provisional,
        symlinks: this.#options.symlinks ?? false,
        onSkipped: (message) => this.tell({ event: "warning", code: "skipped", message }),
        ...(select !== undefined && { select }),
        random: systemRandom,
        onProgress: (bytesDone, bytesTotal) => onWork?.({ work: "checking", bytesDone, bytesTotal }),
        onLost: (pieces, error) => {
          const message = `${error.message} ${pieces.length} pieces are fetched again.`;
          this.tell({ event: "warning", code: error.code, message });
          this.onLost(pieces);
        },
      },
      this.#signal,
    );
  }

  #selector(metainfo: Metainfo): Select | undefined {
    const picked = this.#picked;
    if (picked !== undefined) return (path) => picked.has(path.join("/"));
    return selector(metainfo, this.#options.select, this.#ranges);
  }

  #tellStarted(metainfo: Metainfo, place: Place, infoHash: InfoHash | null): void {
    // A publisher whose files changed begins anew; the download doesn't.
    if (this.#isStarted) return;
    this.#isStarted = true;
    const select = this.#selector(metainfo);
    this.tell({
      event: "started",
      infoHash: infoHash && toHex(infoHash),
      name: metainfo.name,
      bytes: place.selectedBytes,
      files: metainfo.files.filter((file) => isWanted(file, select)).length,
      resumedBytes: place.resumedBytes,
    });
  }
}
