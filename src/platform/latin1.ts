/** As `toLatin1` of `protocol/bytes.ts`, by the system's own means: many times as fast for more than a few bytes. */
export function systemLatin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}
