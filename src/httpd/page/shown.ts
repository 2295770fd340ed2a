import { escapeForTerminal } from "../../protocol/escape.ts";

/** Names come from strangers' disks: what would reorder or hide text is made visible. JSX escapes the rest. */
export function shown(text: string): string {
  return escapeForTerminal(text);
}
