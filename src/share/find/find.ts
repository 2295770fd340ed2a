/** Finding shares on the local network, and one of them by name. */
import { Browser } from "../../mdns/browser.ts";
import { systemClock } from "../../platform/clock.ts";
import { openMulticast } from "../../platform/multicast.ts";
import { systemRandom } from "../../platform/random.ts";
import { fromHex } from "../../protocol/bytes.ts";
import { BoojumError } from "../../protocol/errors.ts";
import { infoHash as hashOf } from "../../protocol/ids.ts";
import type { FindEvent } from "../events.ts";
import { lanIsForbidden } from "../lan-choice.ts";
import type { FoundSource } from "../source.ts";
import { type LocalShare, mergeSightings } from "./local-shares.ts";
import { wordCode } from "./word-code.ts";

export interface FindOptions {
  /** Told of each share as it appears, changes and goes. */
  readonly onEvent?: ((event: FindEvent) => void) | undefined;
  /** After these: all that there is then. */
  readonly onChange?: ((shares: readonly LocalShare[]) => void) | undefined;
}

/** A search that goes on until it is closed. */
export interface Finding {
  /** What there is now. */
  readonly shares: readonly LocalShare[];
  close(): Promise<void>;
}

/** The local network must not be used. */
export class LocalNetworkError extends BoojumError {
  constructor(message: string) {
    super("no-lan", message);
  }
}

/** Looks for shares on the local network. @throws {LocalNetworkError} the environment forbids it. */
export async function find(options: FindOptions = {}): Promise<Finding> {
  if (lanIsForbidden()) {
    const message = "BOOJUM_NO_LAN is set: the local network isn't asked. Give the share's URL, or unset it.";
    throw new LocalNetworkError(message);
  }
  let shares: readonly LocalShare[] = [];
  const browser = await Browser.open({
    clock: systemClock,
    random: systemRandom,
    open: openMulticast,
    onChange: (sightings) => {
      const before = shares;
      shares = mergeSightings(sightings);
      for (const event of changes(before, shares)) options.onEvent?.(event);
      options.onChange?.(shares);
    },
  });
  return {
    get shares() {
      return shares;
    },
    close: () => browser.close(),
  };
}

/** What has to be told so that whoever knew `before` knows `after`. */
export function changes(before: readonly LocalShare[], after: readonly LocalShare[]): readonly FindEvent[] {
  const [old, now] = [before, after].map((shares) => new Map(shares.map((share) => [keyOf(share), share])));
  const events: FindEvent[] = [];
  for (const [key, share] of old ?? []) {
    if (!now?.has(key)) events.push({ event: "lost", ...share });
  }
  for (const [key, share] of now ?? []) {
    const known = old?.get(key);
    if (known === undefined) events.push({ event: "found", ...share });
    else if (JSON.stringify(known) !== JSON.stringify(share)) events.push({ event: "changed", ...share });
  }
  return events;
}

function keyOf({ infoHash, name }: LocalShare): string {
  return `${infoHash} ${name}`;
}

/** Seconds that publishers get to answer when nothing else is said. */
export const DEFAULT_SEARCH_SECONDS = 3;

/** Shares of that name, whoever publishes them. @param name compared in NFC */
export function findByName(
  name: string,
  seconds: number,
  signal: AbortSignal,
): Promise<readonly LocalShare[]> {
  const wanted = name.normalize("NFC");
  return lookFor((share) => share.name.normalize("NFC") === wanted, seconds, OTHERS_MAY_COME, signal);
}

/** Each costs a guess; whoever announces more than this hides behind them. */
const MAX_CODES = 64;

/** The share whose info hash has that word-code, which is about a quarter of a second's work for each share. */
export function findByCode(
  code: string,
  seconds: number,
  signal: AbortSignal,
): Promise<readonly LocalShare[]> {
  const codes = new Map<string, Promise<string>>();
  // One after another: threads of the pool are needed for other things.
  let last: Promise<unknown> = Promise.resolve();
  const fits = async ({ infoHash }: LocalShare) => {
    let own = codes.get(infoHash);
    if (own === undefined) {
      const bytes = fromHex(infoHash);
      if (bytes === undefined || codes.size >= MAX_CODES) return false;
      own = last.then(() => (signal.aborted ? "" : wordCode(hashOf(bytes))));
      last = own;
      codes.set(infoHash, own);
    }
    return (await own) === code;
  };
  return lookFor(fits, seconds, PEERS_MAY_COME, signal);
}

/** To get one of them: all who have the very same, as one source. @param shares of one info hash, at least one */
export function sourceOfShares([first, ...others]: readonly [LocalShare, ...LocalShare[]]): FoundSource {
  const all = [first, ...others];
  return {
    kind: "found",
    name: first.name,
    infoHash: first.infoHash,
    urls: all.flatMap(({ urls }) => urls),
    peers: all.flatMap(({ peers }) => peers),
  };
}

/**
 * After the first one fits, milliseconds. All publishers answer the same question, but for a second who has just
 * answered somebody else; a code means one share, whoever else comes.
 */
const OTHERS_MAY_COME = 1_200;
const PEERS_MAY_COME = 200;

/**
 * Looks for shares that fit.
 * @param seconds after which it is given up
 * @param patience milliseconds for others that fit, after the first
 * @returns all that fit, none when it was given up
 */
async function lookFor(
  fits: (share: LocalShare) => boolean | Promise<boolean>,
  seconds: number,
  patience: number,
  signal: AbortSignal,
): Promise<readonly LocalShare[]> {
  signal.throwIfAborted();
  const judged = new Map<string, boolean | Promise<boolean>>();
  const verdict = (share: LocalShare) => {
    const known = judged.get(keyOf(share)) ?? fits(share);
    judged.set(keyOf(share), known);
    return known;
  };
  let isOver: () => void = () => {};
  const over = new Promise<void>((resolve) => {
    isOver = resolve;
  });
  const judge = async (share: LocalShare) => {
    if (await verdict(share)) setTimeout(isOver, patience).unref();
  };
  const finding = await find({
    onEvent: (event) => {
      if (event.event !== "lost") void judge(event);
    },
  });
  const timer = setTimeout(isOver, seconds * 1_000);
  signal.addEventListener("abort", isOver, { once: true });
  try {
    await over;
    signal.throwIfAborted();
    const fitting: LocalShare[] = [];
    // Who isn't judged by now has come too late.
    for (const share of finding.shares) {
      if (await Promise.race([judged.get(keyOf(share)) ?? false, false])) fitting.push(share);
    }
    return fitting;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", isOver);
    await finding.close();
  }
}
