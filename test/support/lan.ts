/** A network of its own for a test (Linux, root): hosts in network namespaces, joined by a bridge, with no route out. */
import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import type { ChildOptions } from "./child.ts";
import { Child } from "./child.ts";
import { commandPath } from "./command.ts";

/** What stands below it, by namespace, is seen in `/etc` by what `ip netns exec` starts. */
const OWN_FILES = "/etc/netns";

function ip(...args: readonly string[]): void {
  execFileSync("ip", args, { stdio: "pipe" });
}

export interface LanHost {
  /** Of its network namespace. */
  readonly name: string;
  /** On its first network. */
  readonly address: string;
  /** Runs a program there. */
  run(command: string, args: readonly string[], options?: ChildOptions): Child;
  /** Adds a line to its `/etc/hosts`; programs started from now on see it. */
  knows(address: string, name: string): void;
  /** Runs our command there, with `--json`. */
  share(args: readonly string[], options?: ChildOptions): Child;
}

export interface Lan {
  readonly hosts: readonly LanHost[];
  remove(): void;
}

/**
 * `count` hosts. Host i has, on network n, the address 10.77.n.(i + 1) and the interface ethn.
 * @param networksOf of host i; network 0 by default
 */
export function makeLan(count: number, networksOf: (i: number) => readonly number[] = () => [0]): Lan {
  const prefix = `boojum-lan-${process.pid}`;
  const names = Array.from({ length: count }, (_, i) => `${prefix}-${i}`);
  const hub = `${prefix}-hub`;
  const made: string[] = [];
  const remove = () => {
    for (const name of made.splice(0)) {
      ip("netns", "del", name);
      rmSync(path.join(OWN_FILES, name), { recursive: true, force: true });
    }
  };
  try {
    for (const name of [hub, ...names]) {
      ip("netns", "add", name);
      made.push(name);
      ip("-n", name, "link", "set", "lo", "up");
    }
    for (const n of new Set(names.flatMap((_, i) => networksOf(i)))) {
      ip("-n", hub, "link", "add", `br${n}`, "type", "bridge");
      ip("-n", hub, "link", "set", `br${n}`, "up");
    }
    for (const [i, name] of names.entries()) {
      const networks = networksOf(i);
      for (const n of networks) {
        const port = `p${i}-${n}`;
        ip("-n", hub, "link", "add", port, "type", "veth", "peer", "name", `eth${n}`, "netns", name);
        ip("-n", hub, "link", "set", port, "master", `br${n}`, "up");
        ip("-n", name, "addr", "add", `10.77.${n}.${i + 1}/24`, "dev", `eth${n}`);
        ip("-n", name, "link", "set", `eth${n}`, "up");
      }
      // As on any machine with a network: some programs send multicast along the default route only.
      ip("-n", name, "route", "add", "default", "dev", `eth${networks[0]}`);
    }
  } catch (error) {
    remove();
    throw error;
  }
  return { hosts: names.map((name, i) => host(name, `10.77.${networksOf(i)[0]}.${i + 1}`)), remove };
}

function host(name: string, address: string): LanHost {
  const run: LanHost["run"] = (command, args, options) =>
    new Child("ip", ["netns", "exec", name, command, ...args], options);
  return {
    name,
    address,
    run,
    knows: (address, alias) => {
      const hosts = path.join(OWN_FILES, name, "hosts");
      mkdirSync(path.dirname(hosts), { recursive: true });
      appendFileSync(hosts, `${address} ${alias}\n`);
    },
    share: (args, options) =>
      run(process.execPath, [commandPath, ...args, "--json"], {
        ...options,
        env: { BOOJUM_NO_LAN: "", ...options?.env },
      }),
  };
}
