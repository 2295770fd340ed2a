/** Whether a peer knows a torrent's token: what both sides say of it in their extension handshakes. */
import type { PeerId } from "../../protocol/ids.ts";

/** Who of two peers made the connection. */
export type Role = "dialler" | "answerer";

/**
 * What the one in `role` says to show that it knows the token: an HMAC over both peer ids and the role, so that it is
 * of no use to anybody else, nor to the other side, nor in another direction.
 */
export type Prove = (role: Role, dialler: PeerId, answerer: PeerId) => Uint8Array;

/** Compares without telling by its duration where the two begin to differ. */
export function isSameProof(said: Uint8Array | undefined, expected: Uint8Array): boolean {
  if (said?.length !== expected.length) return false;
  let difference = 0;
  for (let i = 0; i < expected.length; i++) difference |= (said[i] ?? 0) ^ (expected[i] ?? 0);
  return difference === 0;
}
