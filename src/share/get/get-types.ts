/** What downloading takes and gives. */
import type { DoneEvent, GetEvent } from "../events.ts";
import type { AskPassword } from "../source.ts";
import type { ReachOptions, TrafficOptions } from "../traffic.ts";
import type { Transferring } from "../transfer-types.ts";

/** Until when to seed what was downloaded; the first condition that is met ends it, none means not at all. */
export interface SeedGoal {
  /** Until it is stopped; the other conditions don't count then. */
  readonly forever?: boolean | undefined;
  readonly seconds?: number | undefined;
  /** Copies sent, e.g. 1.5. */
  readonly ratio?: number | undefined;
}

/** What has to be done before anything is downloaded. */
export interface Preparation {
  /** The publisher hashes what we are going to get; we ask what a magnet link stands for; or we check what is on disk. */
  readonly work: "hashing elsewhere" | "asking for the torrent" | "checking";
  readonly bytesDone: number;
  readonly bytesTotal: number;
}

/** A file of a torrent that may be got or not. */
export interface PickableFile {
  /** Below NAME, with slashes. */
  readonly path: string;
  readonly bytes: number;
}

export interface GetOptions extends TrafficOptions, ReachOptions {
  /** The folder that gets NAME; default: the working folder. */
  readonly directory?: string | undefined;
  /**
   * Into a folder that is gone when the download is closed, in `TMPDIR` or else the user's cache folder: what was read is
   * all that is left of it.
   */
  readonly temporary?: boolean | undefined;
  /** Another name than NAME for the file or folder. */
  readonly name?: string | undefined;
  /** Globs over paths below NAME; default: everything. */
  readonly select?: readonly string[] | undefined;
  /**
   * Asked, once the torrent is known, which of its files to get; by path below NAME. Then nothing is fetched before it is
   * known. Rejecting ends the download.
   */
  readonly pickFiles?:
    | ((files: readonly PickableFile[], signal: AbortSignal) => Promise<readonly string[]>)
    | undefined;
  readonly seed?: SeedGoal | undefined;
  /** Replace files that are there and differ. */
  readonly overwrite?: boolean | undefined;
  /** Make the torrent's symbolic links, those that lead to something in it; default: none. */
  readonly symlinks?: boolean | undefined;
  /** Where peers can reach us, 0 for any; default: the first free from `minPort` to `maxPort`. */
  readonly port?: number | undefined;
  /** `HOST:PORT` of peers to ask besides those that the tracker knows. */
  readonly peers?: readonly string[] | undefined;
  /** Give up after so long without a verified piece; default 600. */
  readonly timeoutSeconds?: number | undefined;
  /** Of the share, when it has one. */
  readonly password?: string | undefined;
  /** Asked when a password is needed and none was given, three times at the most. */
  readonly askPassword?: AskPassword | undefined;
  readonly onEvent?: ((event: GetEvent) => void) | undefined;
  /** How far the work before the download is; often, for a progress bar. */
  readonly onWork?: ((work: Preparation) => void) | undefined;
  /** Stops the download, as {@link Download.close} does. */
  readonly signal?: AbortSignal | undefined;
}

/** Which bytes of a file, as in `node:fs` and in HTTP: both included, from 0. */
export interface FilePart {
  /** Default: the first. */
  readonly start?: number | undefined;
  /** Default: the last. */
  readonly end?: number | undefined;
}

/** A file that is got. */
export interface DownloadFile {
  /** Below NAME; of a share that is one file, its name. */
  readonly path: string;
  readonly bytes: number;
}

/** A running download. */
export interface Download extends Transferring {
  /** 40 hexadecimal digits. */
  readonly infoHash: string;
  /** Those that were asked for, in the torrent's order. */
  readonly files: readonly DownloadFile[];
  /**
   * Reads a file, in order, as its pieces are verified: what is read is fetched first, from each reader's place on, and a
   * reader that begins elsewhere is followed at once. Who takes nothing is waited for: the download isn't over, though
   * `done`, while somebody reads. It is an iterable for `for await`; `Readable.from(...)` makes a Node stream of it. To
   * stop, leave the loop or destroy the stream.
   * @param path below NAME, as `TransferFile.path` has it; may be left out when only one file is got
   * @throws {NoSuchFileError} it isn't got here
   * @throws {InterruptedError} the download was stopped before it was complete
   */
  read(path?: string, part?: FilePart): AsyncIterableIterator<Uint8Array>;
  /** Everything that was asked for is verified and on disk; rejects, with everything taken down, when that can't be or it is stopped before. */
  readonly done: Promise<DoneEvent>;
  /** Nothing is left running: after the last upload, or after seeding. Never rejects. */
  readonly closed: Promise<void>;
  /** Saves what is there and stops everything; may be called at any time, and again. */
  close(): Promise<void>;
}
