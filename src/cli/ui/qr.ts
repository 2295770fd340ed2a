import { renderUnicodeCompact } from "uqr";

/** A QR code of `text` for a terminal, two modules a character; undefined when it is wider than `columns`. */
export function qrCode(text: string, columns: number): string | undefined {
  const code = renderUnicodeCompact(text, { border: 1 });
  const width = code.indexOf("\n");
  return width > columns ? undefined : code;
}
