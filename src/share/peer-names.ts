import { lookup } from "node:dns/promises";
import { type PeerAddress, parsePeerAddress } from "../protocol/peer-address.ts";

/** `HOST:PORT` with a name or an address. @returns undefined when it is none, or the name is not known here. */
export async function resolvePeer(text: string): Promise<PeerAddress | undefined> {
  const address = parsePeerAddress(text);
  if (address === undefined) return undefined;
  try {
    const { address: host } = await lookup(address.host);
    return { host, port: address.port };
  } catch {
    return undefined;
  }
}
