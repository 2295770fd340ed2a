/** `upnp`: the port opened at the router of this network, and what people are told of it. */
import { openersOf } from "../gateway/find-openers.ts";
import { type Closed, type OutsidePort, PortKeeper } from "../gateway/port-keeper.ts";
import { systemClock } from "../platform/clock.ts";
import { systemRandom } from "../platform/random.ts";
import { sourcesOf } from "../platform/source-address.ts";
import { formatHost, ipScope, parseIp } from "../protocol/ip-address.ts";
import type { OpenedEvent, WarningEvent } from "./events.ts";
import { lanIsForbidden } from "./lan-choice.ts";

export interface OutsideOptions {
  /** Ours. */
  readonly port: number;
  readonly bind: readonly string[];
  /** Datagrams are wanted, too. */
  readonly udp: boolean;
  /** It answers HTTP, so there is a URL. */
  readonly http: boolean;
  readonly tell: (event: OpenedEvent | WarningEvent) => void;
}

/** Closed, it has taken back what was opened. */
export type Outside = Pick<PortKeeper, "close">;

/** Asks from now on; nobody waits for it. @returns undefined when there is nothing to ask, which is told. */
export function openOutside(options: OutsideOptions): Outside | undefined {
  const { port, bind, udp, http, tell } = options;
  const against = reasonAgainst(bind);
  if (against !== undefined) {
    tell(warning(`The port isn't opened to the outside: ${against}.`));
    return undefined;
  }
  const keeper = new PortKeeper({
    port,
    protocols: udp ? ["tcp", "udp"] : ["tcp"],
    openers: openersOf({ sourceFor: sourcesOf(bind), clock: systemClock, random: systemRandom }),
    clock: systemClock,
    onOpen: (open) => tell(isReachable(open) ? opened(open, http) : warning(whyUseless(open, port))),
    onClosed: (why) => tell(warning(whyClosed(why, port))),
  });
  keeper.start();
  return keeper;
}

function reasonAgainst(bind: readonly string[]): string | undefined {
  const scopes = bind.map((address) => ipScope(parseIp(address) ?? UNKNOWN));
  if (bind.length > 0 && scopes.every((scope) => scope === "loopback"))
    return "bound to loopback, it can't be reached from there (--bind)";
  return lanIsForbidden() ? "BOOJUM_NO_LAN forbids to ask the router" : undefined;
}

function isReachable({ scope }: OutsidePort): boolean {
  return scope === "public";
}

function opened({ way, gateway, address = "", port }: OutsidePort, http: boolean): OpenedEvent {
  const host = formatHost(parseIp(address) ?? UNKNOWN);
  return {
    event: "opened",
    way,
    gateway,
    address,
    port,
    ...(http && { url: port === 80 ? `http://${host}` : `http://${host}:${port}` }),
  };
}

function whyUseless({ way, gateway, own, address, scope, port: outer }: OutsidePort, port: number): string {
  const opened = `The router at ${gateway} has opened TCP port ${outer} for port ${port} of ${own} (${way})`;
  if (address === undefined || scope === "unspecified")
    return `${opened}, but says no address of its own: is it connected? Others reach this by its address and that port.`;
  return `${opened}, but ${notOutside(address)} Have it lead TCP port ${outer} on to ${address}, or make the first one a bridge.`;
}

function notOutside(address: string): string {
  return `its own address outside is ${address}, which is none of the internet's: another router, or the provider's, stands before it.`;
}

function whyClosed({ refusals }: Closed, port: number): string {
  const byHand = `lead a TCP port on to port ${port} of this machine in its settings, and give --public-url`;
  const again = "It's tried again every 5 minutes.";
  const [first] = refusals;
  if (first === undefined)
    return `The port isn't open to the outside: no router here answers PCP, NAT-PMP or UPnP. Switch one of them on there, or ${byHand}. ${again}`;
  const reasons = refusals.map(({ way, reason }) => `${way}: ${reason}`).join("; ");
  const refuses = `The port isn't open to the outside: the router at ${first.gateway} refuses (${reasons})`;
  const address = refusals.find((each) => each.address !== undefined)?.address ?? "";
  const scope = ipScope(parseIp(address) ?? UNKNOWN);
  if (scope !== "public" && scope !== "unspecified")
    return `${refuses}; ${notOutside(address)} Open the port there as well, or use an address of the internet by other means. ${again}`;
  return `${refuses}. Allow it there, or ${byHand}. ${again}`;
}

const UNKNOWN = new Uint8Array(4);

function warning(message: string): WarningEvent {
  return { event: "warning", code: "upnp", message };
}
