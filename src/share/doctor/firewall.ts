/** Which firewall is on, as far as anybody may know, and how a port is opened in it. Pure: what was read goes in. */
import type { FirewallFacts } from "../../platform/firewall-files.ts";
import type { Finding } from "./checkup.ts";

interface Firewall extends Finding {
  readonly name: string;
}

/** One entry a firewall; one that says `ok` when none was seen. */
export function judgeFirewalls(facts: FirewallFacts, port: number): readonly Firewall[] {
  if (facts.platform === "win32") return [windows(port)];
  if (facts.platform === "darwin") return [mac(facts.macState)];
  const found = [ufw(facts, port), firewalld(facts, port), nftables(facts, port)].flatMap((one) => one ?? []);
  if (found.length > 0) return found;
  const message = "none was seen, as far as this user can see";
  return [{ name: facts.platform, verdict: "ok", message }];
}

/** What to do when this machine's own firewall seems to be in the way. */
export function howToOpen(firewalls: readonly Firewall[], port: number): string {
  const told = firewalls.flatMap(({ advice }) => advice ?? []);
  if (told.length > 0) return told.join(" ");
  return `Let TCP and UDP port ${port} in, in whatever firewall this machine has.`;
}

function ufw({ ufwConf, ufwRules }: FirewallFacts, port: number): Firewall | undefined {
  if (ufwConf === undefined || !/^ENABLED=yes\s*$/im.test(ufwConf)) return undefined;
  if (ufwRules !== undefined && letsIn(ufwRules, port)) {
    return { name: "ufw", verdict: "ok", message: `ufw is on, and port ${port} is open` };
  }
  return {
    name: "ufw",
    verdict: "warn",
    message: ufwRules === undefined ? "ufw is on" : `ufw is on, and no rule opens port ${port}`,
    advice: `Open the port: sudo ufw allow ${port}`,
  };
}

/** A rule's tuple: action, protocol, destination's port, address, source's port, address, direction. */
function letsIn(rules: string, port: number): boolean {
  return rules.split("\n").some((line) => {
    const [, , , action, protocol, ports, , , from, direction = "in"] = line.split(" ");
    if (!line.startsWith("### tuple ###") || action !== "allow" || !direction.startsWith("in")) return false;
    if (protocol !== "any" && protocol !== "tcp") return false;
    if (from !== "0.0.0.0/0" && from !== "::/0") return false;
    if (ports === "any") return true;
    return (ports ?? "").split(",").some((range) => {
      const [first, last = first] = range.split(":").map(Number);
      return port >= Number(first) && port <= Number(last);
    });
  });
}

function firewalld({ firewalld }: FirewallFacts, port: number): Firewall | undefined {
  if (!firewalld) return undefined;
  return {
    name: "firewalld",
    verdict: "warn",
    message: "firewalld is on",
    advice: `Open the port: sudo firewall-cmd --add-port=${port}/tcp --add-port=${port}/udp --add-service=mdns`,
  };
}

/** Both others are made of it; its own rules are what is left. */
function nftables(facts: FirewallFacts, port: number): Firewall | undefined {
  const { nftChains, nftablesUnit, firewalld, ufwConf } = facts;
  if (firewalld || /^ENABLED=yes/im.test(ufwConf ?? "")) return undefined;
  const hooks = /hook (input|prerouting|ingress)/.test(nftChains ?? "");
  const drops = /hook input [^}]*policy drop/.test(nftChains ?? "");
  if (!hooks && !nftablesUnit) return undefined;
  return {
    name: "nftables",
    verdict: "warn",
    message: drops ? "nftables drops whatever no rule lets in" : "nftables has rules for what comes in",
    advice: `See whether they let TCP and UDP port ${port} and UDP port 5353 in: sudo nft list ruleset`,
  };
}

function mac(state: string | undefined): Firewall {
  const name = "macOS";
  if (state !== undefined && !/enabled|State = [12]/i.test(state)) {
    return { name, verdict: "ok", message: "the application firewall is off" };
  }
  return {
    name,
    verdict: "warn",
    message: state === undefined ? "whether the application firewall is on can't be seen" : "it is on",
    advice:
      "Allow incoming connections for node in System Settings, Network, Firewall, and for the terminal in Privacy & Security, Local Network.",
  };
}

function windows(port: number): Firewall {
  return {
    name: "Windows",
    verdict: "warn",
    message: "its firewall lets others in only where it was told to, and the network is private",
    advice: `As administrator: netsh advfirewall firewall add rule name=Boojum dir=in action=allow protocol=TCP localport=${port} (and again with protocol=UDP), and set the network's profile to private.`,
  };
}
