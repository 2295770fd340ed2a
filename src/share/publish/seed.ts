/** Seeding data that are here already, for torrents that exist already. */
import { statSync } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { SourceError } from "../../create/errors.ts";
import { readRegular } from "../../platform/regular-file.ts";
import { BoojumError } from "../../protocol/errors.ts";
import { defaultCacheDir } from "../cache-dir.ts";
import type { ContentOptions } from "../content-options.ts";
import { MAX_TORRENT_BYTES, readSource } from "../get/read-source.ts";
import { type Source, sourceOf } from "../source.ts";
import { Appliance } from "./appliance.ts";
import { type GivenTorrent, giveTorrent } from "./given-torrent.ts";
import { newShareId, ShareMemory } from "./memory.ts";
import type { Publication, PublishOptions } from "./publish-types.ts";
import { PublishedShare } from "./published-share.ts";

/** What publishing takes, but for what the torrents say themselves. */
export interface SeedOptions
  extends Omit<
    PublishOptions,
    | Exclude<keyof ContentOptions, "cacheDir">
    | "name"
    | "trackers"
    | "unlisted"
    | "password"
    | "expireSeconds"
    | "untilCopies"
  > {
  /** How long the swarm of a magnet link may take to give its metadata; default 60. */
  readonly timeoutSeconds?: number | undefined;
}

const DEFAULT_TIMEOUT_SECONDS = 60;
/** Milliseconds between two looks at a folder of torrents. */
const LOOK_INTERVAL = 2_000;

/**
 * Checks that `path`, a file or folder of any name, has the data of a torrent, and seeds it until it is closed: pages,
 * tracker and web seed as when it is published, and its own trackers are told.
 * @throws what reading a torrent does, and {SourceError} nothing is at `path`; `ready` rejects with a {MismatchError}
 *   when the data aren't all there.
 */
export async function seed(
  source: Source | string,
  path: string,
  options: SeedOptions = {},
): Promise<Publication> {
  const from = typeof source === "string" ? sourceOf(source) : source;
  const { timeoutSeconds = DEFAULT_TIMEOUT_SECONDS } = options;
  const signal = options.signal ?? new AbortController().signal;
  const swarm = { ...options, port: 0, timeoutSeconds, onProgress: () => {}, onWarning: () => {} };
  const { bytes, foothold } = await readSource(
    from,
    { swarm, httpTimeoutSeconds: options.httpTimeoutSeconds, onUnfinished: () => {} },
    signal,
  );
  await foothold?.close();
  const stage = new Stage(options);
  const share = await stage.share(giveTorrent(bytes), path);
  const appliance = await Appliance.open(new Map([[share.id, share]]), options, stage.tell, stage.lastPort);
  await appliance.remember(stage.memory);
  return appliance;
}

/**
 * {@link seed} for every `.torrent` of a folder, whose data lie under the torrent's name in another; torrents may come and go.
 * What can't be seeded is told as a warning, and tried again when the torrent or the data have changed.
 * @throws {SourceError} one of the folders can't be read.
 */
export async function seedFolder(
  torrents: string,
  data: string,
  options: SeedOptions = {},
): Promise<Publication> {
  for (const folder of [torrents, data]) {
    if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) continue;
    throw new SourceError(
      folder,
      `"${folder}" is no folder: give one with torrents, and one with their data.`,
    );
  }
  const stage = new Stage(options);
  const lastPort = await stage.recallPort(await realpath(torrents));
  const appliance = await Appliance.open(new Map(), { ...options, persistent: true }, stage.tell, lastPort);
  await stage.rememberPort(await realpath(torrents), appliance.port);
  const watch = new FolderWatch(resolve(torrents), resolve(data), appliance, stage);
  watch.start();
  return appliance;
}

/** Makes shares, each under the ID that it had last time. */
class Stage {
  readonly memory: ShareMemory;
  readonly tell: (event: Parameters<NonNullable<SeedOptions["onEvent"]>>[0]) => void;
  lastPort: number | undefined;
  readonly #ids = new Set<string>();

  constructor(options: SeedOptions) {
    this.memory = new ShareMemory(options.cacheDir ?? defaultCacheDir());
    this.tell = (event) => options.onEvent?.(event);
  }

  /** @throws {SourceError} nothing is there. */
  async share(given: GivenTorrent, path: string): Promise<PublishedShare> {
    const { unlisted, rawName, singleFile } = given.metainfo;
    const absolute = resolve(path);
    const realPath = await realpath(absolute).catch((cause: unknown) => {
      throw new SourceError(absolute, `Nothing is at "${absolute}": where are the data of "${rawName}"?`, {
        cause,
      });
    });
    const last = await this.memory.recall(realPath, unlisted);
    this.lastPort ??= last?.port;
    const id = last === undefined || this.#ids.has(last.id) ? newShareId(unlisted) : last.id;
    this.#ids.add(id);
    const place = { path: absolute, realPath, name: rawName, oneFile: singleFile };
    return new PublishedShare(id, place, { listed: !unlisted, token: undefined }, this.tell, given);
  }

