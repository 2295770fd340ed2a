/** Tells apart what shares our one TCP port. Pure: bytes in, verdict out. */
import { METHODS } from "node:http";

/** `undecided`: more bytes are needed. `unknown`: none of these; perhaps an obfuscated peer handshake, perhaps noise. */
export type Spoken = "peer" | "http" | "tls" | "unknown" | "undecided";

/** The length byte and name that open every plain peer connection (BEP 3, "peer protocol"). */
const PEER_OPENING = Buffer.from("\x13BitTorrent protocol", "latin1");
/** Every method that Node's parser knows, with the space that ends it. */
const METHOD_OPENINGS = METHODS.map((method) => Buffer.from(`${method} `, "latin1"));

/** A handshake record of TLS 1.x or SSL 3 (RFC 8446, 5.1), two bytes of length, a ClientHello; -1 is any byte. */
const TLS_OPENING = [0x16, 0x03, -1, -1, -1, 0x01];
const NEWEST_TLS = 4;

/** No verdict needs more bytes than this. */
export const LONGEST_OPENING = Math.max(PEER_OPENING.length, ...METHOD_OPENINGS.map((each) => each.length));

/** What the other side speaks, judged by the first bytes it sent; decided as early as they allow. */
export function tellProtocol(firstBytes: Uint8Array): Spoken {
  let undecided = false;
  if (opensWith(firstBytes, PEER_OPENING)) {
    if (firstBytes.length >= PEER_OPENING.length) return "peer";
    undecided = true;
  }
  for (const opening of METHOD_OPENINGS) {
    if (!opensWith(firstBytes, opening)) continue;
    if (firstBytes.length >= opening.length) return "http";
    undecided = true;
  }
  if (opensTls(firstBytes)) {
    if (firstBytes.length >= TLS_OPENING.length) return "tls";
    undecided = true;
  }
  return undecided ? "undecided" : "unknown";
}

/** Noise looks like it once in a hundred million times. */
function opensTls(bytes: Uint8Array): boolean {
  if ((bytes[2] ?? 0) > NEWEST_TLS) return false;
  return TLS_OPENING.every((byte, i) => byte === -1 || i >= bytes.length || bytes[i] === byte);
}

/** Whether one is the beginning of the other. */
function opensWith(bytes: Uint8Array, opening: Uint8Array): boolean {
  const compared = Math.min(bytes.length, opening.length);
  for (let i = 0; i < compared; i++) if (bytes[i] !== opening[i]) return false;
  return true;
}
