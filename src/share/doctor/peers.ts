/** Whether peers of a torrent answer, and give what they should. */

import { type PeerVisit, type PeerVisitOptions, visitPeer } from "../../client/metadata/peer-visit.ts";
import { Obfuscation } from "../../client/peers/obfuscation.ts";
import { RunBuffers } from "../../client/peers/run-buffers.ts";
import { systemClock } from "../../platform/clock.ts";
import { systemErrorCode } from "../../platform/file-system.ts";
import { nodeHashes } from "../../platform/hashes.ts";
import { systemRandom } from "../../platform/random.ts";
import { dialTcp } from "../../platform/tcp.ts";
import type { Dial } from "../../platform/transport.ts";
import { formatPeerAddress, type PeerAddress } from "../../protocol/peer-address.ts";
import { proverOf } from "../token.ts";
import { version } from "../version.ts";
import type { Checkup, Finding } from "./checkup.ts";
import { judgeSample, newPeerId, sampleOf, type Target } from "./target.ts";
import { messageOf } from "./way.ts";

interface Met {
  readonly address: PeerAddress;
  readonly visit: PeerVisit;
  readonly dial: Dial;
}

export interface PeersOptions {
  /** For each peer. */
  readonly stepSeconds: number;
  /** The data come without them, too. */
  readonly webSeedWorks: boolean;
}

/** More say nothing new. */
const MAX_PEERS = 8;

/** Shakes hands with each of them, and asks the best one for data. */
export async function checkPeers(
  checkup: Checkup,
  target: Target,
  addresses: readonly PeerAddress[],
  options: PeersOptions,
  signal: AbortSignal,
): Promise<void> {
  const distinct = [...new Map(addresses.map((each) => [formatPeerAddress(each), each])).values()];
  if (distinct.length === 0) {
    checkup.note("peer", "none", nobodyNamed(options.webSeedWorks), 0);
    checkup.skip("block", "none", "there is no peer to ask.");
    return;
  }
  const best = await meetAll(checkup, target, distinct.slice(0, MAX_PEERS), options, signal);
  if (best === undefined) checkup.skip("block", "none", "no peer that answers has anything.");
  else await checkBlock(checkup, target, best, options, signal);
}

function nobodyNamed(webSeedWorks: boolean): Finding {
  return {
    verdict: webSeedWorks ? "warn" : "fail",
    message: "nobody named a peer that has it",
    advice: "Does the publisher still run? If you know where: --peer HOST:PORT.",
  };
}

/** @returns who has most of it; undefined when nobody has anything. */
async function meetAll(
  checkup: Checkup,
  target: Target,
  addresses: readonly PeerAddress[],
  { stepSeconds, webSeedWorks }: PeersOptions,
  signal: AbortSignal,
): Promise<Met | undefined> {
  const tried = await Promise.all(
    addresses.map(async (address) => {
      const begin = performance.now();
      const late = AbortSignal.timeout(stepSeconds * 1_000);
      const met = await meet(address, target, AbortSignal.any([signal, late])).catch((error: unknown) => ({
        error,
      }));
      return { address, met, took: performance.now() - begin };
    }),
  );
  signal.throwIfAborted();
  const met = tried.flatMap(({ met: each }) => ("error" in each ? [] : [each]));
  const isNeeded = met.length === 0 && !webSeedWorks;
  for (const { address, met: each, took } of tried) {
    const finding = "error" in each ? unmet(each.error, isNeeded) : judgeVisit(each);
    checkup.note("peer", formatPeerAddress(address), finding, took);
  }
  const [best] = met.sort((a, b) => b.visit.pieces.count - a.visit.pieces.count);
  return best !== undefined && best.visit.pieces.count > 0 ? best : undefined;
}

/** A peer that hangs up on a plain handshake may take an obfuscated one. */
async function meet(address: PeerAddress, target: Target, signal: AbortSignal): Promise<Met> {
  let isThere = false;
  const plain: Dial = async (to, until) => {
    const transport = await dialTcp(to, until);
    isThere = true;
    return transport;
  };
  try {
    return { address, dial: plain, visit: await visitPeer(address, visitOf(target, plain), signal) };
  } catch (error) {
    if (!isThere || signal.aborted) throw error;
    const dial = obfuscatedDial(target);
    const visit = await visitPeer(address, visitOf(target, dial), signal).catch(() => {
      throw error;
    });
    return { address, dial, visit };
  }
}

function obfuscatedDial({ metainfo }: Target): Dial {
  const obfuscation = new Obfuscation({
    encryption: "prefer",
    random: systemRandom,
    sha1: nodeHashes.sha1,
    buffers: new RunBuffers(),
  });
  return async (to, until) => obfuscation.dialled(await dialTcp(to, until), metainfo.infoHash);
}

function visitOf({ metainfo, layout }: Target, dial: Dial): PeerVisitOptions {
  const { infoHash, token } = metainfo;
  return {
    infoHash,
    peerId: newPeerId(),
    layout,
    dial,
    clock: systemClock,
    client: `Boojum ${version}`,
    prove: token === undefined ? undefined : proverOf(token, infoHash),
  };
}

function judgeVisit({ visit: { client, pieces } }: Met): Finding {
  const has = pieces.isComplete ? "everything" : `${pieces.count} of ${pieces.length} pieces`;
  return { verdict: "ok", message: `${client} has ${has}` };
}

function unmet(error: unknown, isNeeded: boolean): Finding {
  const code = systemErrorCode(error);
  const isLate =
    error instanceof DOMException || code === "ETIMEDOUT" || messageOf(error) === "nobody answered";
  const message =
    code === "ECONNREFUSED"
      ? "nobody listens there"
      : isLate
        ? "nobody answers"
        : `it answers, but: ${messageOf(error)}`;
  const advice =
    code === "ECONNREFUSED" || isLate
      ? "A firewall in between, or a peer that is gone. At the publisher: share doctor --port N."
      : "Does it still have this very torrent, and is a password needed that isn't in it?";
  return { verdict: isNeeded ? "fail" : "warn", message, advice };
}

/** Whoever serves others looks for somebody new every ten seconds. */
const LEAST_SECONDS = 20;

async function checkBlock(
  checkup: Checkup,
  target: Target,
  { address, dial, visit }: Met,
  { stepSeconds, webSeedWorks }: PeersOptions,
  signal: AbortSignal,
): Promise<void> {
  await checkup.check("block", formatPeerAddress(address), async (): Promise<Finding> => {
    const late = AbortSignal.timeout(Math.max(stepSeconds, LEAST_SECONDS) * 1_000);
    const how = {
      ...visitOf(target, dial),
      choose: (pieces: typeof visit.pieces) => sampleOf(target, pieces),
    };
    try {
      const { given, unchoked } = await visitPeer(address, how, AbortSignal.any([signal, late]));
      if (given !== undefined) return judgeSample(target, given);
      return {
        verdict: "warn",
        message: unchoked ? "it let us ask, and gave nothing" : "it is busy with others, and kept us waiting",
        advice: "A download waits longer, and asks others, too.",
      };
    } catch (error) {
      signal.throwIfAborted();
      return { verdict: webSeedWorks ? "warn" : "fail", message: messageOf(error), advice: "Try again." };
    }
  });
}
