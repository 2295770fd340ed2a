/** Why others may not reach this machine. */
import { type InterfaceState, interfaceStates, localHosts } from "../../platform/addresses.ts";
import { readFirewallFacts } from "../../platform/firewall-files.ts";
import { ipScope, parseIp } from "../../protocol/ip-address.ts";
import type { Checkup, Finding } from "./checkup.ts";
import { howToOpen, judgeFirewalls } from "./firewall.ts";
import { checkMulticast } from "./multicast.ts";
import { checkPort, openTestPort, type TestPort } from "./own-port.ts";

export async function checkMachine(
  checkup: Checkup,
  { port: wanted }: { readonly port?: number | undefined },
  signal: AbortSignal,
): Promise<void> {
  const states = await interfaceStates();
  await checkAddresses(checkup, states);
  const firewallFacts = await readFirewallFacts();
  const port = await openPort(checkup, wanted);
  const firewalls = judgeFirewalls(firewallFacts, port?.port ?? wanted ?? 6881);
  if (port !== undefined) {
    const advice = howToOpen(firewalls, port.port);
    try {
      await checkPort(checkup, port, { hosts: hostsOf(states), advice }, signal);
    } finally {
      await port.close();
    }
  }
  await checkMulticast(checkup, states, signal);
  for (const firewall of firewalls) checkup.note("firewall", firewall.name, firewall, 0);
  checkup.note("clock", new Date().toISOString(), judgeClock(Date.now()), 0);
}

async function checkAddresses(checkup: Checkup, states: readonly InterfaceState[]): Promise<void> {
  for (const state of states) {
    await checkup.check("interface", state.name, () => judgeInterface(state));
  }
  await checkup.check("address", "for others", async () => {
    const { hosts, reach } = await localHosts([]);
    return judgeAddress(hosts[0], reach, states);
  });
}

function judgeInterface({ networks, pointToPoint }: InterfaceState): Finding {
  const message = networks.join(", ") + (pointToPoint === true ? " (a tunnel)" : "");
  const scopes = networks.map(scopeOf);
  if (scopes.every((scope) => scope === "linkLocal")) {
    return {
      verdict: "warn",
      message: `${message}: nobody gave it an address`,
      advice: "Is the cable in, or the Wi-Fi joined, and does the network have a DHCP server?",
    };
  }
  return { verdict: "ok", message };
}

function judgeAddress(
  host: string,
  reach: "route" | "private" | "loopback",
  states: readonly InterfaceState[],
): Finding {
  if (reach === "loopback") {
    return {
      verdict: "fail",
      message: "this machine has no address but its own loopback: nobody else can reach it",
      advice: "Connect a cable or join a Wi-Fi, and try again.",
    };
  }
  const bare = host.replace(/^\[|\]$/g, "");
  const on = states.find(({ networks }) => networks.some((network) => network.split("/")[0] === bare));
  const message = `others use ${host}${on === undefined ? "" : `, of ${on.name}`}`;
  if (on?.pointToPoint === true) {
    return {
      verdict: "warn",
      message: `${message}, which is a tunnel: whoever isn't in it doesn't reach it`,
      advice: "Give others an address of another interface, or publish with --bind.",
    };
  }
  const away = reach === "route" ? "" : "; no route leads further, so only machines of that network reach it";
  return { verdict: "ok", message: message + away };
}

async function openPort(checkup: Checkup, wanted: number | undefined): Promise<TestPort | undefined> {
  try {
    return await openTestPort(wanted);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    checkup.note("port", `${wanted ?? "any"}`, { verdict: "fail", message }, 0);
    checkup.skip("udp", `${wanted ?? "any"}`, "the port can't be had.");
    return undefined;
  }
}

/** To be tried: those that others would use; loopback when there is nothing else. */
function hostsOf(states: readonly InterfaceState[]): readonly string[] {
  const hosts = states
    .flatMap(({ networks }) => networks)
    .filter((network) => !(network.includes(":") && scopeOf(network) === "linkLocal"))
    .map((network) => network.split("/")[0] ?? network);
  return hosts.length === 0 ? ["127.0.0.1"] : hosts;
}

function scopeOf(network: string): string {
  const ip = parseIp(network.split("/")[0] ?? "");
  return ip === undefined ? "unspecified" : ipScope(ip);
}

/** This program is younger than that. */
const THE_PAST = Date.UTC(2026, 0);

/** @param now milliseconds since 1970 */
function judgeClock(now: number): Finding {
  if (now > THE_PAST) return { verdict: "ok", message: "not in the past" };
  return {
    verdict: "warn",
    message: "this machine's clock is years behind: https certificates seem not to be valid yet",
    advice: "Set it.",
  };
}
