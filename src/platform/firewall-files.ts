/** What a system says about its firewall to anybody who asks, without root. */
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";

/** Texts of files, undefined when they are not there or not for us. */
export interface FirewallFacts {
  readonly platform: string;
  /** `/etc/ufw/ufw.conf`. */
  readonly ufwConf?: string | undefined;
  /** `/etc/ufw/user.rules`, which only root may read. */
  readonly ufwRules?: string | undefined;
  /** The process of `/run/firewalld.pid` is there. */
  readonly firewalld: boolean;
  /** systemd loads rules of its own at the start of the machine. */
  readonly nftablesUnit: boolean;
  /** `nft list chains`, which only root may ask for. */
  readonly nftChains?: string | undefined;
  /** What macOS's `socketfilterfw --getglobalstate` says. */
  readonly macState?: string | undefined;
}

const MAC_FIREWALL = "/usr/libexec/ApplicationFirewall/socketfilterfw";
const PATIENCE = 2_000;

export async function readFirewallFacts(): Promise<FirewallFacts> {
  const { platform } = process;
  if (platform === "darwin") {
    const macState = await output(MAC_FIREWALL, ["--getglobalstate"]);
    return { platform, firewalld: false, nftablesUnit: false, macState };
  }
  if (platform !== "linux") return { platform, firewalld: false, nftablesUnit: false };
  const pid = textOf("/run/firewalld.pid")?.trim();
  return {
    platform,
    ufwConf: textOf("/etc/ufw/ufw.conf"),
    ufwRules: textOf("/etc/ufw/user.rules"),
    firewalld: pid !== undefined && /^\d+$/.test(pid) && existsSync(`/proc/${pid}`),
    nftablesUnit: existsSync("/etc/systemd/system/sysinit.target.wants/nftables.service"),
    nftChains: process.getuid?.() === 0 ? await output("nft", ["list", "chains"]) : undefined,
  };
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** What a program writes, undefined when it fails or isn't there. */
function output(command: string, args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(command, [...args], { timeout: PATIENCE }, (error, text) =>
      resolve(error === null ? text : undefined),
    );
  });
}
