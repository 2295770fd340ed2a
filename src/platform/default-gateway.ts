/** Where this machine sends what is for the rest of the world: the router of its network, IPv4. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { parseIp } from "../protocol/ip-address.ts";

/** Milliseconds, and bytes: a machine with that many routes is a router itself. */
const TIMEOUT = 3_000;
const MAX_OUTPUT = 1024 * 1024;

/** @returns an IP literal; undefined when there is no such router, or the system doesn't tell. */
export async function defaultGateway(): Promise<string | undefined> {
  try {
    if (process.platform === "linux") return gatewayFromProc(await readFile("/proc/net/route", "latin1"));
    // macOS, Windows and the BSDs all have it, and need no special rights for it.
    const told = await promisify(execFile)("netstat", ["-rn"], {
      timeout: TIMEOUT,
      maxBuffer: MAX_OUTPUT,
      windowsHide: true,
    });
    return gatewayFromNetstat(told.stdout);
  } catch {
    return undefined;
  }
}

/** The gateway of the default route with the lowest metric, from Linux's `/proc/net/route`. */
export function gatewayFromProc(table: string): string | undefined {
  let best: { readonly gateway: string; readonly metric: number } | undefined;
  for (const line of table.split("\n")) {
    const [, destination, gateway = "", flags, , , metric, mask] = line.trim().split(/\s+/);
    // RTF_UP and RTF_GATEWAY; a number is in the machine's own byte order, which is little-endian wherever Node runs on Linux
    // but for s390x, where nobody has a router of this kind.
    const isRoute = destination === "00000000" && mask === "00000000" && /^[0-9A-F]{8}$/i.test(gateway);
    if (!isRoute || (Number.parseInt(flags ?? "", 16) & 3) !== 3) continue;
    const octets = [6, 4, 2, 0].map((at) => Number.parseInt(gateway.slice(at, at + 2), 16));
    if (best === undefined || Number(metric) < best.metric)
      best = { gateway: octets.join("."), metric: Number(metric) };
  }
  return best?.gateway;
}

/** From `netstat -rn` of macOS (`default 192.168.1.1 ...`) and Windows (`0.0.0.0 0.0.0.0 192.168.1.1 ...`): the first. */
export function gatewayFromNetstat(table: string): string | undefined {
  for (const line of table.split("\n")) {
    const [destination, second = "", third = ""] = line.trim().split(/\s+/);
    const gateway = destination === "default" ? second : third;
    const isDefault = destination === "default" || (destination === "0.0.0.0" && second === "0.0.0.0");
    if (isDefault && parseIp(gateway)?.length === 4) return gateway;
  }
  return undefined;
}
