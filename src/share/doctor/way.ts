/** The way to a server, step by step: its name, each of its addresses, and an answer. */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { type Proxy, proxyFor, readProxyRules } from "../../client/core/proxy-choice.ts";
import { basic, refusal } from "../../client/http/fetch-torrent.ts";
import { openHttp } from "../../client/http/http-open.ts";
import { type InterfaceState, interfaceStates } from "../../platform/addresses.ts";
import { systemErrorCode } from "../../platform/file-system.ts";
import { knockTcp } from "../../platform/knock.ts";
import { isWithin } from "../../platform/own-address.ts";
import { ipScope, parseIp } from "../../protocol/ip-address.ts";
import { formatPeerAddress } from "../../protocol/peer-address.ts";
import { userAgent } from "../version.ts";
import type { Checkup, Finding } from "./checkup.ts";

export interface WayOptions {
  readonly password?: string | undefined;
  /** For each step. */
  readonly stepSeconds: number;
}

/** @returns whether the server answers in a way that makes it worth asking for more. */
export async function checkWay(
  checkup: Checkup,
  url: string,
  options: WayOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const target = new URL(url);
  const proxy = proxyFor(target, readProxyRules(process.env));
  if (proxy !== undefined && "problem" in proxy) {
    checkup.note("proxy", target.host, { verdict: "fail", message: proxy.problem }, 0);
    skipAll(checkup, target.host, ["name", "tcp", "http"], "the proxy can't be used.");
    return false;
  }
  if (proxy !== undefined) checkup.note("proxy", proxy.label, judgeProxy(proxy), 0);
  const host = proxy?.host ?? target.hostname.replace(/^\[|\]$/g, "");
  const port = proxy?.port ?? (Number(target.port) || (target.protocol === "https:" ? 443 : 80));
  const addresses = await checkName(checkup, host, options, signal);
  if (addresses.length === 0) {
    skipAll(checkup, target.host, ["tcp", "http"], `the name ${host} leads nowhere.`);
    return false;
  }
  if (!(await checkTcp(checkup, { addresses, port }, options, signal))) {
    checkup.skip("http", target.host, "there is no connection.");
    return false;
  }
  return (await checkHttp(checkup, target, options, signal)).verdict !== "fail";
}

function skipAll(
  checkup: Checkup,
  subject: string,
  steps: readonly ("name" | "tcp" | "http")[],
  why: string,
): void {
  for (const step of steps) checkup.skip(step, subject, why);
}

function judgeProxy({ variable }: Proxy): Finding {
  return { verdict: "ok", message: `asked instead of the server itself, since ${variable} says so` };
}

async function checkName(
  checkup: Checkup,
  name: string,
  { stepSeconds }: WayOptions,
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (isIP(name) !== 0) return [name];
  let addresses: readonly string[] = [];
  await checkup.check("name", name, async (): Promise<Finding> => {
    try {
      addresses = (await within(lookup(name, { all: true }), stepSeconds, signal)).map(
        ({ address }) => address,
      );
      return { verdict: "ok", message: `is ${addresses.join(", ")}` };
    } catch (error) {
      signal.throwIfAborted();
      const advice = name.endsWith(".local")
        ? "Names in .local need multicast DNS on this machine (Avahi with nss-mdns, Bonjour). Use the numeric address."
        : "Is it spelled right? Use the numeric address that the publisher shows.";
      const why = systemErrorCode(error) === "ENOTFOUND" ? "" : ` (${messageOf(error)})`;
      return { verdict: "fail", message: `the name is not known here${why}`, advice };
    }
  });
  return addresses;
}

/** The system's lookup can't be stopped, only left alone. */
async function within<T>(promise: Promise<T>, seconds: number, signal: AbortSignal): Promise<T> {
  const late = AbortSignal.any([signal, AbortSignal.timeout(seconds * 1_000)]);
  return await Promise.race([
    promise,
    new Promise<never>((_, reject) => {
      late.addEventListener("abort", () => reject(new Error("no answer in time")), { once: true });
    }),
  ]);
}

/** Each address by itself, all at once. @returns whether one takes connections. */
async function checkTcp(
  checkup: Checkup,
  { addresses, port }: { readonly addresses: readonly string[]; readonly port: number },
  { stepSeconds }: WayOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const states = await interfaceStates();
  const tried = await Promise.all(
    addresses.map(async (host) => {
      const begin = performance.now();
      const error = await knockTcp({ host, port, timeout: stepSeconds * 1_000 }, signal).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      return { host, error, took: performance.now() - begin };
    }),
  );
  signal.throwIfAborted();
  const works = tried.some(({ error }) => error === undefined);
  for (const { host, error, took } of tried) {
    const finding = error === undefined ? reached(host, states) : unreached(host, error, states, works);
    checkup.note("tcp", formatPeerAddress({ host, port }), finding, took);
  }
  return works;
}