  async recallPort(folder: string): Promise<number | undefined> {
    return (await this.memory.recall(folder))?.port;
  }

  async rememberPort(folder: string, port: number): Promise<void> {
    // What can't be remembered is told with the first share.
    await this.memory.remember(folder, { id: newShareId(), port }).catch(() => {});
  }

  /** It may come back. */
  forget(share: PublishedShare): void {
    this.#ids.delete(share.id);
  }
}

/** A torrent file as it was when it was last looked at. */
interface Watched {
  /** Tells whether anything has changed since. */
  readonly version: string;
  readonly share: PublishedShare | undefined;
}

/** Keeps an appliance in step with a folder of torrents. One thing at a time: each check reads a lot. */
class FolderWatch {
  readonly #torrents: string;
  readonly #data: string;
  readonly #appliance: Appliance;
  readonly #stage: Stage;
  readonly #watched = new Map<string, Watched>();
  #isOver = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(torrents: string, data: string, appliance: Appliance, stage: Stage) {
    this.#torrents = torrents;
    this.#data = data;
    this.#appliance = appliance;
    this.#stage = stage;
  }

  start(): void {
    void this.#untilClosed();
    void this.#look();
  }

  async #untilClosed(): Promise<void> {
    await this.#appliance.closed;
    this.#isOver = true;
    clearTimeout(this.#timer);
  }

  async #look(): Promise<void> {
    try {
      await this.#keepInStep();
    } catch (error) {
      this.#warn("folder", error);
    }
    if (!this.#isOver) this.#timer = setTimeout(() => void this.#look(), LOOK_INTERVAL);
  }

  async #keepInStep(): Promise<void> {
    const names = (await readdir(this.#torrents)).filter((name) => name.endsWith(".torrent")).sort();
    for (const name of this.#watched.keys()) if (!names.includes(name)) await this.#drop(name);
    for (const name of names) {
      if (this.#isOver) return;
      await this.#lookAt(name);
    }
  }

  async #lookAt(name: string): Promise<void> {
    const file = join(this.#torrents, name);
    const known = this.#watched.get(name);
    let version = await versionOf(file);
    // While it is seeded only the torrent matters; the engine looks after the data.
    if (known?.share !== undefined && known.version.startsWith(`${version} `)) return;
    let given: GivenTorrent | undefined;
    let failure: unknown;
    try {
      given = giveTorrent(await readRegular(file, { most: MAX_TORRENT_BYTES, follow: true }));
    } catch (error) {
      failure = error;
    }
    const path = given === undefined ? undefined : await this.#placeOf(given);
    version = `${version} ${path === undefined ? "" : await versionOf(path)}`;
    if (known?.version === version) return;
    if (known?.share !== undefined) await this.#drop(name);
    this.#watched.set(name, { version, share: undefined });
    if (given === undefined || path === undefined) return this.#warn(basename(file), failure);
    await this.#seed(name, version, given, path);
  }

  async #seed(name: string, version: string, given: GivenTorrent, path: string): Promise<void> {
    let share: PublishedShare | undefined;
    try {
      share = await this.#stage.share(given, path);
      await this.#appliance.add(share);
      this.#watched.set(name, { version, share });
      await this.#appliance.remember(this.#stage.memory);
    } catch (error) {
      if (share !== undefined) this.#stage.forget(share);
      if (!this.#isOver) this.#warn(name, error);
    }
  }

  /** Under the name that we would give it, or that the torrent does. */
  async #placeOf({ metainfo: { name, rawName } }: GivenTorrent): Promise<string> {
    const ours = join(this.#data, name);
    const theirs = /^\.{0,2}$|[/\\\0]/.test(rawName) ? ours : join(this.#data, rawName);
    return (await versionOf(ours)) === "" ? theirs : ours;
  }

  async #drop(name: string): Promise<void> {
    const share = this.#watched.get(name)?.share;
    this.#watched.delete(name);
    if (share === undefined || this.#isOver) return;
    await this.#appliance.remove(share);
    this.#stage.forget(share);
  }

  #warn(name: string, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    const code = error instanceof BoojumError ? error.code : "torrent";
    this.#stage.tell({ event: "warning", code, message: `${name}: ${message}` });
  }
}

/** Empty for what isn't there. */
async function versionOf(path: string): Promise<string> {
  try {
    const { size, mtimeMs, ino } = await stat(path);
    return `${size}-${mtimeMs}-${ino}`;
  } catch {
    return "";
  }
}
