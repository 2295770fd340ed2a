/** What keys mean in the live view. */
import type { Panel } from "./state.ts";

export type Action =
  | { readonly do: "show"; readonly panel: Panel }
  | { readonly do: "scroll"; readonly lines: number }
  | { readonly do: "limit"; readonly step: 1 | -1 }
  | { readonly do: "choose"; readonly way: "up" | "down" }
  | { readonly do: "quit" | "interrupt" | "suspend" | "abort" | "redraw" };

const PAGE = 10;

const KEYS: ReadonlyMap<string, Action> = new Map<string, Action>([
  ["p", { do: "show", panel: "peers" }],
  ["f", { do: "show", panel: "files" }],
  ["l", { do: "show", panel: "log" }],
  ["i", { do: "show", panel: "info" }],
  ["o", { do: "show", panel: "overview" }],
  ["?", { do: "show", panel: "help" }],
  ["h", { do: "show", panel: "help" }],
  ["\x1b", { do: "show", panel: "overview" }],
  ["+", { do: "limit", step: 1 }],
  ["=", { do: "limit", step: 1 }],
  ["-", { do: "limit", step: -1 }],
  ["u", { do: "choose", way: "up" }],
  ["d", { do: "choose", way: "down" }],
  ["\x1b[A", { do: "scroll", lines: -1 }],
  ["\x1b[B", { do: "scroll", lines: 1 }],
  ["\x1b[5~", { do: "scroll", lines: -PAGE }],
  ["\x1b[6~", { do: "scroll", lines: PAGE }],
  ["q", { do: "quit" }],
  ["\x03", { do: "interrupt" }],
  ["\x1a", { do: "suspend" }],
  ["\x1c", { do: "abort" }],
  ["\f", { do: "redraw" }],
]);

/** Snark's commands, typed and ended with Enter. */
const WORDS: ReadonlyMap<string, Action> = new Map<string, Action>([
  ["info", { do: "show", panel: "info" }],
  ["list", { do: "show", panel: "peers" }],
  ["quit", { do: "quit" }],
]);

const LONGEST_WORD = 4;

/**
 * Turns what a terminal sends into actions. A key acts at once; the letters of a word act one by one while it is typed,
 * and with Enter the whole word has the last say. So nobody has to choose between keys and words.
 */
export class KeyReader {
  #word = "";

  /** @param input what was typed since the last call, or pasted: letters, control characters, escape sequences */
  read(input: string): readonly Action[] {
    const actions: Action[] = [];
    // An escape sequence is one key; those that mean nothing here are passed over whole.
    for (const [key] of input.matchAll(/\x1b\[[\x20-\x3f]*[\x40-\x7e]|\x1bO.|[^]/gu)) {
      const action = key === "\r" || key === "\n" ? WORDS.get(this.#word) : KEYS.get(normal(key));
      this.#word = /^[a-z]$/.test(key) ? (this.#word + key).slice(-LONGEST_WORD) : "";
      if (action !== undefined) actions.push(action);
    }
    return actions;
  }
}

/** Terminals in application mode send arrows with an O. */
function normal(key: string): string {
  return key.replace(/^\x1bO([AB])$/, "\x1b[$1");
}
