/** Small tools for byte arrays; all of them return fresh arrays owned by the caller. */

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
const LATIN1_CHUNK = 4096;

/** Lower-case hexadecimal. */
export function toHex(bytes: Uint8Array): string {
  let hex = "";
  for (const byte of bytes) hex += HEX[byte];
  return hex;
}

/** @returns undefined when `hex` is not an even number of hexadecimal digits. */
export function fromHex(hex: string): Uint8Array | undefined {
  if (hex.length % 2 !== 0 || /[^0-9a-f]/i.test(hex)) return undefined;
  const bytes = new Uint8Array(hex.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

/** One character a byte (ISO 8859-1): a lossless key for maps. */
export function toLatin1(bytes: Uint8Array): string {
  if (bytes.length <= LATIN1_CHUNK) return String.fromCharCode(...bytes);
  // In runs: one call has a limit on its arguments, and a rope with a link per byte takes 32 times the memory.
  const runs: string[] = [];
  for (let at = 0; at < bytes.length; at += LATIN1_CHUNK) {
    runs.push(String.fromCharCode(...bytes.subarray(at, at + LATIN1_CHUNK)));
  }
  return runs.join("");
}

/** The inverse of {@link toLatin1}; characters above U+00FF lose their upper bits. */
export function fromLatin1(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

export function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
