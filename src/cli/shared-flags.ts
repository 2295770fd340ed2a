/** Groups of flags that several commands take, and how each group becomes options of the library. */
import { type Command, Option } from "commander";
import type { ContentOptions } from "../share/content-options.ts";
import type { Encryption, TrafficOptions } from "../share/traffic.ts";
import {
  collect,
  collectPeers,
  collectProxies,
  encryption,
  ipAddress,
  lifetime,
  maxPeers,
  pieceSize,
  port,
  publicUrl,
  rangePort,
  rate,
  requestQueue,
} from "./options.ts";
import { UsageError } from "./units.ts";

/** Of commands that exchange data with peers. */
export interface TransferFlags {
  readonly limitUp?: number;
  readonly limitDown?: number;
  readonly lan: boolean;
  readonly dht?: boolean;
  readonly dhtNode?: readonly string[];
  readonly encryption?: Encryption;
  readonly maxPeers?: number;
  readonly requestQueue?: number;
  readonly minPort?: number;
  readonly maxPort?: number;
  readonly httpTimeout?: number;
  readonly ip?: string;
}

/** What these do is in the manual page: a command's help only names them, so that it fits a screen. */
function addRareFlags(command: Command, ...flags: readonly Option[]): Command {
  for (const flag of flags) command.addOption(flag.hideHelp());
  return command;
}

/** Those that BitTorrent's first programs had. */
function addOldFlags(command: Command): Command {
  return addRareFlags(
    command,
    new Option("--max-peers <n>", "connect to so many peers at most (default: 200)").argParser(maxPeers),
    new Option("--request-queue <n>", "ask one peer for so many blocks at once at most").argParser(
      requestQueue,
    ),
    new Option("--min-port <n>", "the first port to try (default: 6881)").argParser(rangePort),
    new Option("--max-port <n>", "the last port to try (default: 6999)").argParser(rangePort),
    new Option("--http-timeout <duration>", "how long trackers and web seeds get to answer").argParser(
      lifetime,
    ),
    new Option("--ip <address>", "ask trackers elsewhere to tell this address of ours").argParser(ipAddress),
  );
}

export function addTransferFlags(command: Command): Command {
  return addRareFlags(
    addOldFlags(command),
    new Option("--dht-node <host:port>", "join the DHT by this node (repeatable)").argParser(collectPeers),
    new Option("--encryption <how>", "obfuscate: prefer, require or off").argParser(encryption),
  )
    .option("--limit-up <rate>", "send no faster, e.g. 5MB/s", rate)
    .option("--limit-down <rate>", "receive no faster", rate)
    .option("--no-lan", "don't look for peers on the local network")
    .option("--dht", "find and be found by the DHT, without a tracker");
}

export function transferOptions(flags: TransferFlags): TrafficOptions {
  const { limitUp, limitDown, lan, dhtNode: dhtNodes, dht = dhtNodes !== undefined, encryption } = flags;
  const { minPort, maxPort, maxPeers, requestQueue, httpTimeout: httpTimeoutSeconds, ip: announceIp } = flags;
  if (minPort !== undefined && maxPort !== undefined && minPort > maxPort) {
    throw new UsageError(`There is no port from --min-port ${minPort} to --max-port ${maxPort}.`);
  }
  return {
    ...{ limitUp, limitDown, lan, dht, dhtNodes, encryption },
    ...{ minPort, maxPort, maxPeers, requestQueue, httpTimeoutSeconds, announceIp },
  };
}

/** Of commands that others come to: where they are reached. */
export interface PortFlags {
  readonly port?: number;
  readonly bind?: readonly string[];
  readonly publicUrl?: string;
  readonly trustProxy?: readonly string[];
  readonly upnp?: boolean;
}

export function addPortFlags(command: Command): Command {
  return addRareFlags(
    command,
    new Option(
      "--trust-proxy <address>",
      "believe the X-Forwarded-* of this proxy, or of a network of them (repeatable)",
    ).argParser(collectProxies),
  )
    .optionsGroup("Where it is reached:")
    .option("--port <n>", "listen here (default: as last time, else from 6881)", port)
    .option("--bind <address>", "listen on this address only (repeatable)", collect)
    .option("--public-url <url>", "how others reach this port from outside", publicUrl)
    .option("--upnp", "have the router open it to the internet, meanwhile");
}

export function portOptions(flags: PortFlags) {
  const { port, bind, publicUrl, trustProxy: trustProxies, upnp } = flags;
  return { port, bind, publicUrl, trustProxies, upnp };
}

/** Of commands that make a torrent of files that are here. */
export interface SourceFlags {
  readonly pieceSize?: number;
  readonly private?: boolean;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  /** How often it was given. */
  readonly followSymlinks?: number;
  readonly symlinks?: boolean;
  readonly times?: boolean;
  readonly cacheDir?: string;
}

/** @param cacheHelp what is kept in the cache */
export function addSourceFlags(command: Command, cacheHelp: string): Command {
  let followed = 0;
  return addRareFlags(
    command,
    new Option("--times", "tell when files changed: another info hash then"),
    new Option("--cache-dir <dir>", cacheHelp),
  )
    .option("--piece-size <size>", "16KiB to 64MiB (default: by size)", pieceSize)
    .option("--private", "peers from trackers only (BEP 27)")
    .option("--include <glob>", "only these files (repeatable)", collect)
    .option("--exclude <glob>", "not these files (repeatable)", collect)
    .option("--follow-symlinks", "inside what is shared; given twice: anywhere")
    .option("--symlinks", "tell of links inside as links (BEP 47)")
    .on("option:follow-symlinks", () => command.setOptionValue("followSymlinks", ++followed));
}

export function sourceOptions(flags: SourceFlags): ContentOptions {
  const { followSymlinks: followed = 0, symlinks, times } = flags;
  if (symlinks && followed > 0)
    throw new UsageError("--symlinks doesn't follow links: leave one of both out.");
  return {
    pieceLength: flags.pieceSize,
    private: flags.private,
    include: flags.include,
    exclude: flags.exclude,
    followSymlinks: followed >= 2 ? 2 : followed === 1 ? 1 : 0,
    symlinks,
    times,
    cacheDir: flags.cacheDir,
  };
}
