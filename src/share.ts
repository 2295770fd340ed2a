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

export type { PieceSurvey } from "./client/metadata/piece-survey.ts";
export type { Encryption } from "./client/peers/obfuscation.ts";
export { OutputError, SourceError } from "./create/errors.ts";
export type { ContentOptions } from "./share/content-options.ts";
export {
  type ExamineEvents,
  examineMachine,
  examineSource,
  type MachineOptions,
  type SoughtSource,
} from "./share/doctor/doctor.ts";
export type { ProbeOptions } from "./share/doctor/source.ts";
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
} from "./share/find/find.ts";
export type { LocalShare } from "./share/find/local-shares.ts";
export { get } from "./share/get/get.ts";
export {
  DEFAULT_AT_ONCE,
  type Downloads,
  type GetManyOptions,
  getMany,
  type QueuedSource,
  SamePlaceError,
} from "./share/get/get-many.ts";
export type {
  Download,
  DownloadFile,
  FilePart,
  GetOptions,
  PickableFile,
  Preparation,
  SeedGoal,
} from "./share/get/get-types.ts";
export { NoSuchFileError } from "./share/get/reading.ts";
export {
  StreamError,
  type StreamedFile,
  type Streaming,
  type StreamOptions,
  stream,
} from "./share/get/stream.ts";
export { lanIsForbidden } from "./share/lan-choice.ts";
export { InterruptedError, NobodyHasItError } from "./share/peer-errors.ts";
export { MismatchError } from "./share/publish/mismatch-error.ts";
export { publish } from "./share/publish/publish.ts";
export type {
  PipedSource,
  Publication,
  PublishEvents,
  PublishOptions,
} from "./share/publish/publish-types.ts";
export { type SeedOptions, seed, seedFolder } from "./share/publish/seed.ts";
export {
  type AskPassword,
  type FoundSource,
  OtherTorrentError,
  type Source,
  SourceReadError,
} from "./share/source.ts";
export { SpoolError } from "./share/spool.ts";
export { type EditOptions, editTorrentFile } from "./share/tools/edit.ts";
export { type InfoOptions, readInfo, type TorrentInfo, type TorrentInfoFile } from "./share/tools/info.ts";
export type { TrackerState } from "./share/tools/swarm-look.ts";
export { type CreateTorrentOptions, createTorrentFile } from "./share/tools/torrent-file.ts";
export { type CreateEachOptions, createEachTorrent } from "./share/tools/torrent-files.ts";
export type { TorrentWarning } from "./share/tools/torrent-warnings.ts";
export { type VerifyOptions, verify } from "./share/tools/verify.ts";
export { AllowedError } from "./share/track/allowed-torrents.ts";
export { type RunningTracker, runTracker, type TrackerOptions } from "./share/track/tracker.ts";
export { readReport, TrackerLogError, type TrackerReport } from "./share/track/tracker-log.ts";
export type { ReachOptions, TrafficOptions } from "./share/traffic.ts";
export type * from "./share/transfer-types.ts";
export { UnsupportedError } from "./share/unsupported-error.ts";
export { version } from "./share/version.ts";
export { TrackerStateError } from "./tracker/state-file.ts";
