/** UDP to and from multicast groups, on every interface of this machine. */
import { createSocket, type Socket } from "node:dgram";
import { networkInterfaces } from "node:os";

export interface MulticastGroup {
  /** An IPv4 or IPv6 multicast address. */
  readonly address: string;
  readonly port: number;
}

export type OnDatagram = (bytes: Uint8Array, from: { readonly host: string }, group: MulticastGroup) => void;

export interface Multicast {
  /** Sends to the group from each interface; what an interface can't send is nobody's trouble. */
  send(group: MulticastGroup, bytes: Uint8Array): void;
  close(): Promise<void>;
}

/** Routers of one's own organisation may pass it on; others don't. */
const HOPS = 4;
/** Interfaces come and go with cables and radios. Milliseconds. */
const LOOK_AGAIN = 30_000;

interface Member {
  readonly socket: Socket;
  readonly group: MulticastGroup;
  /** By interface: its own address (IPv4) or its zone (IPv6). */
  joined: Set<string>;
}

/**
 * Joins `groups` on all interfaces but loopback. A family that the machine doesn't have is left out; when no group can be
 * joined at all, nothing arrives and nothing is sent.
 */
export async function openMulticast(
  groups: readonly MulticastGroup[],
  onDatagram: OnDatagram,
): Promise<Multicast> {
  const opened = await Promise.all(groups.map((group) => open(group, onDatagram)));
  const members = opened.flatMap((member) => member ?? []);
  for (const member of members) join(member);
  const timer = setInterval(() => members.forEach(join), LOOK_AGAIN);
  return {
    send: (group, bytes) => {
      const member = members.find((each) => each.group === group);
      if (member !== undefined) send(member, bytes);
    },
    close: async () => {
      clearInterval(timer);
      await Promise.all(
        members.map(({ socket }) => new Promise<void>((resolve) => socket.close(() => resolve()))),
      );
    },
  };
}

function open(group: MulticastGroup, onDatagram: OnDatagram): Promise<Member | undefined> {
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
    socket.bind({ port: group.port, exclusive: true }, () => {
      socket.removeAllListeners("error");
      socket.on("error", () => {});
      socket.on("message", (bytes, { address }) => onDatagram(bytes, { host: address }, group));
      attempt(() => socket.setMulticastTTL(HOPS));
      // Other clients on this machine are to hear us.
      attempt(() => socket.setMulticastLoopback(true));
      resolve({ socket, group, joined: new Set() });
    });
  });
}

/** Joins on interfaces that are new. */
function join(member: Member): void {
  const now = interfacesOf(member.group);
  for (const each of now) {
    if (member.joined.has(each)) continue;
    attempt(() => member.socket.addMembership(member.group.address, each));
  }
  member.joined = new Set(now);
}

function send({ socket, group, joined }: Member, bytes: Uint8Array): void {
  for (const each of joined) {
    // The interface is taken when the datagram is, within `send`: for a literal address that is at once.
    if (!attempt(() => socket.setMulticastInterface(each))) continue;
    attempt(() => socket.send(bytes, group.port, group.address, () => {}));
  }
}

function interfacesOf({ address: group }: MulticastGroup): string[] {
  const isSix = group.includes(":");
  const found: string[] = [];
  for (const [name, infos] of Object.entries(networkInterfaces())) {
    for (const { address, family, internal, scopeid } of infos ?? []) {
      if (internal || (family === "IPv6") !== isSix) continue;
      found.push(isSix ? `::%${process.platform === "win32" ? scopeid : name}` : address);
    }
  }
  return [...new Set(found)];
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
