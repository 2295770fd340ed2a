/**
 * A router between a home and the internet (Linux, root): three network namespaces, address translation, and MiniUPnPd, which
 * speaks PCP, NAT-PMP and UPnP. The internet's numbers are of a block that is set aside for experiments.
 */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Child } from "./child.ts";
import { inNetwork, linkUp, type NetworkHost } from "./lan.ts";

export interface GatewayOptions {
  /** A folder for its files. */
  readonly dir: string;
  /** PCP and NAT-PMP; on by default. */
  readonly natPmp?: boolean;
  readonly upnp?: boolean;
  /** Drops requests of that version on the port that PCP (2) and NAT-PMP (0) share: a router that doesn't know it. */
  readonly deafTo?: 0 | 2;
  /** Ports that may be opened; all above 1023 by default. */
  readonly ports?: string;
  /** Its own on the outside; one of the internet by default. */
  readonly address?: string;
}

export interface Gateway {
  /** Its address outside. */
  readonly address: string;
  /** The machine at home, at 192.168.77.2, and one somewhere outside. */
  readonly home: NetworkHost;
  readonly outside: NetworkHost;
  /** Ports of the router that are led home: `tcp 6881 -> 192.168.77.2:6881`. */
  mappings(): readonly string[];
  /** Ends the daemon; what it has opened is closed, as when a router is switched off and on. */
  stop(): Promise<void>;
  start(): Promise<void>;
  remove(): Promise<void>;
}

/** Of PCP, too. */
const NAT_PMP_PORT = 5351;
const SSDP_PORT = 1900;

const RULES = `
table inet filter {
  chain forward {
    type filter hook forward priority 0; policy drop;
    ct state established,related accept
    iifname "lan0" accept
    jump miniupnpd
  }
  chain miniupnpd { }
  chain prerouting {
    type nat hook prerouting priority -100;
    jump prerouting_miniupnpd
  }
  chain prerouting_miniupnpd { }
  chain postrouting {
    type nat hook postrouting priority 100;
    jump postrouting_miniupnpd
    oifname "wan0" masquerade
  }
  chain postrouting_miniupnpd { }
}
`;

function ip(...args: readonly string[]): void {
  execFileSync("ip", args, { stdio: "pipe" });
}

let made = 0;

export async function makeGateway(options: GatewayOptions): Promise<Gateway> {
  const { dir, natPmp = true, upnp = true, deafTo, ports = "1024-65535", address = "44.128.0.1" } = options;
  const prefix = `boojum-gw-${process.pid}-${++made}`;
  const [home, router, outside] = [`${prefix}-home`, `${prefix}-gw`, `${prefix}-out`];
  const inRouter = (command: string, args: readonly string[], input?: string) =>
    execFileSync("ip", ["netns", "exec", router, command, ...args], {
      stdio: "pipe",
      encoding: "utf8",
      ...(input !== undefined && { input }),
    });
  const names: string[] = [];
  const removeNetwork = () => {
    for (const name of names.splice(0)) ip("netns", "del", name);
  };
  const config = path.join(dir, `${prefix}.conf`);
  let daemon: Child | undefined;
  const stop = async () => {
    await daemon?.stop("SIGKILL");
    daemon = undefined;
    inRouter("nft", ["flush", "chain", "inet", "filter", "prerouting_miniupnpd"]);
    inRouter("nft", ["flush", "chain", "inet", "filter", "miniupnpd"]);
  };
  const start = async () => {
    const args = ["-d", "-f", config, "-P", path.join(dir, `${prefix}.pid`)];
    daemon = new Child("/usr/sbin/miniupnpd", args, { network: router });
    const ports = [...(natPmp ? [NAT_PMP_PORT] : []), ...(upnp ? [SSDP_PORT] : [])];
    const isUp = () => {
      const bound = inRouter("cat", ["/proc/net/udp"]);
      return ports.every((port) => bound.includes(`:${port.toString(16).toUpperCase().padStart(4, "0")} `));
    };
    const deadline = Date.now() + 20_000;
    while (!isUp()) {
      if (Date.now() > deadline) throw new Error(`the router is not up: ${daemon.describe()}`);
      await sleep(50);
    }
  };
  try {
    for (const name of [home, router, outside]) {
      ip("netns", "add", name);
      names.push(name);
      ip("-n", name, "link", "set", "lo", "up");
    }
    const join = (inner: string, theirs: string, ours: string, at: string) => {
      ip("-n", router, "link", "add", inner, "type", "veth", "peer", "name", "eth0", "netns", theirs);
      ip("-n", router, "addr", "add", `${at}/24`, "dev", inner);
      ip("-n", theirs, "addr", "add", `${ours}/24`, "dev", "eth0");
      ip("-n", router, "link", "set", inner, "up");
      ip("-n", theirs, "link", "set", "eth0", "up");
    };
    join("lan0", home, "192.168.77.2", "192.168.77.1");
    join("wan0", outside, address.replace(/\d+$/, "2"), address);
    for (const each of [home, outside]) await linkUp(each, "eth0");
    ip("-n", home, "route", "add", "default", "via", "192.168.77.1");
    inRouter("sysctl", ["-qw", "net.ipv4.ip_forward=1"]);
    inRouter("nft", ["-f", "-"], RULES);
    if (deafTo !== undefined) {
      const rule = `udp dport 5351 @th,64,8 ${deafTo} drop`;
      inRouter(
        "nft",
        ["-f", "-"],
        `table inet deaf { chain in { type filter hook input priority 0; ${rule}; }\n}\n`,
      );
    }
    const yes = (on: boolean) => (on ? "yes" : "no");
    const lines = [
      "ext_ifname=wan0",
      "listening_ip=lan0",
      `enable_natpmp=${yes(natPmp)}`,
      `enable_upnp=${yes(upnp)}`,
      "secure_mode=yes",
      "http_port=0",
      "uuid=2d5e2b1e-0000-4000-8000-000000000000",
      "upnp_table_name=filter",
      "upnp_nat_table_name=filter",
      "upnp_forward_chain=miniupnpd",
      "upnp_nat_chain=prerouting_miniupnpd",
      "upnp_nat_postrouting_chain=postrouting_miniupnpd",
      `allow ${ports} 192.168.77.0/24 1024-65535`,
      "deny 0-65535 0.0.0.0/0 0-65535",
    ];
    writeFileSync(config, `${lines.join("\n")}\n`);
    await start();
  } catch (error) {
    await daemon?.stop("SIGKILL");
    removeNetwork();
    throw error;
  }
  return {
    address,
    home: inNetwork(home),
    outside: inNetwork(outside),
    mappings: () =>
      inRouter("nft", ["list", "chain", "inet", "filter", "prerouting_miniupnpd"])
        .split("\n")
        .flatMap((line) => {
          const rule = / 0x(6|11) th dport (\d+) dnat ip to ([\d.:]+)/.exec(line);
          return rule === null ? [] : [`${rule[1] === "6" ? "tcp" : "udp"} ${rule[2]} -> ${rule[3]}`];
        })
        .sort(),
    stop,
    start,
    remove: async () => {
      await daemon?.stop("SIGKILL");
      removeNetwork();
    },
  };
}
