/** A network of its own for a test (Linux, root): hosts in network namespaces, joined by a bridge, with no route out. */
import { execFileSync } from "node:child_process";
import type { ChildOptions } from "./child.ts";
import { Child } from "./child.ts";
import { commandPath } from "./command.ts";

function ip(...args: readonly string[]): void {
  execFileSync("ip", args, { stdio: "pipe" });
}

interface LanHost {
  readonly address: string;
  /** Runs a program there. */
  run(command: string, args: readonly string[], options?: ChildOptions): Child;
  /** Runs our command there, with `--json`. */
  share(args: readonly string[]): Child;
}

export interface Lan {
  readonly hosts: readonly LanHost[];
  remove(): void;
}

/** `count` hosts, 10.77.0.1 and following. */
export function makeLan(count: number): Lan {
  const prefix = `boojum-lan-${process.pid}`;
  const names = Array.from({ length: count }, (_, i) => `${prefix}-${i}`);
  const hub = `${prefix}-hub`;
  const made: string[] = [];
  const remove = () => {
    for (const name of made.splice(0)) ip("netns", "del", name);
  };
  try {
    for (const name of [hub, ...names]) {
      ip("netns", "add", name);
      made.push(name);
      ip("-n", name, "link", "set", "lo", "up");
    }
    ip("-n", hub, "link", "add", "br0", "type", "bridge");
    ip("-n", hub, "link", "set", "br0", "up");
    for (const [i, name] of names.entries()) {
      ip("-n", hub, "link", "add", `p${i}`, "type", "veth", "peer", "name", "eth0", "netns", name);
      ip("-n", hub, "link", "set", `p${i}`, "master", "br0", "up");
      ip("-n", name, "addr", "add", `10.77.0.${i + 1}/24`, "dev", "eth0");
      ip("-n", name, "link", "set", "eth0", "up");
      // As on any machine with a network: some programs send multicast along the default route only.
      ip("-n", name, "route", "add", "default", "dev", "eth0");
    }
  } catch (error) {
    remove();
    throw error;
  }
  return { hosts: names.map((name, i) => host(name, `10.77.0.${i + 1}`)), remove };
}

function host(name: string, address: string): LanHost {
  const run: LanHost["run"] = (command, args, options) =>
    new Child("ip", ["netns", "exec", name, command, ...args], options);
  return {
    address,
    run,
    share: (args) => run(process.execPath, [commandPath, ...args, "--json"], { env: { BOOJUM_NO_LAN: "" } }),
  };
}
