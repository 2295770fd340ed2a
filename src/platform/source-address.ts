/** From which of our addresses we call others: only from those that we are bound to. */
import { networkInterfaces } from "node:os";
import { canonicalIp, ipScope, parseIp } from "../protocol/ip-address.ts";
import { isWithin } from "./own-address.ts";

/**
 * The address of ours that a connection to `remote` (an IP literal) must leave from; undefined when the system may
 * choose.
 * @throws {Error} none of those that we may use leads there.
 */
export type SourceFor = (remote: string) => string | undefined;

/** The system chooses. */
export const anySource: SourceFor = () => undefined;

/** @param bind the addresses that we listen on; empty for all of them */
export function sourcesOf(bind: readonly string[]): SourceFor {
  if (bind.length === 0) return anySource;
  return (remote) => {
    const to = parseIp(remote);
    const sameFamily = bind.filter((address) => parseIp(address)?.length === to?.length);
    if (to !== undefined && sameFamily.some((address) => address === (to.length === 4 ? "0.0.0.0" : "::")))
      return undefined;
    // "::" alone listens for both families.
    if (sameFamily.length === 0 && bind.includes("::")) return undefined;
    const chosen =
      to &&
      (sameFamily.find((address) => isOnNetworkOf(address, to)) ??
        sameFamily.find((address) => isLoopback(address) === (ipScope(to) === "loopback")) ??
        sameFamily[0]);
    if (chosen === undefined)
      throw new Error(`${remote} can't be reached from ${bind.join(" or ")} (--bind)`);
    return chosen;
  };
}

/** Asked anew each time: connections are made seldom, and addresses come and go. */
function isOnNetworkOf(address: string, remote: Uint8Array): boolean {
  const canonical = canonicalIp(address);
  for (const info of Object.values(networkInterfaces()).flatMap((infos) => infos ?? [])) {
    const own = parseIp(info.address);
    if (own === undefined || own.length !== remote.length || canonicalIp(info.address) !== canonical)
      continue;
    if (isWithin(remote, own, Number(info.cidr?.split("/")[1] ?? own.length * 8))) return true;
  }
  return false;
}

function isLoopback(address: string): boolean {
  const bytes = parseIp(address);
  return bytes !== undefined && ipScope(bytes) === "loopback";
}
