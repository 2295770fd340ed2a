/**
 * Boojum as a library: publish files and folders, get them elsewhere, write and read torrents.
 *
 * ```ts
 * import { get, publish } from "boojum";
 *
 * const publication = await publish(["./photos"], { onEvent: (event) => console.log(event) });
 * // elsewhere
 * const download = await get("http://192.168.1.20:6881/s/k3f9x2mw", { directory: "." });
 * const { path } = await download.done;
 * ```
 * Nothing runs, and no file is open, once `publication.close()` or `download.closed` has settled.
 */

export type { Encryption } from "./client/obfuscation.ts";
export type { PieceSurvey } from "./client/piece-survey.ts";
export { OutputError, SourceError } from "./create/errors.ts";
export { AllowedError } from "./share/allowed-torrents.ts";
export {
  examineMachine,
  examineSource,
  type MachineOptions,
  type SoughtSource,
} from "./share/doctor.ts";
export { type EditOptions, editTorrentFile } from "./share/edit.ts";
export type * from "./share/events.ts";
export {
  DEFAULT_SEARCH_SECONDS,
  type Finding,
  type FindOptions,
  find,
  findByCode,
  findByName,
  LocalNetworkError,
  sourceOfShares,
} from "./share/find.ts";
export { get } from "./share/get.ts";
export {
  DEFAULT_AT_ONCE,
  type Downloads,
  type GetManyOptions,
  getMany,
  type QueuedSource,
  SamePlaceError,
} from "./share/get-many.ts";
export type {
  Download,
  DownloadFile,
  FilePart,
  GetOptions,
  Preparation,
  SeedGoal,
} from "./share/get-types.ts";
export { MismatchError } from "./share/given-torrent.ts";
export { type InfoOptions, readInfo, type TorrentInfo, type TorrentInfoFile } from "./share/info.ts";
export { lanIsForbidden } from "./share/lan-choice.ts";
export type { LocalShare } from "./share/local-shares.ts";
export { InterruptedError, NobodyHasItError } from "./share/peer-errors.ts";
export { publish } from "./share/publish.ts";
export type { PipedSource, Publication, PublishEvents, PublishOptions } from "./share/publish-types.ts";
export { NoSuchFileError } from "./share/reading.ts";
export { type SeedOptions, seed, seedFolder } from "./share/seed.ts";
export {
  type AskPassword,
  type FoundSource,
  OtherTorrentError,
  type Source,
  SourceReadError,
} from "./share/source.ts";
export { SpoolError } from "./share/spool.ts";
export {
  StreamError,
  type StreamedFile,
  type Streaming,
  type StreamOptions,
  stream,
} from "./share/stream.ts";
export type { TrackerState } from "./share/swarm-look.ts";
export { type CreateTorrentOptions, createTorrentFile } from "./share/torrent-file.ts";
export { type CreateEachOptions, createEachTorrent } from "./share/torrent-files.ts";
export type { TorrentWarning } from "./share/torrent-warnings.ts";
export { type RunningTracker, runTracker, type TrackerOptions } from "./share/tracker.ts";
export { readReport, TrackerLogError, type TrackerReport } from "./share/tracker-log.ts";
export type { ReachOptions, TrafficOptions } from "./share/traffic.ts";
export type * from "./share/transfer-types.ts";
export { UnsupportedError } from "./share/unsupported-error.ts";
export { type VerifyOptions, verify } from "./share/verify.ts";
export { version } from "./share/version.ts";
export { TrackerStateError } from "./tracker/state-file.ts";