function reached(host: string, states: readonly InterfaceState[]): Finding {
  const near = interfaceTowards(host, states);
  return {
    verdict: "ok",
    message: `takes connections${near === undefined ? "" : `, on the network of ${near}`}`,
  };
}

/** @param works another address of the same name does. */
function unreached(host: string, error: unknown, states: readonly InterfaceState[], works: boolean): Finding {
  const { message, advice } = whyUnreached(host, error, states);
  if (!works) return { verdict: "fail", message, advice };
  return {
    verdict: "warn",
    message: `${message}; another address does, so it costs each connection a quarter of a second`,
    advice: host.includes(":")
      ? "IPv6 is broken on the way. Repair it, or use the numeric IPv4 address."
      : advice,
  };
}

function whyUnreached(
  host: string,
  error: unknown,
  states: readonly InterfaceState[],
): { readonly message: string; readonly advice: string } {
  const near = interfaceTowards(host, states);
  const ip = parseIp(host);
  const isPrivate = ip !== undefined && ipScope(ip) === "private";
  const away =
    isPrivate && near === undefined ? ", and this machine is on no network with such addresses" : "";
  switch (systemErrorCode(error)) {
    case "ECONNREFUSED":
      return {
        message: "a machine is there, but nobody listens at that port",
        advice: "Does the publisher still run, and is the port right?",
      };
    case "ETIMEDOUT":
      return {
        message: `nobody answers${away}`,
        advice:
          away !== ""
            ? "Join the publisher's network, or ask for an address that is reached from here."
            : "A firewall drops it, or the access point keeps its guests apart. On the publisher's machine: share doctor --port N",
      };
    case "EHOSTUNREACH":
      return {
        message: `no machine is there${away}`,
        advice: "Is the publisher's machine on, and on this network?",
      };
    case "ENETUNREACH":
    case "EADDRNOTAVAIL":
      return {
        message: `this machine has no route there${away}`,
        advice: host.includes(":")
          ? "It has no IPv6 that leads there: use an IPv4 address."
          : "Is it on a network?",
      };
    default:
      return { message: messageOf(error), advice: "Is the address right?" };
  }
}

function interfaceTowards(host: string, states: readonly InterfaceState[]): string | undefined {
  const ip = parseIp(host);
  return states.find(({ networks }) =>
    networks.some((network) => {
      const [address = "", prefix = ""] = network.split("/");
      const own = parseIp(address);
      return (
        ip !== undefined && own?.length === ip.length && prefix !== "" && isWithin(ip, own, Number(prefix))
      );
    }),
  )?.name;
}

async function checkHttp(
  checkup: Checkup,
  target: URL,
  { password, stepSeconds }: WayOptions,
  signal: AbortSignal,
): Promise<Finding> {
  let clock: Finding | undefined;
  const found = await checkup.check("http", target.host, async (): Promise<Finding> => {
    const late = AbortSignal.timeout(stepSeconds * 1_000);
    const headers = { accept: "application/x-bittorrent", "user-agent": userAgent };
    const authorization = password === undefined ? undefined : basic(password);
    const how = { headers, authorization, proxies: readProxyRules(process.env) };
    try {
      const { response, url } = await openHttp(target.href, how, AbortSignal.any([signal, late]));
      response.destroy();
      clock = judgeClocks(response.headers.date);
      return judgeAnswer(target, url, response.statusCode ?? 0);
    } catch (error) {
      signal.throwIfAborted();
      const message = late.aborted ? `${target.host} takes connections but says nothing` : messageOf(error);
      const advice = late.aborted ? "Is something else listening there, or something in between?" : undefined;
      return { verdict: "fail", message, advice };
    }
  });
  if (clock !== undefined) checkup.note("clock", target.host, clock, 0);
  return found;
}

function judgeAnswer(asked: URL, url: string, status: number): Finding {
  const moved = new URL(url).host === asked.host ? "" : `, after sending us on to ${new URL(url).host}`;
  if (status === 200) return { verdict: "ok", message: `answers${moved}` };
  if (status === 401) return { verdict: "ok", message: `answers, and wants a password${moved}` };
  if (status === 503) return { verdict: "ok", message: `answers, and isn't ready yet${moved}` };
  return { verdict: "fail", message: refusal(asked.origin + asked.pathname, status) };
}

/** More than that apart, certificates and expiry dates begin to suffer. Milliseconds. */
const CLOCKS_APART = 5 * 60_000;

/** @param date as the server says it @returns undefined when it says none */
function judgeClocks(date: string | undefined): Finding | undefined {
  const theirs = Date.parse(date ?? "");
  if (!Number.isFinite(theirs)) return undefined;
  const apart = Math.abs(Date.now() - theirs);
  if (apart < CLOCKS_APART) return { verdict: "ok", message: "agrees with this machine's" };
  return {
    verdict: "warn",
    message: `differs from this machine's by ${Math.round(apart / 60_000)} minutes`,
    advice: "Set the one that is wrong: https certificates depend on it.",
  };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
