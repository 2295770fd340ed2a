/** UDP to and from multicast groups, on every interface of this machine. */
import { createSocket, type Socket } from "node:dgram";
import { networkInterfaces } from "node:os";
import { canonicalIp, parseIp } from "../protocol/ip-address.ts";
import { isWithin } from "./own-address.ts";

export interface MulticastGroup {
  /** An IPv4 or IPv6 multicast address. */
  readonly address: string;
  readonly port: number;
  /** How many routers may pass it on, more or less; 4 by default. */
  readonly hops?: number;
}

/** One of this machine's, as it was when it was looked at. */
export interface NetworkInterface {
  readonly name: string;
  /** Canonical IP literals; link-local IPv6 ones without their zone. */
  readonly addresses: readonly string[];
}

export interface DatagramSource {
  /** An IP literal; with a zone when it is link-local IPv6. */
  readonly host: string;
  readonly port: number;
  /** The interface on whose network the sender is; undefined when it is on none of them, so that a router passed it on. */
  readonly interface: string | undefined;
}

type OnDatagram = (bytes: Uint8Array, from: DatagramSource, group: MulticastGroup) => void;

export interface MulticastOptions {
  readonly groups: readonly MulticastGroup[];
  readonly onDatagram: OnDatagram;
  /** Only interfaces that have one of these addresses; all when it is empty or missing. */
  readonly only?: readonly string[];
  /** An interface has come, or has other addresses. */
  readonly onChange?: () => void;
}

export interface Multicast {
  /** Sends to the group from each interface; what an interface can't send is nobody's trouble. */
  send(group: MulticastGroup, bytes: Uint8Array): void;
  /** Sends from one interface only. */
  sendOn(name: string, group: MulticastGroup, bytes: Uint8Array): void;
  /** Sends to one machine, from the group's port. */
  sendTo(to: Pick<DatagramSource, "host" | "port">, group: MulticastGroup, bytes: Uint8Array): void;
  /** Those that are used now, of either family. */
  interfaces(): readonly NetworkInterface[];
  close(): Promise<void>;
}

/** Routers of one's own organisation may pass it on; others don't. */
const HOPS = 4;
/** Interfaces come and go with cables and radios. Milliseconds. */
const LOOK_AGAIN = 5_000;

interface Member {
  readonly socket: Socket;
  readonly group: MulticastGroup;
  /** What the system knows an interface by (its own address, or its IPv6 zone), and its name. */
  joined: Map<string, string>;
}

/**
 * Joins groups on all interfaces but loopback. A family that the machine doesn't have is left out; when no group can be
 * joined at all, nothing arrives and nothing is sent.
 */
export async function openMulticast(options: MulticastOptions): Promise<Multicast> {
  const { groups, onDatagram, onChange, only = [] } = options;
  let found = lookAtInterfaces(only);
  const source = ({ address: host, port }: { readonly address: string; readonly port: number }) => ({
    host,
    port,
    interface: interfaceOf(host, found),
  });
  const opened = await Promise.all(
    groups.map((group) => {
      const at = isForAll(only) ? undefined : ownPlace(group, found);
      if (at === undefined && !isForAll(only)) return undefined;
      return open(group, at, (bytes, sender) => onDatagram(bytes, source(sender), group));
    }),
  );
  const members = opened.flatMap((member) => member ?? []);
  for (const member of members) join(member, found);
  const timer = setInterval(() => {
    const before = describe(found);
    found = lookAtInterfaces(only);
    for (const member of members) join(member, found);
    if (describe(found) !== before) onChange?.();
  }, LOOK_AGAIN);
  return {
    send: (group, bytes) => {
      const member = members.find((each) => each.group === group);
      if (member !== undefined) send(member, bytes);
    },
    sendOn: (name, group, bytes) => {
      const member = members.find((each) => each.group === group);
      if (member !== undefined) send(member, bytes, name);
    },
    sendTo: ({ host, port }, group, bytes) => {
      const socket = members.find((each) => each.group === group)?.socket;
      if (socket !== undefined) attempt(() => socket.send(bytes, port, host, () => {}));
    },
    interfaces: () =>
      found.map(({ name, addresses }) => ({ name, addresses: addresses.map((each) => each.address) })),
    close: async () => {
      clearInterval(timer);
      await Promise.all(
        members.map(({ socket }) => new Promise<void>((resolve) => socket.close(() => resolve()))),
      );
    },
  };
}

function isForAll(only: readonly string[]): boolean {
  return only.length === 0 || only.some((address) => address === "0.0.0.0" || address === "::");
}

/**
 * Where a socket is that must not be everywhere: at the group's own address, so that nothing else comes in; Windows doesn't
 * know that. Undefined when no interface is left, as when we are bound to loopback.
 */
