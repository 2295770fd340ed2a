/** Whether a port of this machine is reached at each of its addresses, by a publisher's listener or one of our own. */
import { encodeConnect } from "../../client/core/udp-announce.ts";
import { listenDatagrams } from "../../platform/datagrams.ts";
import { systemErrorCode } from "../../platform/file-system.ts";
import { knockTcp, knockUdp } from "../../platform/knock.ts";
import { candidatePorts, closeServer, isPortTrouble, listenError, openAll } from "../../platform/ports.ts";
import { formatPeerAddress } from "../../protocol/peer-address.ts";
import type { Checkup, Finding } from "./checkup.ts";

/** Somebody listens there, so that it can be tried. */
export interface TestPort {
  readonly port: number;
  /** It is ours, for the test alone; else a program's that runs. */
  readonly isOurs: boolean;
  /** Why UDP can't be tried. */
  readonly udpTrouble?: string;
  close(): Promise<void>;
}

/**
 * Takes the port that was asked for, or else the first that is free, as publishing does.
 * @throws {ListenError} there is none.
 */
export async function openTestPort(wanted: number | undefined): Promise<TestPort> {
  let trouble: Error | undefined;
  for (const port of wanted === undefined ? candidatePorts(undefined, undefined, undefined) : [wanted]) {
    const servers = await openAll([], port, (socket) => socket.on("error", () => {}).destroy());
    if (!(servers instanceof Error)) {
      const close = async () => {
        await Promise.all(servers.map(closeServer));
      };
      try {
        const datagrams = await listenDatagrams({ port, bind: [] }, (bytes) => bytes);
        return {
          port,
          isOurs: true,
          close: async () => void (await Promise.all([close(), datagrams.close()])),
        };
      } catch (error) {
        return {
          port,
          isOurs: true,
          close,
          udpTrouble: error instanceof Error ? error.message : String(error),
        };
      }
    }
    // Somebody has it: then that's who is tried.
    if (wanted !== undefined && systemErrorCode(servers) === "EADDRINUSE")
      return { port, isOurs: false, close: () => Promise.resolve() };
    trouble ??= servers;
    if (!isPortTrouble(servers)) break;
  }
  throw listenError([], wanted ?? 0, trouble ?? new Error("no port is free"));
}

const PATIENCE = 2_000;

/** @param hosts IP literals of this machine @param advice for when a connection gets nowhere */
export async function checkPort(
  checkup: Checkup,
  { port, isOurs, udpTrouble }: TestPort,
  { hosts, advice }: { readonly hosts: readonly string[]; readonly advice: string },
  signal: AbortSignal,
): Promise<void> {
  await Promise.all(
    hosts.map(async (host) => {
      const subject = formatPeerAddress({ host, port });
      const knock = { host, port, timeout: PATIENCE };
      await checkup.check("port", subject, () =>
        judge(() => knockTcp(knock, signal), "takes connections", advice, isOurs, signal),
      );
    }),
  );
  if (udpTrouble !== undefined) {
    checkup.note(
      "udp",
      `${port}`,
      { verdict: "warn", message: udpTrouble, advice: "Choose another with --port." },
      0,
    );
    return;
  }
  await Promise.all(
    hosts.map(async (host) => {
      const subject = formatPeerAddress({ host, port });
      const knock = { host, port, timeout: PATIENCE };
      // What any tracker answers, so that a publisher that runs answers it, too.
      const request = encodeConnect(0x626f6f6a);
      await checkup.check("udp", subject, () =>
        judge(() => knockUdp(knock, request, signal), "answers datagrams", advice, isOurs, signal),
      );
    }),
  );
}

async function judge(
  knock: () => Promise<void>,
  works: string,
  advice: string,
  isOurs: boolean,
  signal: AbortSignal,
): Promise<Finding> {
  try {
    await knock();
    return { verdict: "ok", message: `${works}, at least from this machine` };
  } catch (error) {
    signal.throwIfAborted();
    if (systemErrorCode(error) === "ECONNREFUSED" && !isOurs) {
      return {
        verdict: "warn",
        message: "nobody listens at this address",
        advice: "Should others use it, start the publisher without --bind, or with that address.",
      };
    }
    const silent = systemErrorCode(error) === "ETIMEDOUT";
    const said = error instanceof Error ? error.message : String(error);
    const message = silent ? "doesn't answer this machine itself: something here drops it" : said;
    return { verdict: "fail", message, advice };
  }
}
