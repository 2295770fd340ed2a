/** Asks the system which addresses this machine has and which of them others can reach. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { hostname, networkInterfaces } from "node:os";
import { canonicalIp } from "../protocol/ip-address.ts";
import {
  defaultInterfaces,
  type InterfaceAddress,
  localName,
  type OrderedHosts,
  orderHosts,
} from "./address-order.ts";

/** Goes along the default route without being anybody's (RFC 5737); nothing is ever sent to it. */
const FAR_AWAY = "192.0.2.1";

/**
 * The hosts to print in URLs, the one most useful to others first.
 * @param bind the addresses that we listen on, empty for all: only those are named then
 */
export async function localHosts(bind: readonly string[]): Promise<OrderedHosts> {
  const all = interfaceAddresses();
  const isEverywhere = bind.length === 0 || bind.includes("0.0.0.0") || bind.includes("::");
  const addresses = isEverywhere ? all : bind.map(interfaceOf);
  const [loopback] = bind;
  if (!isEverywhere && bind.every(isLoopback) && loopback !== undefined) {
    return { hosts: [loopback === "::1" ? "[::1]" : loopback], reach: "loopback" };
  }
  return orderHosts({ addresses, defaultInterfaces: await findDefaultInterfaces(all), hostName: hostname() });
}

/** Milliseconds for which the names are taken for true: asking the system costs as much as answering a request. */
const NAMES_LAST = 1_000;
let names: readonly string[] = [];
let namesUntil = Number.NEGATIVE_INFINITY;

/**
 * The names under which others may call us (see `protocol/host-rule.ts`): the host name, short and long, and `.local`.
 * The same array while nothing is asked anew.
 */
export function ownNames(): readonly string[] {
  const now = performance.now();
  if (now < namesUntil) return names;
  const name = hostname().toLowerCase();
  const local = localName(name);
  names = [...new Set([name, name.split(".", 1)[0] ?? name, ...(local === undefined ? [] : [local])])];
  namesUntil = now + NAMES_LAST;
  return names;
}

function isLoopback(address: string): boolean {
  return address.startsWith("127.") || address === "::1";
}

/** An address that we listen on is one of ours, whatever interface has it: also one that others are routed to. */
function interfaceOf(bound: string): InterfaceAddress {
  const same = canonicalIp(bound);
  for (const [name, infos = []] of Object.entries(networkInterfaces())) {
    if (infos.some(({ address }) => canonicalIp(address) === same))
      return { interface: name, address: bound };
  }
  return { interface: "", address: bound };
}

export interface InterfaceState {
  readonly name: string;
  /** IP literals with the length of their network, `192.168.1.20/24`; link-local IPv6 without a zone. */
  readonly networks: readonly string[];
  /** What it can do; undefined when the system doesn't say. */
  readonly multicast: boolean | undefined;
  /** Two ends and nobody else, as of tunnels; undefined when the system doesn't say. */
  readonly pointToPoint: boolean | undefined;
}

/** The interfaces that are up and have an address, without loopback. */
export async function interfaceStates(): Promise<readonly InterfaceState[]> {
  const found = Object.entries(networkInterfaces()).flatMap(([name, infos = []]) => {
    const networks = infos.filter(({ internal }) => !internal).map(({ cidr, address }) => cidr ?? address);
    return networks.length === 0 ? [] : [{ name, networks }];
  });
  return await Promise.all(
    found.map(async (each) => {
      const flags =
        process.platform === "linux" ? Number(await readTable(`/sys/class/net/${each.name}/flags`)) : 0;
      const has = (flag: number) => (flags === 0 ? undefined : (flags & flag) !== 0);
      return { ...each, multicast: has(IFF_MULTICAST), pointToPoint: has(IFF_POINTOPOINT) };
    }),
  );
}

/** Of Linux's `if.h`. */
const IFF_POINTOPOINT = 0x10;
const IFF_MULTICAST = 0x1000;

/** Without loopback. */
function interfaceAddresses(): InterfaceAddress[] {
  return Object.entries(networkInterfaces()).flatMap(([name, infos = []]) =>
    infos.filter(({ internal }) => !internal).map(({ address }) => ({ interface: name, address })),
  );
}

async function findDefaultInterfaces(addresses: readonly InterfaceAddress[]): Promise<string[]> {
  if (process.platform !== "linux") return interfaceTowards(addresses);
  const [four, six] = await Promise.all([readTable("/proc/net/route"), readTable("/proc/net/ipv6_route")]);
  return [...new Set([...defaultInterfaces(four, 4), ...defaultInterfaces(six, 6)])];
}

/** Empty when there is none, as without IPv6. */
async function readTable(path: string): Promise<string> {
  try {
    return await readFile(path, "latin1");
  } catch {
    return "";
  }
}

/** Connecting a UDP socket sends nothing, but makes the system choose a route and with it our address. */
async function interfaceTowards(addresses: readonly InterfaceAddress[]): Promise<string[]> {
  const socket = createSocket("udp4");
  try {
    const connected = once(socket, "connect");
    socket.connect(9, FAR_AWAY);
    await connected;
    const { address: ours } = socket.address();
    return addresses.filter(({ address }) => address === ours).map((found) => found.interface);
  } catch {
    return [];
  } finally {
    socket.close();
  }
}
