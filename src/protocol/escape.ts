/**
 * Makes text from strangers (names, client strings, messages of trackers) safe to show in a terminal or a log: every
 * control character, line end, bidirectional control and lone surrogate becomes a visible escape such as `\x1b`.
 * Printable text in any script, emoji included, is left as it is.
 */
export function escapeForTerminal(text: string): string {
  return text.replace(UNSAFE, (found) => {
    const code = found.charCodeAt(0);
    const short = SHORT.get(code);
    if (short !== undefined) return short;
    return code < 0x100 ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`;
  });
}

/** {@link escapeForTerminal} for text whose lines are meant, such as a stack; what is in them is escaped. */
export function escapeLines(text: string): string {
  return text.split("\n").map(escapeForTerminal).join("\n");
}

/**
 * One line of JSON. What {@link escapeForTerminal} escapes is written as `\uXXXX`, which means the same to whoever parses
 * it and nothing to a terminal that shows it.
 */
export function jsonLine(value: unknown): string {
  const text = JSON.stringify(value).replace(UNSAFE, (found) => `\\u${hex(found.charCodeAt(0), 4)}`);
  return `${text}\n`;
}

/**
 * C0, DEL and C1; the marks, embeddings, overrides and isolates that reorder text; line and paragraph separators; the
 * interlinear and deprecated format characters; zero-width space and byte order mark; and halves of surrogate pairs.
 * Joiners (U+200C, U+200D) stay: Indic and Persian names and emoji need them.
 */
const UNSAFE =
  /[\0-\x1f\x7f-\x9f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\p{Surrogate}]/gu;

const SHORT = new Map([
  [0x09, "\\t"],
  [0x0a, "\\n"],
  [0x0d, "\\r"],
]);

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, "0");
}
