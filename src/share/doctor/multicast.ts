/** Whether what is sent to the groups of the local network comes back, interface by interface. */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { encodeLanAnnouncement, LAN_GROUP_4, LAN_GROUP_6, LAN_PORT } from "../../client/core/lan-messages.ts";
import { query } from "../../mdns/core/messages.ts";
import { SHARE_TYPE } from "../../mdns/core/service.ts";
import { MDNS_GROUPS } from "../../mdns/link.ts";
import { encodeMessage } from "../../mdns/packet.ts";
import type { InterfaceState } from "../../platform/addresses.ts";
import { type MulticastGroup, openMulticast } from "../../platform/multicast.ts";
import { infoHash } from "../../protocol/ids.ts";
import { lanIsForbidden } from "../lan-choice.ts";
import type { Checkup, Finding } from "./checkup.ts";

interface Probe {
  readonly group: MulticastGroup;
  /** A datagram that is valid, harms nobody, and has `mark` in it somewhere. */
  encode(mark: string): Uint8Array;
}

const PROBES: readonly Probe[] = [
  ...MDNS_GROUPS.map((group) => ({
    group,
    // A question that nobody has an answer to.
    encode: (mark: string) => encodeMessage(query([{ name: `${mark}.${SHARE_TYPE}`, type: "TXT" as const }])),
  })),
  ...([LAN_GROUP_4, LAN_GROUP_6] as const).map((address) => ({
    group: { address, port: LAN_PORT },
    // A torrent that nobody has.
    encode: (mark: string) =>
      encodeLanAnnouncement(
        { port: 1, infoHashes: [infoHash(new Uint8Array(randomBytes(20)))], cookie: mark },
        address,
      ),
  })),
];

/** Milliseconds after which what hasn't come won't; sent again in between. */
const ROUNDS = [200, 300, 500];

export async function checkMulticast(
  checkup: Checkup,
  states: readonly InterfaceState[],
  signal: AbortSignal,
): Promise<void> {
  if (lanIsForbidden()) {
    checkup.skip("multicast", "all", "BOOJUM_NO_LAN is set.");
    return;
  }
  const begin = performance.now();
  const heard = await listen(signal);
  const took = performance.now() - begin;
  for (const state of states) {
    if (state.pointToPoint === true) {
      checkup.skip("multicast", state.name, "it is a tunnel, which has no neighbours.");
      continue;
    }
    for (const six of [false, true]) {
      if (!state.networks.some((network) => network.includes(":") === six)) continue;
      const missing = PROBES.filter(
        ({ group }) => group.address.includes(":") === six && !heard.has(markOf(group, state.name)),
      );
      const subject = `${state.name} ${six ? "IPv6" : "IPv4"}`;
      checkup.note(
        "multicast",
        subject,
        judge(
          state,
          missing.map(({ group }) => group),
        ),
        took,
      );
    }
  }
}

/** @returns the marks that came back. */
async function listen(signal: AbortSignal): Promise<ReadonlySet<string>> {
  const run = randomBytes(4).toString("hex");
  const heard = new Set<string>();
  const marks = new Map<string, string>();
  const multicast = await openMulticast({
    groups: PROBES.map(({ group }) => group),
    onDatagram: (bytes) => {
      const text = Buffer.from(bytes).toString("latin1");
      const [mark = ""] = text.match(new RegExp(`boojum-${run}-\\d+`)) ?? [];
      const key = marks.get(mark);
      if (key !== undefined) heard.add(key);
    },
  });
  try {
    for (const wait of ROUNDS) {
      for (const { name } of multicast.interfaces()) {
        for (const { group, encode } of PROBES) {
          const key = markOf(group, name);
          if (heard.has(key)) continue;
          const mark = `boojum-${run}-${marks.size}`;
          marks.set(mark, key);
          multicast.sendOn(name, group, encode(mark));
        }
      }
      await sleep(wait, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
    return heard;
  } finally {
    await multicast.close();
  }
}

function markOf({ address }: MulticastGroup, name: string): string {
  return `${address} ${name}`;
}

function judge(state: InterfaceState, missing: readonly MulticastGroup[]): Finding {
  // What it sends may come back to itself all the same.
  if (state.multicast === false) {
    const message = "multicast is turned off for this interface: no share find, no peers on the network";
    return {
      verdict: "warn",
      message,
      advice: `Turn it on: sudo ip link set dev ${state.name} multicast on`,
    };
  }
  if (missing.length === 0)
    return { verdict: "ok", message: "share find and peers on the network can be heard" };
  const lost = missing.map(({ address, port }) => `${address} port ${port}`).join(" and ");
  const what = missing.map(({ port }) => (port === LAN_PORT ? "peers on the network" : "share find"));
  const ports = [...new Set(missing.map(({ port }) => port))].join(" and ");
  return {
    verdict: "warn",
    message: `nothing sent to ${lost} comes back: no ${what.join(", no ")} by this interface; URLs work all the same`,
    advice: `Let UDP port ${ports} in, in this machine's firewall.`,
  };
}
