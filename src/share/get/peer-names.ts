import { lookup } from "node:dns/promises";
import { type PeerAddress, parsePeerAddress } from "../../protocol/peer-address.ts";

/** A peer has one or two; a name with more is no peer's. */
const MAX_ADDRESSES = 4;

/**
 * `HOST:PORT` with a name or an address. Of a name all addresses are given, since one of them may lead nowhere; that
 * several are one peer is seen when it says its id.
 * @returns none when it is malformed, or the name is not known here.
 */
export async function resolvePeer(text: string): Promise<readonly PeerAddress[]> {
  const address = parsePeerAddress(text);
  if (address === undefined) return [];
  try {
    const found = await lookup(address.host, { all: true });
    return found.slice(0, MAX_ADDRESSES).map(({ address: host }) => ({ host, port: address.port }));
  } catch {
    return [];
  }
}
