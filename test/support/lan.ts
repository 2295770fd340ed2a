/** A network of its own for a test (Linux, root): hosts in network namespaces, joined by a bridge, with no route out. */
import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll } from "vitest";
import { Child, type ChildOptions } from "./child.ts";
import { ShareProcess } from "./command.ts";
import { scratch } from "./data.ts";

/** What stands below it, by namespace, is seen in `/etc` by what `ip netns exec` starts. */
const OWN_FILES = "/etc/netns";

function ip(...args: readonly string[]): void {
  execFileSync("ip", args, { stdio: "pipe" });
}

/** A machine: a network namespace. */
export interface NetworkHost {
  /** Of the namespace. */
  readonly name: string;
  /** Runs a program there. */
  run(command: string, args: readonly string[], options?: ChildOptions): Child;
  /** Runs our command there, with `--json`, allowed to ask the network. */
  share(args: readonly string[], options?: ChildOptions): ShareProcess;
}

export interface LanHost extends NetworkHost {
  /** On its first network. */
  readonly address: string;
  /** Adds a line to its `/etc/hosts`; programs started from now on see it. */
  knows(address: string, name: string): void;
}

/** What a test on networks of its own stands on: the hosts, a folder, and what runs there. */
export interface LanStage {
  readonly hosts: readonly LanHost[];
  host(i: number): LanHost;
  /** A path below the folder. */
  at(...parts: string[]): string;
  /** A new folder. */
  fresh(): string;
  /** Has a program stopped when the test is over. */
  keep<Started extends Child>(child: Started): Started;
  /** What was kept and isn't stopped yet, the first one first. */
  readonly running: readonly Child[];
  /** Our command on host `i`, kept. */
  share(i: number, args: readonly string[], options?: ChildOptions): ShareProcess;
}

export interface LanOptions {
  readonly hosts: number;
  /** Of host i; network 0 by default. */
  readonly networksOf?: (i: number) => readonly number[];
  /** When what was kept is stopped: after each test by default, after the last one for tests that run at once. */
  readonly stops?: "each" | "last";
}

/** Makes a network before the tests of a file, and takes it away after them; called once, at the file's top level. */
export function useLan({ hosts, networksOf, stops = "each" }: LanOptions): LanStage {
  const place = scratch();
  const running: Child[] = [];
  let lan: Lan | undefined;
  const stopAll = () => Promise.allSettled(running.splice(0).map((child) => child.stop()));

  beforeAll(async () => {
    lan = await makeLan(hosts, networksOf);
  });
  if (stops === "each") afterEach(stopAll);
  afterAll(async () => {
    await stopAll();
    lan?.remove();
    place.remove();
  });

  const stage: LanStage = {
    running,
    get hosts() {
      return lan?.hosts ?? [];
    },
    host: (i) => {
      const found = stage.hosts[i];
      if (found === undefined) throw new Error(`no host ${i}`);
      return found;
    },
    at: (...parts) => path.join(place.dir, ...parts),
    fresh: () => place.fresh(),
    keep: (child) => {
      running.push(child);
      return child;
    },
    share: (i, args, options) => stage.keep(stage.host(i).share(args, options)),
  };
  return stage;
}

interface Lan {
  readonly hosts: readonly LanHost[];
  remove(): void;
}

/**
 * `count` hosts. Host i has, on network n, the address 10.77.n.(i + 1) and the interface ethn.
 * @param networksOf of host i; network 0 by default
 */
async function makeLan(
  count: number,
  networksOf: (i: number) => readonly number[] = () => [0],
): Promise<Lan> {
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
    for (const [i, name] of names.entries()) for (const n of networksOf(i)) await linkUp(name, `eth${n}`);
  } catch (error) {
    remove();
    throw error;
  }
  return { hosts: names.map((name, i) => host(name, `10.77.${networksOf(i)[0]}.${i + 1}`)), remove };
}

/** Programs in the network namespace of that name. */
export function inNetwork(name: string): NetworkHost {
  return {
    name,
    run: (command, args, options) => new Child(command, args, { ...options, network: name }),
    share: (args, options) =>
      new ShareProcess(args, {
        ...options,
        network: name,
        env: { BOOJUM_NO_LAN: "", ...options?.env },
      }),
  };
}

/** Waits: a link that has just been set up isn't there for programs for a moment. */
export async function linkUp(network: string, link: string): Promise<void> {
  const state = () => execFileSync("ip", ["-n", network, "-o", "link", "show", link], { encoding: "utf8" });
  for (const deadline = Date.now() + 20_000; !/ state UP /.test(state()); ) {
    if (Date.now() > deadline) throw new Error(`${link} of ${network} isn't up: ${state()}`);
    await sleep(50);
  }
}

function host(name: string, address: string): LanHost {
  return {
    ...inNetwork(name),
    address,
    knows: (address, alias) => {
      const hosts = path.join(OWN_FILES, name, "hosts");
      mkdirSync(path.dirname(hosts), { recursive: true });
      appendFileSync(hosts, `${address} ${alias}\n`);
    },
  };
}
