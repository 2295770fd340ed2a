/** Publishing: one port that is web server, tracker and seeder of one or several shares. */
import { CreateOptionError } from "../create/errors.ts";
import { parseNetwork } from "../protocol/proxy-rule.ts";
import { Appliance } from "./appliance.ts";
import type { PublishEvent, ReadyEvent } from "./events.ts";
import { defaultCacheDir, newShareId, ShareMemory } from "./memory.ts";
import { lookAtPaths } from "./names.ts";
import { PublishedShare } from "./published-share.ts";
import { deriveToken } from "./token.ts";

export type PublishEvents = (event: PublishEvent) => void;

export interface PublishOptions {
  /** The TCP port, 0 for any; default: the one the first path had last time, else the first free of 6881 to 6999. */
  readonly port?: number | undefined;
  /** IP addresses of this machine to listen on; default: all. */
  readonly bind?: readonly string[] | undefined;
  /** How others reach this port through a proxy or forward, e.g. `https://files.example.org`. */
  readonly publicUrl?: string | undefined;
  /** Proxies whose `X-Forwarded-For`, `-Proto` and `-Host` are believed: addresses, or networks such as `10.0.0.0/8`. */
  readonly trustProxies?: readonly string[] | undefined;
  /** Another name for the share; of one path only. */
  readonly name?: string | undefined;
  /** Bytes, a power of two from 16 KiB to 64 MiB; default: by size. */
  readonly pieceLength?: number | undefined;
  /** Extra announce URLs; the publisher announces itself there, too. */
  readonly trackers?: readonly string[] | undefined;
  /** BEP 27. */
  readonly private?: boolean | undefined;
  /** Found by nobody who wasn't told the URL: in no list, and kept out of lists by receivers, too. */
  readonly unlisted?: boolean | undefined;
  /** Nobody without it learns or gets anything; such shares are unlisted. Over plain HTTP it can be overheard. */
  readonly password?: string | undefined;
  /** Seconds from now until the shares end. */
  readonly expireSeconds?: number | undefined;
  /** A share ends when so many receivers are complete. */
  readonly untilCopies?: number | undefined;
  /** Bytes a second over all peers; default: none. */
  readonly limitUp?: number | undefined;
  readonly limitDown?: number | undefined;
  /** Upload slots of each share; default: by capacity. */
  readonly slots?: number | undefined;
  readonly include?: readonly string[] | undefined;
  readonly exclude?: readonly string[] | undefined;
  /** 0 (default): symbolic links are left out. 1: followed inside the share. 2: followed anywhere. */
  readonly followSymlinks?: 0 | 1 | 2 | undefined;
  /** Where IDs and ports are remembered; default: the user's cache folder. */
  readonly cacheDir?: string | undefined;
  /** Told of everything that happens, from `listening` to `stopped`. */
  readonly onEvent?: PublishEvents | undefined;
  /** Stops the publication, as {@link Publication.close} does. */
  readonly signal?: AbortSignal | undefined;
}

/** A running publication. */
export interface Publication {
  readonly port: number;
  /** Base URLs, the best first. */
  readonly urls: readonly string[];
  /** Every share is hashed and seeded; rejects when one can't be, and then the publication should be closed. */
  readonly ready: Promise<readonly ReadyEvent[]>;
  /** Nothing is left running. */
  readonly closed: Promise<void>;
  /** Stops everything; may be called at any time, and again. */
  close(): Promise<void>;
}

/**
 * Publishes files and folders until it is closed. The URLs answer when this returns; hashing goes on behind them.
 * @throws {SourceError} a path isn't there.
 * @throws {CreateOptionError} a name is missing or makes no sense, or an unlisted share, or one with a password, is given other trackers.
 * @throws {ListenError} the port can't be had.
 */
export async function publish(paths: readonly string[], options: PublishOptions = {}): Promise<Publication> {
  options.signal?.throwIfAborted();
  const unlisted = options.unlisted ?? false;
  const { password } = options;
  if (password === "") throw new CreateOptionError("The password is empty. Choose one, or leave it out.");
  for (const proxy of options.trustProxies ?? []) {
    if (parseNetwork(proxy) === undefined)
      throw new CreateOptionError(`"${proxy}" is not an address of a proxy.`);
  }
  const listed = !unlisted && password === undefined;
  if (!listed && (options.trackers ?? []).length > 0) {
    throw new CreateOptionError(
      "An unlisted share, or one with a password, can't have other trackers: they would tell of it. Leave out --tracker.",
    );
  }
  const looked = await lookAtPaths(paths, options.name);
  const memory = new ShareMemory(options.cacheDir ?? defaultCacheDir());
  const tell: PublishEvents = (event) => options.onEvent?.(event);
  const shares = new Map<string, PublishedShare>();
  let lastPort: number | undefined;
  for (const [i, path] of looked.entries()) {
    const last = await memory.recall(path.realPath, unlisted);
    if (i === 0) lastPort = last?.port;
    const id = last === undefined || shares.has(last.id) ? newShareId(unlisted) : last.id;
    const token = password === undefined ? undefined : await deriveToken(password, id);
    shares.set(id, new PublishedShare(id, path, { listed, token }, tell));
  }
  const appliance = await Appliance.open(shares, options, tell, lastPort);
  await appliance.remember(memory);
  return appliance;
}
