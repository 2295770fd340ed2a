/** How a word-code is written; what it stands for is told by `share/find/word-code.ts`. */

/** As it is printed, from what people type: any case, spaces for dashes. Undefined when it can't be one. */
export function readWordCode(text: string): string | undefined {
  const parts = text
    .trim()
    .toLowerCase()
    .split(/[\s-]+/);
  const [number = "", ...words] = parts;
  const isCode =
    /^[1-9]\d?$/.test(number) && words.length === 3 && words.every((word) => /^[a-z]+$/.test(word));
  return isCode ? parts.join("-") : undefined;
}
