/** Publishing: one port that is web server, tracker and seeder of one or several shares. */
import { CreateOptionError } from "../../create/errors.ts";
import { parseNetwork } from "../../protocol/proxy-rule.ts";
import { defaultCacheDir } from "../cache-dir.ts";
import { openSpool, spoolParent } from "../spool.ts";
import { deriveToken } from "../token.ts";
import { Appliance, type ApplianceOptions } from "./appliance.ts";
import { newShareId, ShareMemory } from "./memory.ts";
import { lookAtPaths, type PublishedPath, withUniqueNames } from "./names.ts";
import { placesFor } from "./piped.ts";
import type { PipedSource, Publication, PublishEvents, PublishOptions } from "./publish-types.ts";
import { PublishedShare } from "./published-share.ts";

/**
 * Publishes files, folders and streams of bytes until it is closed. The URLs answer when this returns; hashing goes on behind them.
 * @throws {SourceError} a path isn't there.
 * @throws {CreateOptionError} a name is missing or makes no sense, or an unlisted share, or one with a password, is given other trackers.
 * @throws {ListenError} the port can't be had.
 * @throws {SpoolError} there is no place for what is piped.
 */
export async function publish(
  sources: readonly (string | PipedSource)[],
  options: PublishOptions = {},
): Promise<Publication> {
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
  if (sources.length === 0) throw new CreateOptionError("Nothing to publish: name a file or folder.");
  const files = await lookAtPaths(
    sources.filter((source) => typeof source === "string"),
    options.name,
  );
  const piped = sources.filter((source) => typeof source !== "string");
  if (piped.length === 0) return await publishPaths(files, options);
  const spool = await openSpool(spoolParent(options.cacheDir));
  try {
    return await publishPaths([...files, ...placesFor(piped, spool)], { ...options, cleanUp: spool.remove });
  } catch (error) {
    await spool.remove();
    throw error;
  }
}

async function publishPaths(
  paths: readonly PublishedPath[],
  options: ApplianceOptions,
): Promise<Publication> {
  const { unlisted = false, password } = options;
  const listed = !unlisted && password === undefined;
  const looked = withUniqueNames(paths);
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