function ownPlace({ address: group }: MulticastGroup, found: readonly FoundInterface[]): string | undefined {
  const isSix = group.includes(":");
  for (const { zone, addresses } of found) {
    const own = addresses.find(({ address }) => address.includes(":") === isSix);
    if (own === undefined) continue;
    if (process.platform === "win32") return own.address;
    return isSix ? `${group}%${zone}` : group;
  }
  return undefined;
}

function open(
  group: MulticastGroup,
  at: string | undefined,
  onMessage: (bytes: Uint8Array, sender: { readonly address: string; readonly port: number }) => void,
): Promise<Member | undefined> {
  const isSix = group.address.includes(":");
  const socket = createSocket({
    type: isSix ? "udp6" : "udp4",
    // Other clients on this machine listen there, too.
    reuseAddr: true,
    // The usual lookup takes a turn of the event loop, and by then another interface would be set.
    lookup: (host, _options, found) => found(null, host, host.includes(":") ? 6 : 4),
    ...(isSix && { ipv6Only: true }),
  });
  return new Promise((resolve) => {
    socket.once("error", () => {
      socket.close();
      resolve(undefined);
    });
    socket.bind({ port: group.port, exclusive: true, ...(at !== undefined && { address: at }) }, () => {
      socket.removeAllListeners("error");
      socket.on("error", () => {});
      socket.on("message", onMessage);
      attempt(() => socket.setMulticastTTL(group.hops ?? HOPS));
      attempt(() => socket.setTTL(group.hops ?? HOPS));
      // Other clients on this machine are to hear us.
      attempt(() => socket.setMulticastLoopback(true));
      resolve({ socket, group, joined: new Map() });
    });
  });
}

/** Joins on interfaces that are new. */
function join(member: Member, found: readonly FoundInterface[]): void {
  const isSix = member.group.address.includes(":");
  const now = new Map<string, string>();
  for (const { name, zone, addresses } of found) {
    const ofFamily = addresses.filter(({ address }) => address.includes(":") === isSix);
    if (isSix && ofFamily.length > 0) now.set(`::%${zone}`, name);
    if (!isSix) for (const { address } of ofFamily) now.set(address, name);
  }
  for (const key of now.keys()) {
    if (!member.joined.has(key)) attempt(() => member.socket.addMembership(member.group.address, key));
  }
  member.joined = now;
}

function send({ socket, group, joined }: Member, bytes: Uint8Array, only?: string): void {
  for (const [key, name] of joined) {
    if (only !== undefined && name !== only) continue;
    // The interface is taken when the datagram is, within `send`: for a literal address that is at once.
    if (!attempt(() => socket.setMulticastInterface(key))) continue;
    attempt(() => socket.send(bytes, group.port, group.address, () => {}));
  }
}

interface FoundInterface {
  readonly name: string;
  /** Windows numbers them. */
  readonly zone: string;
  readonly addresses: readonly {
    readonly address: string;
    readonly ip: Uint8Array;
    readonly prefix: number;
  }[];
}

/** @param only of interfaces that have one of them, and of their addresses those; all when it is empty */
function lookAtInterfaces(only: readonly string[]): readonly FoundInterface[] {
  const wanted = new Set(only.map((address) => canonicalIp(address)));
  const isEverything = isForAll(only);
  return Object.entries(networkInterfaces()).flatMap(([name, infos = []]) => {
    const addresses = infos.flatMap(({ address: text, internal, cidr }) => {
      const ip = parseIp(text);
      const address = canonicalIp(text);
      if (internal || ip === undefined || address === undefined) return [];
      if (!isEverything && !wanted.has(address)) return [];
      return [{ address, ip, prefix: Number(cidr?.split("/")[1] ?? ip.length * 8) }];
    });
    if (addresses.length === 0) return [];
    const scope = infos.find(({ family }) => family === "IPv6");
    const zone = process.platform === "win32" ? String(scope?.scopeid ?? 0) : name;
    return [{ name, zone, addresses }];
  });
}

function interfaceOf(sender: string, found: readonly FoundInterface[]): string | undefined {
  const [, zone] = sender.split("%", 2);
  if (zone !== undefined) return found.find((each) => each.zone === zone)?.name;
  const ip = parseIp(sender);
  if (ip === undefined) return undefined;
  return found.find(({ addresses }) =>
    addresses.some((own) => own.ip.length === ip.length && isWithin(ip, own.ip, own.prefix)),
  )?.name;
}

function describe(found: readonly FoundInterface[]): string {
  return JSON.stringify(found.map(({ name, addresses }) => [name, addresses.map((each) => each.address)]));
}

/** An interface may go at any moment. @returns whether it worked. */
function attempt(action: () => void): boolean {
  try {
    action();
    return true;
  } catch {
    return false;
  }
}
